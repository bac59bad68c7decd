import type { FrameRef } from '../capture/frame.js'
import type { SeenPacket, SeenPing, SeenRequest, SeenResponse, SeenSink } from '../capture/messages/seen.js'
import type { Direction, HoleCause, SeenConnection, SeenEnding, TcpTrouble } from '../capture/tcp/seen-connection.js'
import type { UserMessagePacket } from '../protocol/binary/packet.js'
import type { SessionHeader } from '../protocol/binary/session-header.js'
import type { DecodeError } from '../protocol/errors.js'
import { isNegativeAcknowledgment, MessageClass } from '../protocol/message-class.js'
import { BalancerSides } from './balancer-sides.js'
import type { DiagnosisContext } from './context.js'
import { Coverage } from './coverage.js'
import type { Finder } from './finder.js'
import { FINDERS } from './finders/index.js'
import type { Evidence } from './finding.js'
import { FindingBook } from './finding-book.js'
import type { FindingKindId } from './finding-kinds.js'
import { Handshakes } from './handshakes.js'
import { HttpExchanges } from './http-exchanges.js'
import type { HttpFacts } from './http-facts.js'
import { finalAckFacts, messageFacts, orderAckFacts, packetHash, type Sighting } from './packet-facts.js'
import { Parties } from './parties.js'
import type { MachineEnd, SeenFinalAck, SeenMessage, SeenOrderAck } from './seen-message.js'
import { SeenTransactions } from './seen-transactions.js'
import { Sequences } from './sequences.js'
import type { Session } from './session.js'
import { SessionTable } from './session-table.js'

export interface DiagnosisOptions {
  /** Beside the usual ones. */
  readonly finders?: readonly Finder[]
  onFinding?(kind: FindingKindId, evidence: Evidence): void
}

const TICK_US = 1_000_000
/** Of `guid\\id`. */
const GUID_TEXT_LENGTH = 36

/** Counts for people. */
export interface DiagnosisCounts {
  /** Each once, whatever sides of balancers it was seen on; resends count again. */
  messages: number
  transactional: number
  sessionHeaders: number
  orderAcks: number
  finalAcks: number
  administrationAcks: number
}

/**
 * Takes in what a capture says of MSMQ, works out who is who and what became of what, and tells the finders. One pass;
 * memory follows what is in flight: sessions that are open, sequences, QMIds.
 */
export class Diagnosis implements SeenSink {
  readonly parties = new Parties()
  readonly sessions = new SessionTable()
  readonly sides = new BalancerSides()
  readonly transactions = new SeenTransactions()
  readonly sequences = new Sequences(this.transactions)
  readonly coverage = new Coverage()
  readonly book: FindingBook
  readonly counts: DiagnosisCounts = {
    messages: 0,
    transactional: 0,
    sessionHeaders: 0,
    orderAcks: 0,
    finalAcks: 0,
    administrationAcks: 0,
  }
  readonly #handshakes: Handshakes
  readonly #http: HttpExchanges
  readonly #tellers: Tellers
  #nowUs = 0
  #tickUs = 0

  constructor({ finders = [], onFinding }: DiagnosisOptions = {}) {
    this.book = new FindingBook(onFinding)
    const { book, parties, coverage, sequences } = this
    const context: DiagnosisContext = {
      book,
      parties,
      coverage,
      sequences,
      transactions: this.transactions,
      sides: this.sides,
      nowUs: () => this.#nowUs,
    }
    this.#handshakes = new Handshakes(parties, this.sides)
    this.#http = new HttpExchanges(parties, this.sides)
    this.#tellers = tellersOf([...FINDERS.map(create => create(context)), ...finders])
  }

  connection(connection: SeenConnection): void {
    this.#at(connection.first)
    const session = this.sessions.of(connection)
    for (const finder of this.#tellers.session) finder.session(session)
  }

  packet(seen: SeenPacket): void {
    this.#at(seen.last)
    const session = this.sessions.of(seen.connection)
    session.protocol = 'msmq'
    const { packet, direction } = seen
    switch (packet.packetType) {
      case 'EstablishConnection':
      case 'ConnectionParameters':
        this.#handshakes.packet(session, direction, packet, seen.last)
        if (session.front === null) this.coverage.opens(session.connection.client.address)
        for (const finder of this.#tellers.handshake) finder.handshake(session, seen)
        return
      case 'SessionAck':
        this.#sessionHeader(session, direction, packet.session, seen)
        return
      default:
        this.#userPacket(session, packet, seen)
    }
  }

  request(seen: SeenRequest): void {
    this.#at(seen.last)
    const session = this.sessions.of(seen.connection)
    session.protocol = 'http'
    const facts = this.#http.request(session, seen)
    if (session.front === null) this.coverage.opens(session.connection.client.address)
    for (const finder of this.#tellers.request) finder.request(session, seen)
    if (facts === null) return
    if (facts.message !== null) this.#message(facts.message)
    if (facts.orderAck !== null) this.#orderAck(facts.orderAck)
    if (facts.finalAck !== null) this.#finalAck(facts.finalAck)
  }

  response(seen: SeenResponse): void {
    this.#at(seen.last)
    const session = this.sessions.of(seen.connection)
    for (const finder of this.#tellers.response) finder.response(session, seen)
    const taken = this.#http.response(seen)
    if (taken !== null) this.#tookOverHttp(taken, { qmId: null, address: session.connection.server.address })
  }

  ping(seen: SeenPing): void {
    this.#at(seen.at)
    for (const finder of this.#tellers.ping) finder.ping(seen)
  }

  hole(connection: SeenConnection, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void {
    this.#at(frame)
    const session = this.sessions.of(connection)
    session.holes[direction] = true
    this.coverage.hole(size, frame)
    for (const finder of this.#tellers.hole) finder.hole(session, direction, size, cause, frame)
  }

  resynchronised(connection: SeenConnection, direction: Direction, skipped: number, frame: FrameRef): void {
    this.#at(frame)
    const session = this.sessions.of(connection)
    for (const finder of this.#tellers.resynchronised) finder.resynchronised(session, direction, skipped, frame)
  }

  malformed(
    connection: SeenConnection,
    direction: Direction,
    fault: DecodeError,
    first: FrameRef,
    last: FrameRef,
  ): void {
    this.#at(last)
    const session = this.sessions.of(connection)
    this.coverage.malformed(last)
    for (const finder of this.#tellers.malformed) finder.malformed(session, direction, fault, first, last)
  }

  trouble(connection: SeenConnection, direction: Direction, what: TcpTrouble, frame: FrameRef): void {
    this.#at(frame)
    const session = this.sessions.of(connection)
    for (const finder of this.#tellers.trouble) finder.trouble(session, direction, what, frame)
  }

  ended(connection: SeenConnection, ending: SeenEnding): void {
    this.#at(ending.at)
    const session = this.sessions.of(connection)
    session.ending = ending
    this.coverage.ended(session)
    for (const finder of this.#tellers.ended) finder.ended(session, ending)
    this.sides.ended(session)
    this.#http.ended(session)
    this.sessions.forget(session)
  }

  damaged(frame: FrameRef): void {
    this.#at(frame)
    this.coverage.damaged(frame)
  }

  names(address: string, names: readonly string[]): void {
    this.parties.namesOf(address, names)
  }

  /** The capture is over: what is open is judged as far as it can be. */
  finish(): void {
    for (const finder of this.#tellers.finish) finder.finish()
  }

  #at({ timeUs }: FrameRef): void {
    this.coverage.time(timeUs)
    if (timeUs > this.#nowUs) this.#nowUs = timeUs
    if (this.#nowUs < this.#tickUs) return
    this.#tickUs = this.#nowUs + TICK_US
    for (const finder of this.#tellers.tick) finder.tick(this.#nowUs)
  }

  #userPacket(session: Session, packet: UserMessagePacket, seen: SeenPacket): void {
    const { direction, first, last } = seen
    session.messages[direction] += 1
    if (direction === 0 && this.sides.wantsPacket(session)) this.sides.earlyPacket(session, packetHash(seen.bytes))
    const relayed = direction === 0 ? session.front !== null : session.back !== null
    const isLast = direction === 0 ? session.back === null : session.front === null
    const from = session.end(direction)
    const to = session.end(direction === 0 ? 1 : 0)
    const sighting: Sighting = { session, direction, first, last, relayed, from }
    if (packet.packetType === 'OrderAck') {
      const ack = orderAckFacts(sighting, packet)
      this.#orderAck(ack)
      if (isLast) this.#orderAckArrived(ack, to)
    } else if (packet.packetType === 'FinalAck') {
      const ack = finalAckFacts(sighting, packet)
      this.#finalAck(ack)
      if (isLast) this.#finalAckArrived(ack, to)
    } else {
      const isWhole = session.connection.opening !== 'none' && !session.holes[direction]
      const message = messageFacts(sighting, packet, isWhole ? session.messages[direction] : 0)
      this.#message(message)
      if (isLast) this.#arrived(message, to)
    }
    if (packet.session !== null) this.#sessionHeader(session, direction, packet.session, seen)
  }

  #sessionHeader(session: Session, direction: Direction, header: SessionHeader, seen: SeenPacket): void {
    this.counts.sessionHeaders += 1
    for (const finder of this.#tellers.sessionHeader) finder.sessionHeader(session, direction, header, seen)
  }

  #message(message: SeenMessage): void {
    if (!message.relayed) {
      this.counts.messages += 1
      if (message.messageClass !== MessageClass.NORMAL) this.counts.administrationAcks += 1
      if (message.about !== null && isNegativeAcknowledgment(message.messageClass))
        this.sequences.refused(message.about.slice(0, GUID_TEXT_LENGTH), message.from)
      const party = this.parties.meet(message.source)
      if (party !== null) {
        if (!message.forwarded) {
          party.sent += 1
          this.parties.sends(message)
        } else if (message.from.qmId !== null) {
          const forwarder = this.parties.get(message.from.qmId)
          if (forwarder !== null) forwarder.forwards = true
        }
      }
      if (message.transaction !== null) {
        this.counts.transactional += 1
        const sequence = this.#sequenceOf(message)
        const before = this.sequences.sent(sequence, message)
        if (before !== false) for (const finder of this.#tellers.resent) finder.resent(message, sequence, before)
      }
    }
    for (const finder of this.#tellers.message) finder.message(message)
  }

  #arrived(message: SeenMessage, at: MachineEnd): void {
    const party = this.parties.get(at.qmId)
    if (party !== null) party.received += 1
    if (message.transaction !== null) this.sequences.arrived(this.#sequenceOf(message), message, at)
    for (const finder of this.#tellers.arrived) finder.arrived(message, at)
  }

  #sequenceOf(message: SeenMessage) {
    const { session, source, transaction, destination } = message
    const latest = session.sequence
    if (latest !== null && latest.source === source && latest.id === transaction!.sequence) return latest
    const sequence = this.sequences.of(source, transaction!.sequence, destination, session.protocol === 'http')
    session.sequence = sequence
    return sequence
  }

  #orderAck(ack: SeenOrderAck): void {
    for (const finder of this.#tellers.orderAck) finder.orderAck(ack)
    if (ack.relayed) return
    this.counts.orderAcks += 1
    const acknowledgement = this.sequences.acknowledged(ack)
    if (acknowledgement !== null) for (const finder of this.#tellers.acknowledged) finder.acknowledged(acknowledgement)
  }

  #orderAckArrived(ack: SeenOrderAck, at: MachineEnd): void {
    for (const finder of this.#tellers.orderAckArrived) finder.orderAckArrived(ack, at)
  }

  #finalAck(ack: SeenFinalAck): void {
    if (!ack.relayed) {
      this.counts.finalAcks += 1
      if (isNegativeAcknowledgment(ack.messageClass)) this.sequences.turnedAway(ack)
    }
    for (const finder of this.#tellers.finalAck) finder.finalAck(ack)
  }

  #finalAckArrived(ack: SeenFinalAck, at: MachineEnd): void {
    for (const finder of this.#tellers.finalAckArrived) finder.finalAckArrived(ack, at)
  }

  /** The host answered 2xx: it has it. */
  #tookOverHttp({ message, orderAck, finalAck }: HttpFacts, at: MachineEnd): void {
    if (message !== null) this.#arrived(message, at)
    if (orderAck !== null) this.#orderAckArrived(orderAck, at)
    if (finalAck !== null) this.#finalAckArrived(finalAck, at)
  }
}

type Hook = keyof Finder
type Tellers = { readonly [H in Hook]: readonly (Finder & Required<Pick<Finder, H>>)[] }

const HOOKS: readonly Hook[] = [
  'session',
  'handshake',
  'message',
  'arrived',
  'resent',
  'acknowledged',
  'sessionHeader',
  'orderAck',
  'orderAckArrived',
  'finalAck',
  'finalAckArrived',
  'request',
  'response',
  'ping',
  'hole',
  'resynchronised',
  'malformed',
  'trouble',
  'ended',
  'tick',
  'finish',
]

/** Of each hook the finders that have it. */
function tellersOf(finders: readonly Finder[]): Tellers {
  return Object.fromEntries(
    HOOKS.map(hook => [hook, finders.filter(finder => finder[hook] !== undefined)]),
  ) as unknown as Tellers
}
