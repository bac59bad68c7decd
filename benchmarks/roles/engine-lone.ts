import { createTrackedBody } from '../../protocol/tracked-body.js'
import { LatencyRecorder, type LatencySummary, monotonicUs } from '../latency.js'
import { type EngineRoleOptions, runEngine } from './engine.js'

export interface LoneRun {
  readonly sender: number
  readonly destination: string
  readonly bodyBytes: number
  readonly messages: number
  /** Between the session ack of one message and the next. */
  readonly restMs: number
}

export interface LoneResult {
  readonly accepted: number
  readonly refused: number
  /** From the call to the outcome: the message is on the sender's disk. */
  readonly durable: LatencySummary
  /** From the call to the session ack: it is on the receiver's disk. */
  readonly sessionAck: LatencySummary
}

/** A sending queue manager whose application sends one recoverable message at a time, and waits for its session ack. */
export async function startEngineLone(options: EngineRoleOptions) {
  let whenAnswered: ((outcome: 'accepted' | 'refused') => void) | null = null
  let whenAcknowledged: ((messageId: number) => void) | null = null
  const { engine, host, stop } = await runEngine(options, true, {
    onOutcome: (_request, outcome) => whenAnswered?.(outcome === 'accepted' ? 'accepted' : 'refused'),
    onNote: note => {
      if (note.kind === 'session-acked') whenAcknowledged?.(note.messageId)
    },
  })

  const sendOne = async (run: LoneRun, number: number, durable: LatencyRecorder, sessionAck: LatencyRecorder) => {
    const body = createTrackedBody({ sender: run.sender, number, bodySize: run.bodyBytes })
    return await new Promise<'accepted' | 'refused'>(resolve => {
      const fromUs = monotonicUs()
      whenAnswered = outcome => {
        if (outcome === 'accepted') durable.record(monotonicUs() - fromUs)
        else resolve(outcome)
      }
      const { messageIds } = host.call((engine, now) =>
        engine.send(now, { destination: run.destination, body, delivery: 'recoverable' }),
      )
      whenAcknowledged = messageId => {
        if (messageId !== messageIds[0]) return
        sessionAck.record(monotonicUs() - fromUs)
        resolve('accepted')
      }
    })
  }

  return {
    send: async (run: LoneRun): Promise<LoneResult> => {
      const durable = new LatencyRecorder()
      const sessionAck = new LatencyRecorder()
      let accepted = 0
      let refused = 0
      for (let number = 1; number <= run.messages; number++) {
        if ((await sendOne(run, number, durable, sessionAck)) === 'accepted') accepted += 1
        else refused += 1
        await new Promise(resolve => setTimeout(resolve, run.restMs))
      }
      return { accepted, refused, durable: durable.summary(), sessionAck: sessionAck.summary() }
    },
    outgoing: (): number => engine.counters.outgoingMessages,
    close: stop,
  }
}
