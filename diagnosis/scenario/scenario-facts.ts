import type { SeenPacket, SeenRequest } from '../../capture/messages/seen.js'
import type { Finder } from '../finder.js'
import type { MachineEnd, SeenMessage } from '../seen-message.js'
import type { Session } from '../session.js'
import { openerOf } from './seen-end.js'
import { SeenLoads } from './seen-loads.js'
import { SeenRoutes } from './seen-routes.js'
import { SeenTimers } from './seen-timers.js'

const RECEIPTS_MAX = 1_000

/** Connections that end alike: a gateway that cuts them after so many bytes. */
export interface SeenCut {
  readonly server: string
  readonly bytes: number
}

/** Collects, while a capture is diagnosed, what a scenario can be inferred from. See scenarioOf. */
export class ScenarioFacts implements Finder {
  readonly loads = new SeenLoads()
  readonly routes = new SeenRoutes()
  readonly timers = new SeenTimers()
  /** Over HTTP: where order acks are wanted, by the address of the sender. */
  readonly receiptUrls = new Map<string, string>()
  readonly cuts: SeenCut[] = []
  readonly #open = new Set<Session>()

  session(session: Session): void {
    this.#open.add(session)
  }

  handshake(session: Session, _seen: SeenPacket): void {
    this.timers.session(session)
  }

  message(message: SeenMessage): void {
    this.loads.sent(message)
    this.timers.sent(message)
  }

  arrived(message: SeenMessage, at: MachineEnd): void {
    this.loads.arrived(message, at)
  }

  request(session: Session, { message }: SeenRequest): void {
    const url = message?.stream?.sendReceiptsTo ?? null
    if (url === null || this.receiptUrls.size >= RECEIPTS_MAX) return
    this.receiptUrls.set(openerOf(session).address, url)
  }

  ended(session: Session): void {
    this.#open.delete(session)
    this.routes.add(session)
    const { ending, connection } = session
    if (
      ending?.how === 'reset' &&
      ending.idleUs < CUT_IDLE_MAX_US &&
      session.protocol === 'msmq' &&
      session.front === null &&
      this.cuts.length < CUTS_MAX
    )
      this.cuts.push({ server: connection.server.address, bytes: connection.bytes[0] })
  }

  finish(): void {
    for (const session of this.#open) this.routes.add(session)
    this.#open.clear()
  }
}

const CUTS_MAX = 1_000
/** A connection that is cut in full flow. */
const CUT_IDLE_MAX_US = 1_000_000
