import { BASE_HEADER_SIZE } from '../../protocol/binary/base-header.js'
import type { Packet } from '../../protocol/binary/packet.js'
import type { DecodeError } from '../../protocol/errors.js'
import { MSMQ_PORT } from '../../protocol/ports.js'
import type { FrameRef } from '../frame.js'
import type { Direction, HoleCause, SeenConnection, SeenEnding, TcpTrouble } from '../tcp/seen-connection.js'
import type { HeldMemory } from './held-memory.js'
import { REQUEST_BEGINNING } from './http-beginning.js'
import { HttpExchange, type HttpExchangeSink } from './http-exchange.js'
import type { MessageCounts } from './message-counts.js'
import { type CutterSink, PacketCutter } from './packet-cutter.js'
import type { SeenRequest, SeenResponse, SeenSink, Speech } from './seen.js'

/** Of HTTP: by name, over TLS, and what is usual beside them. */
const WEB_PORTS: readonly number[] = [80, 443, 8080]
/** What is listened to of a direction before nothing more is expected of it, from the start and behind each hole. */
const LISTENED_SIZE_MAX = 64 * 1024

interface Hole {
  readonly size: number | null
  readonly cause: HoleCause
  readonly frame: FrameRef
}

/** One direction of a connection: its packets are told with where they went. */
class Side implements CutterSink {
  readonly #conversation: Conversation
  readonly direction: Direction
  /** While it may speak the binary protocol. */
  cutter: PacketCutter | null = null
  /** While it may send requests. */
  exchange: HttpExchange | null = null
  /** Bytes since the start, or since a hole. */
  listened = 0
  /** It is not listened to any more. */
  isDeaf = false
  /** The first one; told when the connection turns out to be MSMQ's. */
  hole: Hole | null = null

  constructor(conversation: Conversation, direction: Direction) {
    this.#conversation = conversation
    this.direction = direction
  }

  /** Nothing of ours is to be expected: listened to long enough, and no packet waits for its end. */
  get isForeign(): boolean {
    return this.listened > LISTENED_SIZE_MAX && (this.cutter === null || this.cutter.heldSize < BASE_HEADER_SIZE)
  }

  stopListening(): void {
    this.isDeaf = true
    this.cutter?.finish()
    this.cutter = null
    this.exchange?.drop()
    this.exchange = null
  }

  packet(packet: Packet, bytes: Buffer, first: FrameRef, last: FrameRef): void {
    this.#conversation.packet(this.direction, packet, bytes, first, last)
  }

  malformed(fault: DecodeError, first: FrameRef, last: FrameRef): void {
    this.#conversation.malformed(this.direction, fault, first, last)
  }

  resynchronised(skipped: number, frame: FrameRef): void {
    this.#conversation.resynchronised(this.direction, skipped, frame)
  }

  givenUp(size: number, frame: FrameRef): void {
    this.#conversation.givenUp(this.direction, size, frame)
  }
}

/** One TCP connection: listened to until it is known what it speaks, then read. */
export class Conversation implements HttpExchangeSink {
  readonly #connection: SeenConnection
  readonly #sink: SeenSink
  readonly #counts: MessageCounts
  readonly #memory: HeldMemory
  readonly #sides: readonly [Side, Side]
  #speech: Speech = 'unknown'
  #isTold = false
  #exchange: HttpExchange | null = null

  constructor(connection: SeenConnection, sink: SeenSink, counts: MessageCounts, memory: HeldMemory) {
    this.#connection = connection
    this.#sink = sink
    this.#counts = counts
    this.#memory = memory
    this.#sides = [new Side(this, 0), new Side(this, 1)]
    if (connection.server.port === MSMQ_PORT || connection.client.port === MSMQ_PORT) this.#tell()
  }

  bytes(direction: Direction, bytes: Buffer, frame: FrameRef): void {
    if (this.#speech === 'msmq') this.#sides[direction].cutter!.push(bytes, frame)
    else if (this.#speech === 'http') this.#exchange!.push(direction, bytes, frame)
    else this.#listen(this.#sides[direction], this.#otherOf(direction), bytes, frame)
  }

  hole(direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void {
    const side = this.#sides[direction]
    side.hole ??= { size, cause, frame }
    side.listened = 0
    side.isDeaf = false
    // What is certain of the bytes before it is told first.
    side.cutter?.hole(size)
    if (this.#exchange !== null) this.#exchange.hole(direction, size, frame)
    else {
      side.exchange?.hole(direction, size, frame)
      this.#otherOf(direction).exchange?.hole(direction, size, frame)
    }
    if (this.#isTold) this.#sink.hole(this.#connection, direction, size, cause, frame)
  }

  trouble(direction: Direction, what: TcpTrouble, frame: FrameRef): void {
    if (this.#isTold) this.#sink.trouble(this.#connection, direction, what, frame)
  }

  ended(ending: SeenEnding): void {
    for (const side of this.#sides) {
      side.cutter?.flush(true)
      side.exchange?.finish()
    }
    this.#exchange?.finish()
    for (const { cutter } of this.#sides) {
      const unread = cutter?.finish() ?? 0
      if (this.#speech === 'msmq') this.#counts.skippedBytes += unread
    }
    if (!this.#isTold && this.#isWebInVain(ending)) this.#tell()
    if (this.#isTold) this.#sink.ended(this.#connection, ending)
  }

  packet(direction: Direction, packet: Packet, bytes: Buffer, first: FrameRef, last: FrameRef): void {
    if (this.#speech !== 'msmq') this.#speakMsmq()
    this.#counts.packets[packet.packetType] += 1
    this.#sink.packet({ connection: this.#connection, direction, packet, bytes, first, last })
  }

  malformed(direction: Direction, fault: DecodeError, first: FrameRef, last: FrameRef): void {
    // Bytes that may be a request yet are no malformed packet, and none of them is told before it is one to MSMQ.
    const mayBeHttp = this.#speech === 'unknown' && this.#sides.some(side => side.exchange?.isInStep)
    if (!this.#isTold || mayBeHttp) return
    this.#counts.malformed += 1
    this.#sink.malformed(this.#connection, direction, fault, first, last)
  }

  resynchronised(direction: Direction, skipped: number, frame: FrameRef): void {
    if (this.#speech !== 'msmq') this.#speakMsmq()
    this.#counts.resynchronised += 1
    this.#counts.skippedBytes += skipped
    this.#sink.resynchronised(this.#connection, direction, skipped, frame)
  }

  givenUp(direction: Direction, size: number, frame: FrameRef): void {
    if (!this.#isTold) return
    this.#counts.letGoBytes += size
    this.#sink.hole(this.#connection, direction, size, 'let-go', frame)
  }

  recognised(): void {
    if (this.#speech !== 'unknown') return
    this.#speech = 'http'
    this.#counts.httpConnections += 1
    if (!this.#isTold) this.#tell()
  }

  request(request: SeenRequest): void {
    if (this.#speech !== 'http') return
    this.#counts.requests += 1
    this.#sink.request(request)
  }

  response(response: SeenResponse): void {
    if (this.#speech !== 'http') return
    this.#counts.responses += 1
    this.#sink.response(response)
  }

  #listen(side: Side, other: Side, bytes: Buffer, frame: FrameRef): void {
    other.exchange?.push(side.direction, bytes, frame)
    if (side.isDeaf) return
    const isInStep = this.#isInStep(side)
    side.listened += bytes.length
    if (side.exchange === null && REQUEST_BEGINNING.fits(bytes, 0)) {
      side.exchange = new HttpExchange(this.#connection, side.direction, this, this.#memory, isInStep)
    }
    if (side.exchange !== null) {
      side.exchange.push(side.direction, bytes, frame)
      if (this.#speech === 'http') {
        this.#speakHttp(side.exchange)
        return
      }
    }
    side.cutter ??= new PacketCutter(side, this.#memory, isInStep)
    side.cutter.push(bytes, frame)
    if (this.#speech === 'unknown' && !this.#isTold && side.isForeign) side.stopListening()
  }

  /** The next byte of it is the first of its stream. */
  #isInStep(side: Side): boolean {
    return side.listened === 0 && side.hole === null && this.#connection.opening !== 'none'
  }

  #speakMsmq(): void {
    this.#speech = 'msmq'
    this.#counts.msmqConnections += 1
    if (!this.#isTold) this.#tell()
    for (const side of this.#sides) {
      side.exchange?.drop()
      side.exchange = null
      side.cutter ??= new PacketCutter(side, this.#memory, this.#isInStep(side))
    }
  }

  #speakHttp(exchange: HttpExchange): void {
    this.#exchange = exchange
    for (const side of this.#sides) {
      side.cutter?.finish()
      side.cutter = null
      if (side.exchange !== exchange) side.exchange?.drop()
      side.exchange = null
    }
  }

  #tell(): void {
    this.#isTold = true
    this.#sink.connection(this.#connection)
    for (const { direction, hole } of this.#sides) {
      if (hole !== null) this.#sink.hole(this.#connection, direction, hole.size, hole.cause, hole.frame)
    }
  }

  /** Nobody let it say what it speaks: receipts over HTTP to a machine that does not take them look like this. */
  #isWebInVain({ how }: SeenEnding): boolean {
    return (how === 'refused' || how === 'unanswered') && WEB_PORTS.includes(this.#connection.server.port)
  }

  #otherOf(direction: Direction): Side {
    return this.#sides[direction === 0 ? 1 : 0]
  }
}
