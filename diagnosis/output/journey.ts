import type { FrameRef } from '../../capture/frame.js'
import type { SeenPacket, SeenResponse } from '../../capture/messages/seen.js'
import type { Direction, SeenEnding } from '../../capture/tcp/seen-connection.js'
import { acknowledgedRecoverable, type SessionHeader } from '../../protocol/binary/session-header.js'
import type { Finder } from '../finder.js'
import { isSameMachine } from '../machine-end.js'
import { messageText } from '../packet-facts.js'
import type { MachineEnd, SeenFinalAck, SeenMessage, SeenOrderAck } from '../seen-message.js'
import type { Session } from '../session.js'
import type { JourneyTarget } from './journey-target.js'

/** Something that carried the message, or an acknowledgement of it, from one machine to another; or what a session told. */
export interface JourneyStep {
  readonly kind: 'message' | 'order-ack' | 'final-ack' | 'administration-ack' | 'session-ack' | 'answer' | 'ended'
  /** From 1: how often a thing of this kind has left its machine. */
  readonly times: number
  readonly from: MachineEnd
  /** Where it was last seen to arrive; null where the capture does not show it. */
  to: MachineEnd | null
  /** On every connection that it was seen on, the sender's side of a balancer first. */
  readonly ways: JourneyWay[]
  arrived: FrameRef | null
  /** Highest number that it acknowledges, message class, HTTP status; null where there is none. */
  readonly number: number | null
  /** As its packet addresses it; how a session ended. */
  readonly detail: string
  /** It came where it should not, or where another machine had it already. */
  wrong: boolean
}

export interface JourneyWay {
  readonly at: FrameRef
  /** `10.0.0.7:49152` */
  readonly from: string
  readonly to: string
}

/** One message, and all that was seen of it. */
export interface Journey {
  readonly source: string
  readonly messageId: number
  readonly destination: string
  readonly sequence: string | null
  readonly number: number | null
  readonly sender: MachineEnd
  readonly steps: readonly JourneyStep[]
}

interface Trail extends Journey {
  /** What two messages of one identifier, of clones, would hardly have alike. */
  readonly likeness: string
  readonly steps: JourneyStep[]
  /** The order ack that frees it has come home. */
  isFree: boolean
}

/** A sending that its session has yet to acknowledge. */
interface InFlight {
  readonly trail: Trail
  readonly direction: Direction
  /** Number among the user messages, and among the recoverable ones, of its session; 0: unknown. */
  readonly userNumber: number
  readonly recoverableNumber: number
  readonly first: FrameRef
}

/** Different messages that a number alone may mean; more are one too many anyhow. */
const TRAILS_MAX = 16
/** Steps kept of a message; a message that is resent for days has many. */
export const STEPS_MAX = 400

/**
 * Follows one message: each time it was sent and passed on, where it came, which session headers, order acks, final acks,
 * administration acks and answers speak of it, and where those came. Keeps nothing of other messages.
 */
export class JourneyFinder implements Finder {
  readonly #target: JourneyTarget
  /** By `guid\\id`: several where clones of one QMId have used it. */
  readonly #trails = new Map<string, Trail[]>()
  readonly #inFlight = new Map<Session, InFlight[]>()
  /** Recoverable messages seen on a session in each direction, where its start was seen. */
  readonly #recoverable = new WeakMap<Session, [number, number]>()

  constructor(target: JourneyTarget) {
    this.#target = target
  }

  /** Several where a number alone, or a place in a sequence, means messages of different machines, or a QMId has clones. */
  get journeys(): readonly Journey[] {
    return [...this.#trails.values()].flat()
  }

  message(message: SeenMessage): void {
    this.#countRecoverable(message)
    this.#administrationAck(message)
    if (!this.#isTarget(message)) return
    const trail = this.#trailOf(message)
    if (trail === null) return
    this.#leaves(trail, 'message', message, message.transaction?.number ?? null, message.destination)
    this.#flies(trail, message)
  }

  arrived(message: SeenMessage, at: MachineEnd): void {
    const about = message.about === null ? undefined : this.#latestOf(message.about)
    if (about !== undefined) this.#comes(about, 'administration-ack', message, at, false)
    const trail = this.#isTarget(message) ? this.#known(message) : undefined
    if (trail === undefined) return
    const holders = trail.steps.flatMap(({ kind, to }) => (kind === 'message' && to !== null ? [to] : []))
    const hasIt = holders.some(machine => isSameMachine(machine, at))
    const isElsewhere = holders.some(machine => !isSameMachine(machine, at) && !isSameMachine(machine, message.from))
    this.#comes(trail, 'message', message, at, isElsewhere && !hasIt)
  }

  sessionHeader(session: Session, direction: Direction, header: SessionHeader, { last }: SeenPacket): void {
    const flying = this.#inFlight.get(session)
    if (flying === undefined) return
    const rest = flying.filter(one => {
      if (one.direction === direction) return true
      const isStored = acknowledgedRecoverable(header).includes(one.recoverableNumber & 0xffff)
      const isRead = one.userNumber > 0 && ((header.ackSequenceNumber - one.userNumber) & 0xffff) < 0x8000
      const covers = one.recoverableNumber > 0 ? isStored : isRead
      // on the balancer's other side the same was told, by the machine itself
      if (covers && session.back === null)
        this.#told(one.trail, 'session-ack', session, direction, last, null, isStored ? 'stored' : 'received')
      return !covers
    })
    if (rest.length === 0) this.#inFlight.delete(session)
    else this.#inFlight.set(session, rest)
  }

  response(session: Session, { request, status, last }: SeenResponse): void {
    if (session.back !== null) return
    for (const { trail, first } of this.#inFlight.get(session) ?? [])
      if (request !== null && sameFrame(request.first, first)) this.#told(trail, 'answer', session, 1, last, status, '')
  }

  orderAck(ack: SeenOrderAck): void {
    for (const trail of this.#acknowledgedBy(ack)) this.#leaves(trail, 'order-ack', ack, ack.number, ack.destination)
  }

  orderAckArrived(ack: SeenOrderAck, at: MachineEnd): void {
    for (const trail of this.#acknowledgedBy(ack)) {
      const isHome = isSameMachine(at, trail.sender)
      this.#comes(trail, 'order-ack', ack, at, !isHome)
      if (isHome) trail.isFree = true
    }
  }

  finalAck(ack: SeenFinalAck): void {
    const trail = this.#latestOf(ack.about)
    if (trail !== undefined) this.#leaves(trail, 'final-ack', ack, ack.messageClass, ack.destination)
  }

  finalAckArrived(ack: SeenFinalAck, at: MachineEnd): void {
    const trail = this.#latestOf(ack.about)
    if (trail !== undefined) this.#comes(trail, 'final-ack', ack, at, !isSameMachine(at, trail.sender))
  }

  ended(session: Session, { how, by, at }: SeenEnding): void {
    const flying = this.#inFlight.get(session)
    this.#inFlight.delete(session)
    if (session.protocol === 'http') return
    for (const { trail } of flying ?? []) this.#told(trail, 'ended', session, by ?? 0, at, null, how)
  }

  #isTarget(message: SeenMessage): boolean {
    const target = this.#target
    if (target.by === 'id')
      return message.messageId === target.messageId && (target.source === null || message.source === target.source)
    const { transaction } = message
    return transaction !== null && transaction.number === target.number && transaction.sequence === target.sequence
  }

  #trailOf(message: SeenMessage): Trail | null {
    const known = this.#known(message)
    if (known !== undefined) return known
    if (message.about !== null || this.journeys.length === TRAILS_MAX) return null
    const { source, messageId, destination, transaction, from } = message
    const trail: Trail = {
      likeness: likenessOf(message),
      source,
      messageId,
      destination,
      sequence: transaction?.sequence ?? null,
      number: transaction?.number ?? null,
      sender: from,
      steps: [],
      isFree: false,
    }
    const id = messageText(source, messageId)
    this.#trails.set(id, [...(this.#trails.get(id) ?? []), trail])
    return trail
  }

  /** A clone's message of the same identifier is another one. */
  #known(message: SeenMessage): Trail | undefined {
    const trails = this.#trails.get(messageText(message.source, message.messageId)) ?? []
    const likeness = likenessOf(message)
    const same = trails.find(trail => trail.likeness === likeness)
    if (same !== undefined) return same
    return message.forwarded ? trails.at(-1) : trails.find(({ sender }) => sender.address === message.from.address)
  }

  /** What an acknowledgement by the message's identifier is about. */
  #latestOf(id: string): Trail | undefined {
    return this.#trails.get(id)?.at(-1)
  }

  #administrationAck(message: SeenMessage): void {
    const trail = message.about === null ? undefined : this.#latestOf(message.about)
    if (trail !== undefined)
      this.#leaves(trail, 'administration-ack', message, message.messageClass, message.destination)
  }

  /** Those that wait for this order ack. */
  #acknowledgedBy({ sequence, number, forSource }: SeenOrderAck): Trail[] {
    return [...this.#trails.values()]
      .flat()
      .filter(
        trail =>
          trail.sequence === sequence &&
          (forSource ?? trail.source) === trail.source &&
          trail.number !== null &&
          trail.number <= number &&
          !trail.isFree,
      )
  }

  /** It was seen on a connection: for the first time, or passed on by a balancer. */
  #leaves(
    { steps }: Trail,
    kind: JourneyStep['kind'],
    seen: SeenMessage | SeenOrderAck | SeenFinalAck,
    number: number | null,
    detail: string,
  ): void {
    const { session, direction, first, from, relayed } = seen
    const way = wayOf(session, direction, first)
    const open = relayed ? steps.findLast(step => step.kind === kind && step.arrived === null) : undefined
    if (open !== undefined) open.ways.push(way)
    else if (steps.length < STEPS_MAX) {
      const times = 1 + steps.filter(step => step.kind === kind).length
      steps.push({ kind, times, from, to: null, ways: [way], arrived: null, number, detail, wrong: false })
    }
  }

  #comes(
    { steps }: Trail,
    kind: JourneyStep['kind'],
    { last }: SeenMessage | SeenOrderAck | SeenFinalAck,
    at: MachineEnd,
    wrong: boolean,
  ): void {
    const open = steps.findLast(step => step.kind === kind && step.arrived === null)
    if (open === undefined) return
    open.arrived = last
    open.to = at
    open.wrong = wrong
  }

  #told(
    { steps }: Trail,
    kind: JourneyStep['kind'],
    session: Session,
    direction: Direction,
    at: FrameRef,
    number: number | null,
    detail: string,
  ): void {
    if (steps.length >= STEPS_MAX) return
    const client = session.frontmost.connection.client.address
    const server = session.backmost.connection.server.address
    const end = (of: Direction): MachineEnd => ({ qmId: session.qmIds[of], address: of === 0 ? client : server })
    const times = 1 + steps.filter(step => step.kind === kind).length
    const ways = [wayOf(session, direction, at)]
    const [from, to] = [end(direction), end(direction === 0 ? 1 : 0)]
    steps.push({
      kind,
      times,
      from,
      to,
      ways,
      arrived: at,
      number,
      detail,
      wrong: kind === 'ended' || (number ?? 0) >= 300,
    })
  }

  #flies(trail: Trail, { session, direction, sessionNumber, recoverable, transaction, first }: SeenMessage): void {
    const counts = this.#recoverable.get(session)
    const flying = this.#inFlight.get(session) ?? []
    const isKept = recoverable || transaction !== null
    const one: InFlight = {
      trail,
      direction,
      userNumber: sessionNumber,
      recoverableNumber: isKept && sessionNumber > 0 ? (counts?.[direction] ?? 0) : 0,
      first,
    }
    this.#inFlight.set(session, [...flying, one])
  }

  #countRecoverable({ session, direction, recoverable, transaction }: SeenMessage): void {
    if (!recoverable && transaction === null) return
    const counts = this.#recoverable.get(session)
    if (counts !== undefined) counts[direction] += 1
    else this.#recoverable.set(session, direction === 0 ? [1, 0] : [0, 1])
  }
}

const likenessOf = ({ transaction, sentTimeS, bodySize }: SeenMessage) =>
  `${transaction?.sequence} ${transaction?.number} ${sentTimeS} ${bodySize}`

const sameFrame = (a: FrameRef, b: FrameRef) => a.number === b.number && a.fileIndex === b.fileIndex

function wayOf({ connection: { client, server } }: Session, direction: Direction, at: FrameRef): JourneyWay {
  const [from, to] = direction === 0 ? [client, server] : [server, client]
  return { at, from: `${from.address}:${from.port}`, to: `${to.address}:${to.port}` }
}
