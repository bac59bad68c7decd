import { type Guid, NIL_GUID } from '../protocol/guid.js'
import type { EventOf, LabEvent, RunNode } from './history.js'

/** A session that a node began, and what the gateway did with its connection. */
export interface WatchedSession {
  readonly node: string
  readonly connection: number
  readonly address: string
  readonly connectingMs: number
  /** Who it turned out to be; null where the protocol has no handshake. */
  peerGuid: Guid | null
  /** Messages sent over it so far. */
  sent: number
  /** The gateway's number of the connection; null when it did not go there, or has not come there yet. */
  gatewayConnection: number | null
  /** The newest decision about the connection as a whole. */
  decision: EventOf<'gateway-decision'> | null
}

/** A gateway may hear of a connection before the lab hears that it was asked for, by the coarseness of clocks. */
const EARLY_MS = 50
const UNCLAIMED_MAX = 64

/**
 * Joins the sessions of machines with the gateway's connections, while events pass by in the order of time: neither side
 * tells of anything that the other knows, except the machine's address. Holds what is open, and no more.
 */
export class SessionWatch {
  readonly #nodeAt: ReadonlyMap<string, string>
  readonly #gatewayAddress: string | null
  readonly #sessions = new Map<string, WatchedSession>()
  /** Sessions to the gateway of each node that it has not decided about, oldest first. */
  readonly #undecided = new Map<string, WatchedSession[]>()
  /** Decisions about connections of each node that is not known to have begun them, oldest first. */
  readonly #unclaimed = new Map<string, EventOf<'gateway-decision'>[]>()
  readonly #byGatewayConnection = new Map<number, WatchedSession>()

  constructor(nodes: readonly RunNode[], gatewayAddress: string | null) {
    this.#nodeAt = new Map(nodes.map(({ name, address }) => [address, name]))
    this.#gatewayAddress = gatewayAddress
  }

  /** Of a connection that a node has begun. */
  session(node: string, connection: number): WatchedSession | undefined {
    return this.#sessions.get(keyOf(node, connection))
  }

  /** Whose connection it is to the gateway. */
  atGateway(connection: number): WatchedSession | undefined {
    return this.#byGatewayConnection.get(connection)
  }

  event(event: LabEvent): void {
    switch (event.kind) {
      case 'session-connecting':
        this.#connecting(event)
        break
      case 'session-open': {
        const session = this.session(event.node, event.connection)
        if (session !== undefined && event.peerGuid !== NIL_GUID) session.peerGuid = event.peerGuid
        break
      }
      case 'sent': {
        const session = this.session(event.node, event.connection)
        if (session !== undefined) session.sent += 1
        break
      }
      case 'session-closed':
        this.#forget(keyOf(event.node, event.connection))
        break
      case 'fault':
        if (event.fault === 'killed' || event.fault === 'stopped' || event.fault === 'started') this.#gone(event.node)
        break
      case 'gateway-decision':
        this.#decided(event)
        break
      case 'gateway-closed':
        this.#byGatewayConnection.delete(event.closed.connection)
    }
  }

  #connecting({ node, connection, address, atMs }: EventOf<'session-connecting'>): void {
    const session: WatchedSession = {
      node,
      connection,
      address,
      connectingMs: atMs,
      peerGuid: null,
      sent: 0,
      gatewayConnection: null,
      decision: null,
    }
    this.#sessions.set(keyOf(node, connection), session)
    if (address !== this.#gatewayAddress) return
    const unclaimed = this.#unclaimed.get(node) ?? []
    const index = unclaimed.findIndex(decision => decision.atMs >= atMs - EARLY_MS)
    const [decision] = index < 0 ? [] : unclaimed.splice(index, 1)
    if (decision !== undefined) this.#bind(session, decision)
    else listOf(this.#undecided, node).push(session)
  }

  #decided(event: EventOf<'gateway-decision'>): void {
    const { clientAddress, connection } = event.decision
    const known = this.#byGatewayConnection.get(connection)
    if (known !== undefined) {
      if (event.decision.request === undefined) known.decision = event
      return
    }
    const node = this.#nodeAt.get(clientAddress)
    if (node === undefined) return
    const session = this.#undecided.get(node)?.shift()
    if (session !== undefined) {
      this.#bind(session, event)
      return
    }
    const unclaimed = listOf(this.#unclaimed, node)
    unclaimed.push(event)
    if (unclaimed.length > UNCLAIMED_MAX) unclaimed.shift()
  }

  #bind(session: WatchedSession, event: EventOf<'gateway-decision'>): void {
    session.gatewayConnection = event.decision.connection
    if (event.decision.request === undefined) session.decision = event
    this.#byGatewayConnection.set(event.decision.connection, session)
  }

  #gone(node: string): void {
    for (const [key, session] of this.#sessions) if (session.node === node) this.#forget(key)
  }

  #forget(key: string): void {
    const session = this.#sessions.get(key)
    if (session === undefined) return
    this.#sessions.delete(key)
    const undecided = this.#undecided.get(session.node)
    const index = undecided?.indexOf(session) ?? -1
    if (index >= 0) undecided?.splice(index, 1)
  }
}

function keyOf(node: string, connection: number): string {
  return `${connection}@${node}`
}

function listOf<Item>(lists: Map<string, Item[]>, key: string): Item[] {
  let list = lists.get(key)
  if (list === undefined) {
    list = []
    lists.set(key, list)
  }
  return list
}
