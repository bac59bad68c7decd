import { MessageClass } from '../../protocol/message-class.js'
import { SETTINGS } from '../../queue-manager/settings.js'
import type { MachineEnd, SeenMessage } from '../seen-message.js'
import type { Session } from '../session.js'
import { endKey, openerOf, type SeenEnd, takerOf } from './seen-end.js'

export type Delivery = 'express' | 'recoverable' | 'transactional'

/** Somewhere that messages were addressed to. */
export interface SeenDestination {
  readonly name: string
  /** Server address of the connections that they left over. */
  readonly server: string
  messages: number
}

/** What one machine sends in one manner: first transmissions, not resends. */
export interface SeenLoad {
  readonly from: SeenEnd
  readonly delivery: Delivery
  readonly destinations: Map<string, SeenDestination>
  readonly isHttp: boolean
  messages: number
  bodyBytes: number
  transactions: number
  firstUs: number
  lastUs: number
  /** Seconds; null is for ever. */
  timeToReachQueueS: number | null
  adminQueue: string | null
}

/** Messages that reached a machine, by the queue that they are addressed to. */
export interface SeenTaking {
  readonly at: SeenEnd
  readonly queues: Map<string, { transactional: boolean; messages: number }>
  /** From a machine that passes on. */
  forwarded: number
  own: number
}

interface CountedLoad extends SeenLoad {
  /** Highest number of each sequence; of other messages the highest message id. */
  readonly highest: Map<string, number>
}

/** For ever, and what a queue manager writes for it. */
const UNLIMITED_S: readonly number[] = [0xffffffff, SETTINGS.LongLiveTime.default]
/** What scenarios can have: `seconds` in lab/scenario-fields.ts. */
const LIFE_MAX_S = 2_592_000
/** Of anything that a peer can invent. */
const KINDS_MAX = 1_000

/** Who sends what, and who gets it. */
export class SeenLoads {
  readonly #loads = new Map<string, CountedLoad>()
  readonly #takings = new Map<string, SeenTaking>()
  readonly #forwarders = new Map<string, SeenEnd>()
  /** Of the latest message of a session: the next one is mostly alike. */
  readonly #latest = new WeakMap<Session, CountedLoad>()
  readonly #latestTaking = new WeakMap<Session, SeenTaking>()

  list(): SeenLoad[] {
    return [...this.#loads.values()]
  }

  takings(): SeenTaking[] {
    return [...this.#takings.values()]
  }

  /** Those that pass on messages of others. */
  forwarders(): SeenEnd[] {
    return [...this.#forwarders.values()]
  }

  sent(message: SeenMessage): void {
    if (message.messageClass !== MessageClass.NORMAL) return
    if (message.forwarded) {
      const end = openerOf(message.session)
      if (this.#forwarders.size < KINDS_MAX) this.#forwarders.set(endKey(end), end)
      return
    }
    if (message.relayed) return
    const load = this.#loadOf(message)
    if (load === null || !isFirst(load, message)) return
    load.messages += 1
    load.bodyBytes += message.bodySize
    if (message.transaction?.isLast === true) load.transactions += 1
    load.firstUs = Math.min(load.firstUs, message.last.timeUs)
    load.lastUs = Math.max(load.lastUs, message.last.timeUs)
    const { timeToReachQueueS: lifeS } = message
    if (!UNLIMITED_S.includes(lifeS) && lifeS > 0 && lifeS <= LIFE_MAX_S) load.timeToReachQueueS = lifeS
    load.adminQueue ??= message.adminQueue
    const destination = load.destinations.get(message.destination)
    if (destination !== undefined) destination.messages += 1
    else if (load.destinations.size < KINDS_MAX)
      load.destinations.set(message.destination, {
        name: message.destination,
        server: message.session.connection.server.address,
        messages: 1,
      })
  }

  arrived(message: SeenMessage, at: MachineEnd): void {
    if (message.messageClass !== MessageClass.NORMAL) return
    const taking = this.#takingOf(message, at)
    if (taking === null) return
    if (message.forwarded) taking.forwarded += 1
    else taking.own += 1
    const queue = taking.queues.get(message.destination)
    if (queue !== undefined) queue.messages += 1
    else if (taking.queues.size < KINDS_MAX)
      taking.queues.set(message.destination, { transactional: message.transaction !== null, messages: 1 })
  }

  #loadOf(message: SeenMessage): CountedLoad | null {
    const { session, from, source } = message
    const delivery = message.transaction !== null ? 'transactional' : message.recoverable ? 'recoverable' : 'express'
    const latest = this.#latest.get(session)
    if (latest !== undefined && latest.delivery === delivery && latest.from.qmId === source) return latest
    const key = `${source} ${from.address} ${delivery}`
    let load = this.#loads.get(key)
    if (load === undefined) {
      if (this.#loads.size >= KINDS_MAX) return null
      load = {
        from: { qmId: source, address: from.address, mac: openerOf(session).mac },
        delivery,
        destinations: new Map(),
        isHttp: session.protocol === 'http',
        messages: 0,
        bodyBytes: 0,
        transactions: 0,
        firstUs: message.last.timeUs,
        lastUs: message.last.timeUs,
        timeToReachQueueS: null,
        adminQueue: null,
        highest: new Map(),
      }
      this.#loads.set(key, load)
    }
    this.#latest.set(session, load)
    return load
  }

  #takingOf({ session }: SeenMessage, { qmId, address }: MachineEnd): SeenTaking | null {
    const latest = this.#latestTaking.get(session)
    if (latest !== undefined && latest.at.qmId === qmId && latest.at.address === address) return latest
    const taker = takerOf(session)
    const at = { qmId, address, mac: taker.address === address ? taker.mac : null }
    const key = endKey(at)
    let taking = this.#takings.get(key)
    if (taking === undefined) {
      if (this.#takings.size >= KINDS_MAX) return null
      taking = { at, queues: new Map(), forwarded: 0, own: 0 }
      this.#takings.set(key, taking)
    }
    this.#latestTaking.set(session, taking)
    return taking
  }
}

/** Numbers only grow: what is not above the highest was sent before. */
function isFirst({ highest }: CountedLoad, { transaction, messageId, destination }: SeenMessage): boolean {
  const key = transaction === null ? destination : transaction.sequence
  const number = transaction === null ? messageId : transaction.number
  const before = highest.get(key)
  if (before !== undefined && number <= before) return false
  if (before !== undefined || highest.size < KINDS_MAX) highest.set(key, number)
  return true
}
