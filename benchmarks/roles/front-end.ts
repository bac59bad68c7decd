import { processorUs } from '../processor.js'
import type { StoreWork } from '../watched-store.js'
import { type EngineRoleOptions, runEngine } from './engine.js'

export interface FrontEndState extends StoreWork {
  readonly processorUs: number
  /** Messages taken to be sent on. */
  readonly forwarded: number
  /** Of those, not yet with the back end. */
  readonly outgoing: number
  readonly deadLettered: number
  readonly refused: number
}

/** A queue manager that stores messages over HTTP and sends them on, as its inbound table says. */
export async function startFrontEnd(options: EngineRoleOptions) {
  const { engine, stored, stop } = await runEngine(options, false, {})
  return {
    state: (): FrontEndState => {
      const { forwarded, outgoingMessages, deadLettered, httpStatusesGiven } = engine.counters
      const refused = (httpStatusesGiven[400] ?? 0) + (httpStatusesGiven[500] ?? 0)
      return { ...stored(), processorUs: processorUs(), forwarded, outgoing: outgoingMessages, deadLettered, refused }
    },
    close: stop,
  }
}
