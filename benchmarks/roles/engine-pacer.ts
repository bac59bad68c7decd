import { createTrackedBody } from '../../protocol/tracked-body.js'
import type { Note } from '../../queue-manager/notes.js'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import { runOpenLoop } from '../open-loop.js'
import { type EngineRoleOptions, runEngine } from './engine.js'

export interface PacedRun {
  readonly sender: number
  readonly destination: string
  /** Each message is a transaction of its own. */
  readonly transactional: boolean
  readonly bodyBytes: number
  readonly ratePerS: number
  readonly durationMs: number
}

/** Microseconds from the time a message was meant to be sent. */
export interface PacedResult {
  readonly offered: number
  readonly accepted: number
  readonly refused: number
  /** To the session ack that covers it. */
  readonly sessionAck: LatencySummary
  /** To the order ack that covers it; nothing for express messages. */
  readonly orderAck: LatencySummary
}

interface Unordered {
  readonly sequence: string
  readonly number: number
  readonly intendedUs: number
}

/** A sending queue manager with messages at a fixed rate. When acknowledgements come it learns from the engine's notes,
 *  which this role therefore turns on. */
export async function startEnginePacer(options: EngineRoleOptions) {
  const sessionAck = new LatencyRecorder()
  const orderAck = new LatencyRecorder()
  /** By MessageID, until the session ack. */
  const intendedUsOf = new Map<number, number>()
  /** Sent, without their order ack, in the order of their numbers. */
  let unordered: Unordered[] = []
  let unorderedFirst = 0
  let accepted = 0
  let refused = 0

  const onNote = (note: Note) => {
    switch (note.kind) {
      case 'sent': {
        const intendedUs = intendedUsOf.get(note.messageId)
        if (note.tx !== null && note.attempt === 1 && intendedUs !== undefined)
          unordered.push({ sequence: note.tx.sequence, number: note.tx.number, intendedUs })
        break
      }
      case 'session-acked': {
        const intendedUs = intendedUsOf.get(note.messageId)
        if (intendedUs !== undefined && intendedUsOf.delete(note.messageId))
          sessionAck.record(monotonicUs() - intendedUs)
        break
      }
      case 'order-ack-received': {
        const nowUs = monotonicUs()
        for (;;) {
          const first = unordered[unorderedFirst]
          if (first === undefined || first.sequence !== note.sequence || first.number > note.number) break
          orderAck.record(nowUs - first.intendedUs)
          unorderedFirst += 1
        }
        break
      }
    }
  }
  const { engine, host, stop } = await runEngine(options, true, {
    onOutcome: (_request, outcome) => {
      if (outcome === 'accepted') accepted += 1
      else refused += 1
    },
    onNote,
  })

  return {
    /** Sends at the rate; resolves with the number sent, when the last is handed over. */
    send: ({ sender, destination, transactional, bodyBytes, ratePerS, durationMs }: PacedRun): Promise<number> => {
      sessionAck.reset()
      orderAck.reset()
      unordered = []
      unorderedFirst = 0
      accepted = 0
      refused = 0
      return runOpenLoop({
        ratePerS,
        durationMs,
        send: (intendedUs, index) => {
          const number = index + 1
          const transaction = transactional ? number : 0
          const body = createTrackedBody({
            sender,
            number,
            transaction,
            intendedSendUs: intendedUs,
            bodySize: bodyBytes,
          })
          const message = { destination, body }
          const { messageIds } = host.call((engine, now) =>
            transactional ? engine.sendTransaction(now, [message]) : engine.send(now, message),
          )
          for (const messageId of messageIds) intendedUsOf.set(messageId, intendedUs)
        },
      })
    },
    outgoing: (): number => engine.counters.outgoingMessages,
    result: (): PacedResult => ({
      offered: accepted + refused,
      accepted,
      refused,
      sessionAck: sessionAck.summary(),
      orderAck: orderAck.summary(),
    }),
    close: stop,
  }
}
