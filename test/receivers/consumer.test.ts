import t from 'tap'
import { buildUserMessage } from '../../protocol/binary/build.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { NIL_GUID } from '../../protocol/guid.js'
import { MessageClass } from '../../protocol/message-class.js'
import { fillTrackedFiller, TRACKED_BODY_SIZE, writeTrackedBody } from '../../protocol/tracked-body.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import { Consumer, type ConsumerOptions, type ReceivingEngine } from '../../receivers/consumer.js'
import { ReceiverLedger } from '../../receivers/receiver-ledger.js'
import { VirtualHost } from '../fixtures/virtual-host.js'

function message(
  number: number,
  change: (body: Buffer) => Buffer = body => body,
  messageClass: number = MessageClass.NORMAL,
): ReceivedMessage {
  const body = Buffer.alloc(200)
  writeTrackedBody(body, 0, {
    sender: 1,
    number,
    transaction: 0,
    indexInTransaction: 0,
    transactionSize: 1,
    queueIndex: 0,
    intendedSendUs: 0,
    bodySize: body.length,
  })
  fillTrackedFiller(body, TRACKED_BODY_SIZE, number)
  const packet = buildUserMessage({
    priority: 3,
    timeToReachQueue: 0xffffffff,
    timeToBeReceived: 0xffffffff,
    sourceQueueManager: NIL_GUID,
    queueManagerAddress: NIL_GUID,
    sentTime: 0,
    messageId: number,
    delivery: 'express',
    destination: { type: 7, name: 'TCP:127.0.0.1\\private$\\q' },
    acknowledgements: 0,
    label: '',
    messageClass,
    bodyType: 0,
    applicationTag: 0,
    body: change(body),
  })
  const decoded = decodePacket(packet)
  if (!('properties' in decoded)) throw new Error('not a user message')
  return {
    lookupId: number,
    packet,
    message: decoded,
    arrivedMs: 0,
    abortCount: 0,
    moveCount: 0,
    authenticated: false,
  }
}

function consuming(options: Partial<ConsumerOptions> = {}) {
  const asked: [string, number][] = []
  const engine: ReceivingEngine = {
    receive(_now, queue, messagesMax) {
      asked.push([queue, messagesMax])
      return asked.length
    },
  }
  const host = new VirtualHost(engine)
  const ledger = new ReceiverLedger()
  return { asked, host, ledger, consumer: new Consumer(host, ledger, { queues: ['a', 'b'], ...options }) }
}

t.test('asks until a queue is empty, then waits for it to have messages again', async t => {
  const { asked, consumer, ledger } = consuming()
  consumer.start()
  t.strictSame(
    asked.map(([queue]) => queue),
    ['a', 'b'],
  )
  consumer.received('a', [message(1), message(2)])
  t.equal(asked.length, 3, 'there may be more')
  consumer.arrived('a')
  t.equal(asked.length, 3, 'a receive is under way already')
  consumer.received('a', [])
  t.equal(asked.length, 3)
  consumer.arrived('a')
  t.strictSame(asked[3]?.[0], 'a')
  consumer.arrived('another')
  consumer.received('another', [message(9)])
  t.equal(asked.length, 4, 'queues that are not its own')
  t.match(ledger.data(), { received: 2, senders: [{ delivered: 2 }] })
})

t.test('a slow consumer takes one at a time and rests', async t => {
  const { asked, consumer, host } = consuming({ queues: ['a'], pauseMs: 10 })
  consumer.start()
  t.strictSame(asked, [['a', 1]])
  consumer.received('a', [message(1)])
  host.advance(9)
  t.equal(asked.length, 1)
  host.advance(1)
  t.equal(asked.length, 2)
  consumer.received('a', [message(2)])
  consumer.stop()
  host.advance(100)
  t.equal(asked.length, 2, 'stopped')
})

t.test(
  'bodies that are foreign, cut or filled with something else; a message that came back is not a delivery',
  async t => {
    const rows: [string, ReceivedMessage, { foreign: number; bodyFailures: number; delivered: number }][] = [
      ['good', message(1), { foreign: 0, bodyFailures: 0, delivered: 1 }],
      ['foreign', message(1, () => Buffer.from('hello')), { foreign: 1, bodyFailures: 0, delivered: 0 }],
      ['cut', message(1, body => body.subarray(0, 150)), { foreign: 0, bodyFailures: 1, delivered: 1 }],
      ['torn', message(1, body => body.fill(0, 190)), { foreign: 0, bodyFailures: 1, delivered: 1 }],
      ['a nack', message(1, body => body, MessageClass.NACK_BAD_DST_Q), { foreign: 1, bodyFailures: 0, delivered: 0 }],
    ]
    for (const [name, queued, { delivered, ...expected }] of rows) {
      const { consumer, ledger } = consuming({ verifyBodies: true })
      consumer.received('a', [queued])
      t.match(ledger.data(), expected, name)
      t.equal(ledger.data().senders[0]?.delivered ?? 0, delivered, name)
    }
  },
)
