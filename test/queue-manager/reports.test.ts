import t from 'tap'
import { SimWorld } from '../../lab/sim/world.js'
import { MessageClass } from '../../protocol/message-class.js'
import { addNode, addressOf, direct, guidOf, PLAIN_QUEUE } from '../fixtures/sim-tests.js'

const REPORTS = 'reports'
const REPORTS_GUID = guidOf(0x55)

function traced(settings: Readonly<Record<string, number>>) {
  const world = new SimWorld(1)
  const [sender, receiver, reporter] = [1, 2, 3].map(number => addNode(world, number, { settings }))
  reporter!.driver.call((engine, now) => engine.createQueue(now, { name: REPORTS, guid: REPORTS_GUID }))
  // what a directory would say of the public queue
  world.resolver.queueManagers.set(REPORTS_GUID, [addressOf(3)])
  return { world, sender: sender!, receiver: receiver!, reporter: reporter! }
}

t.test('a traced message is reported when it leaves and when it arrives', async t => {
  const { world, sender, receiver, reporter } = traced({ EnableReportMessages: 1 })
  const destination = direct(receiver, PLAIN_QUEUE)
  const { messageIds } = sender.send({
    destination,
    body: Buffer.from('b'),
    reportQueue: `PUBLIC=${REPORTS_GUID}`,
    trace: true,
  })
  world.runFor(20_000)
  const reports = reporter.receive(REPORTS, { max: 10 }).map(({ message }) => message)
  t.equal(reports.length, 2)
  const id = messageIds[0]!.toString(16).toUpperCase().padStart(8, '0')
  const sent = reports.find(({ user }) => user.sourceQueueManager === guidOf(1))!
  const received = reports.find(({ user }) => user.sourceQueueManager === guidOf(2))!
  for (const { properties, user } of [sent, received]) {
    t.equal(properties.messageClass, MessageClass.REPORT)
    t.equal(user.flags & 0x60, 0, 'express')
    t.match(
      properties.label,
      new RegExp(
        `^0000:${id}:00 received by ${guidOf(1).toUpperCase()} at \\d\\d:\\d\\d:\\d\\d [AP]M (Mon|Tue|Wed|Thu|Fri|Sat|Sun),[A-Z][a-z][a-z] \\d\\d \\d\\d$`,
      ),
    )
  }
  const common = `<MESSAGE ID>${id}</MESSAGE ID>\r\n<TARGET QUEUE>${destination}</TARGET QUEUE>\r\n`
  const hop = `<NEXT HOP>${addressOf(2)}</NEXT HOP>\r\n<HOP COUNT>00 </HOP COUNT>\r\n`
  t.equal(received.properties.body.toString('utf16le'), common)
  t.equal(sent.properties.body.toString('utf16le'), common + hop)
})

t.test('no reports where they are switched off, where nothing is traced, or where nobody is found', async t => {
  for (const [what, enabled, trace, reportQueue] of [
    ['off', 0, true, REPORTS_GUID],
    ['not traced', 1, false, REPORTS_GUID],
    ['unknown queue', 1, true, guidOf(0x66)],
  ] as const) {
    const { world, sender, receiver, reporter } = traced({ EnableReportMessages: enabled })
    const destination = direct(receiver, PLAIN_QUEUE)
    sender.send({ destination, body: Buffer.from('b'), reportQueue: `PUBLIC=${reportQueue}`, trace })
    world.runFor(20_000)
    t.equal(receiver.bodies(PLAIN_QUEUE).length, 1, what)
    t.equal(reporter.bodies(REPORTS).length, 0, what)
  }
})

t.test('what can be asked for', async t => {
  const { sender, receiver } = traced({})
  const message = { destination: direct(receiver, PLAIN_QUEUE), body: Buffer.from('b'), trace: true }
  t.throws(() => sender.send(message), { code: 'MSMQ_OPTION_RANGE' }, 'a trace without a report queue')
  t.throws(() => sender.send({ ...message, reportQueue: direct(receiver, 'q') }), { code: 'MSMQ_OPTION_FORMAT_NAME' })
})

t.test('a public queue can be sent to by its GUID, here and elsewhere', async t => {
  const { world, sender, reporter } = traced({})
  for (const node of [sender, reporter])
    node.send({ destination: `PUBLIC=${REPORTS_GUID}`, body: Buffer.from(node.name), delivery: 'recoverable' })
  world.runFor(20_000)
  t.strictSame(reporter.bodies(REPORTS).sort(), ['N1', 'N3'])
})
