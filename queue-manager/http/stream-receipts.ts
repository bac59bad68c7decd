import { buildFinalAckBody } from '../../protocol/binary/final-ack.js'
import { urlSpec } from '../../protocol/srmp/to-packet.js'
import type { Context } from '../context.js'
import type { IncomingSequence } from '../incoming-sequence.js'
import { sendOrderAck } from '../order-ack.js'
import type { Timer } from '../timers.js'

interface Due {
  readonly timer: Timer
  /** Monotonic ms: since when a message of the stream waits for its receipt. */
  readonly sinceMs: number
}

/**
 * Receipts for streams, one for many messages: OrderAckTimeout after the last that came, and not put off for longer than
 * SeqMaxAckDelay ([MC-MQSRM] 3.1.2.3, 3.1.6.3). They say what is durable, and go to the address that the first message of
 * the stream named, whoever that is.
 */
export class StreamReceipts {
  readonly #context: Context
  readonly #due = new Map<IncomingSequence, Due>()

  constructor(context: Context) {
    this.#context = context
  }

  /** A message of this stream was taken, or came again: its sender may not have heard. */
  add(sequence: IncomingSequence): void {
    if (sequence.durable.number === 0) return
    const { now, settings, timers } = this.#context
    let due = this.#due.get(sequence)
    if (due === undefined) {
      const timer = timers.create('stream receipt', () => this.#send(sequence))
      due = { timer, sinceMs: now.monotonicMs }
      this.#due.set(sequence, due)
    } else if (now.monotonicMs - due.sinceMs >= settings.SeqMaxAckDelay * 1000) {
      this.#send(sequence)
      return
    }
    due.timer.start(now, settings.OrderAckTimeout)
  }

  #send(sequence: IncomingSequence): void {
    this.#due.get(sequence)?.timer.discard()
    this.#due.delete(sequence)
    const { id, number, receipts } = sequence.durable
    if (receipts === null) return
    sendOrderAck(this.#context, sequence, {
      destination: `DIRECT=${receipts.to}`,
      // of an order ack the rest of the body is free: it says whose stream it is
      body: buildFinalAckBody({
        sequenceId: id,
        sequenceNumber: number,
        previousSequenceNumber: number - 1,
        sourceGuid: sequence.source,
        messageId: 0,
      }),
      response: urlSpec(receipts.from, 'path/to', '2.2.4.2'),
      sessionPeer: sequence.lastPeer,
      direct: true,
    })
  }
}
