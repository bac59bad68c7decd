import type { EventOf, LabEvent } from './history.js'
import type { HistoryHeader } from './history-format.js'
import { hostText } from './journey-text.js'
import { SessionWatch, type WatchedSession } from './session-watch.js'

/** Says that an event is a step of the journey. Without `step` its kind is the event's. */
export type Tell = (event: LabEvent, text: string, wrong?: boolean, step?: string) => void

interface Cargo {
  readonly name: string
  /** Which of the connection's requests it is in, over HTTP; from 1. */
  readonly request: number
}

/** What carries the message and its acknowledgements: sessions, and what the gateway does with their connections. */
export class JourneyCarriage {
  readonly #run: Pick<HistoryHeader, 'nodes' | 'gateway'>
  readonly #tell: Tell
  readonly #sessions: SessionWatch
  readonly #carried = new Map<WatchedSession, Cargo[]>()
  /** Those of which the gateway's choice was told. */
  readonly #told = new Set<WatchedSession>()

  constructor(run: Pick<HistoryHeader, 'nodes' | 'gateway'>, tell: Tell) {
    this.#run = run
    this.#tell = tell
    this.#sessions = new SessionWatch(run.nodes, run.gateway?.address ?? null)
  }

  /** Every event, before anything else is made of it. */
  event(event: LabEvent): void {
    this.#sessions.event(event)
    if (event.kind === 'session-closed') this.#closed(event)
    else if (event.kind === 'gateway-decision') this.#decided(event)
    else if (event.kind === 'gateway-request') this.#requested(event)
  }

  /** Something of the journey has been sent. What the gateway did with the session is told now, once. */
  carry({ node, connection }: EventOf<'sent'>, name: string): void {
    const session = this.#sessions.session(node, connection)
    if (session === undefined) return
    const carried = this.#carried.get(session)
    const cargo = { name, request: session.sent }
    if (carried === undefined) this.#carried.set(session, [cargo])
    else carried.push(cargo)
    if (session.decision !== null) this.#tellDecision(session, session.decision)
  }

  /** What was sent so has been acknowledged by the session: its end says no more of it. */
  settled(node: string, name: string): void {
    for (const [session, carried] of this.#carried)
      if (session.node === node)
        this.#carried.set(
          session,
          carried.filter(cargo => cargo.name !== name),
        )
  }

  /** Where a session of a node leads, for people; empty when that is not known. */
  to({ node, connection }: EventOf<'sent'>): string {
    const session = this.#sessions.session(node, connection)
    if (session === undefined) return ''
    const { gateway, nodes } = this.#run
    const peer = nodes.find(({ guid }) => guid === session.peerGuid)?.name
    if (session.address === gateway?.address)
      return ` to the gateway${peer === undefined ? '' : `, behind which ${peer} is`}`
    return ` to ${peer ?? nodes.find(({ address }) => address === session.address)?.name ?? session.address}`
  }

  #closed(event: EventOf<'session-closed'>): void {
    for (const [session, carried] of this.#carried) {
      if (session.node !== event.node || session.connection !== event.connection) continue
      this.#carried.delete(session)
      this.#told.delete(session)
      const names = [...new Set(carried.map(({ name }) => name))].join(' and ')
      if (names === '') continue
      this.#tell(
        event,
        `session ${event.connection} ends, and had no acknowledgement for ${names}: ${event.reason}`,
        true,
      )
    }
  }

  #decided(event: EventOf<'gateway-decision'>): void {
    const { decision } = event
    for (const { session, name, request } of this.#cargo(decision.connection)) {
      if (decision.request === undefined) this.#tellDecision(session, event)
      else if (decision.request === request)
        this.#tell(event, `gives the request with ${name} to ${hostText(decision)}`, false, 'decision')
    }
  }

  #requested(event: EventOf<'gateway-request'>): void {
    const { outcome, status, host, reason, connection, request } = event.request
    for (const cargo of this.#cargo(connection)) {
      if (cargo.request !== request) continue
      const what = `the request with ${cargo.name}`
      const how = {
        answered: `${host} answers ${what} with ${status}`,
        refused: `refuses ${what} with ${status}`,
        dropped: `drops the answer ${status} of ${host} to ${what}`,
        cut: `${what} breaks off before ${host ?? 'anybody'} has answered it`,
      }[outcome]
      this.#tell(event, `${how}${reason === null ? '' : ` (${reason})`}`, outcome !== 'answered', 'request')
    }
  }

  #cargo(gatewayConnection: number): (Cargo & { readonly session: WatchedSession })[] {
    const session = this.#sessions.atGateway(gatewayConnection)
    if (session === undefined) return []
    return (this.#carried.get(session) ?? []).map(cargo => ({ ...cargo, session }))
  }

  #tellDecision(session: WatchedSession, event: EventOf<'gateway-decision'>): void {
    if (this.#told.has(session)) return
    this.#told.add(session)
    const { node, connection } = session
    const { clientAddress, upstreamLocalAddress: seen } = event.decision
    const client = seen === clientAddress ? `${node}'s own address` : `${seen} for the client`
    const asWhom = seen === null ? '' : `, which sees ${client}`
    this.#tell(
      event,
      `gives session ${connection} of ${node} to ${hostText(event.decision)}${asWhom}`,
      false,
      'decision',
    )
  }
}
