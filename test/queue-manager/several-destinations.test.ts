import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { mqfElements } from '../../protocol/binary/multi-queue-format-header.js'
import { MessageClass } from '../../protocol/message-class.js'
import { addNode, addressOf, direct, guidOf, PLAIN_QUEUE, TX_QUEUE } from '../fixtures/sim-tests.js'

function threeNodes() {
  const world = new SimWorld(1)
  return { world, sender: addNode(world, 1), one: addNode(world, 2), other: addNode(world, 3) }
}

t.test('each element gets a copy that names them all, whatever the delivery', async t => {
  for (const kind of ['express', 'recoverable', 'transactional'] as const) {
    const { world, sender, one, other } = threeNodes()
    const queue = kind === 'transactional' ? TX_QUEUE : PLAIN_QUEUE
    const names = [
      direct(one, queue),
      `PRIVATE=${guidOf(3)}\\${queue === TX_QUEUE ? '65' : '64'}`,
      direct(sender, queue),
    ]
    const adminQueue = direct(sender, PLAIN_QUEUE)
    const message = { destination: names.join(','), body: Buffer.from(kind), adminQueue, label: 'to all' }
    const { messageIds } =
      kind === 'transactional' ? sender.sendTransaction([message]) : sender.send({ ...message, delivery: kind })
    t.equal(new Set(messageIds).size, 3, 'each with an identifier of its own')
    world.runFor(20_000)
    for (const node of [one, other, sender]) {
      t.strictSame(node.bodies(queue), [kind], `${kind} at ${node.name}`)
      const { multiQueueFormat, properties } = node.engine.peek(queue, 1)[0]!.message
      t.equal(properties.label, 'to all')
      t.strictSame(
        mqfElements(multiQueueFormat!.destination).map(element =>
          element.formatType === 3 ? `DIRECT=${element.name}` : element.formatType === 2 ? element.queueManager : null,
        ),
        [names[0], guidOf(3), names[2]],
      )
      t.match(mqfElements(multiQueueFormat!.administration), [{ name: adminQueue.slice('DIRECT='.length) }])
      t.equal(multiQueueFormat!.response.elementCount, 0)
    }
    t.equal(sender.engine.counters.outgoingMessages, 0)
  }
})

t.test('two queues of one machine both get theirs: their copies are not duplicates', async t => {
  const { world, sender, one } = threeNodes()
  one.driver.call((engine, now) => engine.createQueue(now, { name: 'private$\\second' }))
  sender.send({ destination: `${direct(one, PLAIN_QUEUE)},${direct(one, 'private$\\second')}`, body: Buffer.from('b') })
  world.runFor(20_000)
  t.strictSame([one.bodies(PLAIN_QUEUE), one.bodies('private$\\second')], [['b'], ['b']])
})

t.test('each copy has its own end', async t => {
  const { world, sender, one } = threeNodes()
  const destination = [direct(one, PLAIN_QUEUE), direct({ address: addressOf(9) }, 'q')].join(',')
  sender.send({
    destination,
    body: Buffer.from('b'),
    timeToReachQueueS: 5,
    journalNegative: true,
    journalPositive: true,
  })
  world.runFor(20_000)
  t.strictSame(sender.bodies('system$;journal'), ['b'])
  t.strictSame(sender.bodies('system$;deadletter'), ['b'])
  const [dead] = sender.engine.peek('system$;deadletter', 1)
  t.equal(dead!.message.properties.messageClass, MessageClass.NACK_REACH_QUEUE_TIMEOUT)
})

t.test('the same element twice is one', async t => {
  const { world, sender, one } = threeNodes()
  const name = direct(one, PLAIN_QUEUE)
  const { messageIds } = sender.send({ destination: `${name},${name}`, body: Buffer.from('b') })
  t.equal(messageIds.length, 1)
  world.runFor(20_000)
  t.strictSame(one.bodies(PLAIN_QUEUE), ['b'])
  t.equal(one.engine.peek(PLAIN_QUEUE, 1)[0]!.message.multiQueueFormat, null)
})

t.test('one bad element, and nothing is sent', async t => {
  const { world, sender, one } = threeNodes()
  const good = direct(one, PLAIN_QUEUE)
  for (const [bad, message] of [
    ['MULTICAST=234.1.1.1:8001', /multicast \(PGM\) is not supported/],
    [`DL=${guidOf(5)}`, /no directory here that resolves DL=/],
    [direct(sender, 'private$\\none'), /of an existing queue/],
    [`${good};JOURNAL`, /no journal/],
    ['DIRECT=SPX:0001:host\\q', /DIRECT=HTTPS:/],
  ] as const) {
    t.throws(() => sender.send({ destination: `${good},${bad}`, body: Buffer.from('b') }), { message }, bad)
    t.throws(() => sender.send({ destination: bad, body: Buffer.from('b') }), { code: 'MSMQ_OPTION_FORMAT_NAME' }, bad)
  }
  const refused = sender.send({ destination: `${good},${direct(sender, TX_QUEUE)}`, body: Buffer.from('b') })
  t.match(refused, { outcome: 'refused', error: 'MQ_ERROR_TRANSACTION_USAGE' })
  world.runFor(20_000)
  t.equal(one.bodies(PLAIN_QUEUE).length, 0)
  t.equal(sender.engine.counters.outgoingMessages, 0)
})

t.test('a message of many parts is read by the packet codec as it was written', async t => {
  const { world, sender, one, other } = threeNodes()
  sender.send({
    destination: [direct(one, PLAIN_QUEUE), direct(other, PLAIN_QUEUE)].join(','),
    body: Buffer.from('odd'),
    label: 'l',
    extension: Buffer.from('extended'),
    responseQueue: `PUBLIC=${guidOf(8)}`,
    reportQueue: `PUBLIC=${guidOf(7)}`,
    correlationId: Buffer.alloc(20, 3),
  })
  world.runFor(20_000)
  const { message } = one.engine.peek(PLAIN_QUEUE, 1)[0]!
  t.equal(message.properties.body.toString(), 'odd')
  t.equal(message.debug?.queueIdentifier, guidOf(7))
  t.match(mqfElements(message.multiQueueFormat!.response), [{ formatType: 1, guid: guidOf(8) }])
  t.equal(message.trailing.length, 0)
})
