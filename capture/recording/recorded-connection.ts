import type { ConnectionTap, TapSide } from '../../transport/wire-tap.js'
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, tcpFrame } from './ip-frame.js'
import type { RecordedEnd } from './recorded-end.js'
import type { RecordedLink } from './recorded-link.js'

/** A lone segment is acknowledged after this if nothing is sent back before; of two the second is at once. */
const ACKNOWLEDGE_AFTER_MS = 40
/** What nobody answers is sent again after this, and then after twice as long each time. */
const REPEAT_AFTER_MS = 300
/** Within one machine a system answers at once, however late a busy process hears of it. */
const LOOPBACK_MS_MAX = 0.2
const EMPTY = Buffer.alloc(0)

/**
 * One TCP connection on one link, written as the frames that carry what it is told of: segments, acknowledgements, and how
 * it begins and ends. Times may lie ahead of the recorder's clock; what one end sends keeps its order.
 *
 * When bytes arrive is assumed from the handshake, or with `isTold` said by `arrived`: what is never said to have arrived is
 * never acknowledged.
 */
export class RecordedConnection implements ConnectionTap {
  readonly #link: RecordedLink
  readonly #client: RecordedEnd
  readonly #server: RecordedEnd
  readonly #isTold: boolean
  readonly #startedMs: number
  /** From a byte of the client's to the server's word that it has it. */
  #roundTripMs = 0
  #state: 'opening' | 'answered' | 'open' | 'broken' | 'failed' = 'opening'
  /** When the last thing of each end's was told to happen. */
  readonly #lastMs = { client: 0, server: 0 }
  /** Counted up to call off what was to be done later. */
  readonly #waits = { client: 0, server: 0 }
  readonly #attempts = { client: 0, server: 0 }

  constructor(link: RecordedLink, client: RecordedEnd, server: RecordedEnd, atMs: number, isTold: boolean) {
    this.#link = link
    this.#client = client
    this.#server = server
    this.#isTold = isTold
    this.#startedMs = atMs
    this.#later('client', atMs, () => this.#emit('client', TCP_SYN, 0))
    client.sent = 1
  }

  /** The client asks again. */
  repeated(atMs: number): void {
    this.#later('client', atMs, () => {
      if (this.#state === 'opening') this.#emit('client', TCP_SYN, 0)
    })
  }

  /** The server takes it. */
  answered(atMs: number): void {
    this.#later('server', atMs, () => {
      if (this.#state !== 'opening') return
      this.#state = 'answered'
      this.#server.got = 1
      this.#server.acknowledged = 1
      this.#server.sent = 1
      this.#emit('server', TCP_SYN | TCP_ACK, 0)
    })
  }

  /** The client has the server's answer. */
  established(atMs: number): void {
    const tookMs = Math.max(0, atMs - this.#startedMs)
    this.#roundTripMs = isLoopback(this.#server) ? Math.min(tookMs, LOOPBACK_MS_MAX) : tookMs
    this.answered(atMs)
    this.#later('client', atMs, () => {
      if (this.#state !== 'answered') return
      this.#state = 'open'
      this.#client.got = 1
      this.#acknowledge('client')
    })
    // the server has nobody to talk to before
    this.#lastMs.server = Math.max(this.#lastMs.server, atMs)
  }

  failed(atMs: number, how: 'refused' | 'unanswered'): void {
    this.#later('server', atMs, () => {
      if (this.#state !== 'opening') return
      this.#state = 'failed'
      if (how === 'unanswered') return
      this.#server.acknowledged = 1
      this.#server.windowBytes = 0
      this.#emit('server', TCP_RST | TCP_ACK, 0)
    })
  }

  /** @param againMs when the system of that end sends the same again, because it was lost */
  sent(by: TapSide, bytes: Buffer, atMs: number, againMs: readonly number[] = []): void {
    const isKept = againMs.length > 0 || this.#link.isAhead(Math.max(atMs, this.#lastMs[by]))
    const copy = isKept ? Buffer.from(bytes) : bytes
    this.#later(by, atMs, () => this.#send(by, copy, againMs))
    if (!this.#isTold) this.arrived(by, bytes.length, by === 'client' ? atMs + this.#roundTripMs : atMs)
  }

  /** So many more bytes of what this end sent have got to the other. */
  arrived(by: TapSide, bytes: number, atMs: number): void {
    this.#link.at(Math.max(atMs, this.#lastMs[by]), nowMs => this.#arrive(by, bytes, nowMs))
  }

  /**
   * This end sends what does not get through, again and again until `gaveUp` or until something is `sent`: that begins with
   * the same bytes.
   */
  tried(by: TapSide, bytes: Buffer, atMs: number): void {
    const segment = Buffer.from(bytes.subarray(0, this.#end(by).segmentBytesMax))
    const attempt = ++this.#attempts[by]
    const send = (nowMs: number, waitMs: number): void => {
      if (this.#state !== 'open' || attempt !== this.#attempts[by]) return
      this.#segment(by, segment, this.#end(by).sent, true)
      this.#link.at(nowMs + waitMs, thenMs => send(thenMs, 2 * waitMs))
    }
    this.#link.at(Math.max(atMs, this.#lastMs[by]), nowMs => send(nowMs, REPEAT_AFTER_MS))
  }

  gaveUp(by: TapSide, atMs: number): void {
    this.#later(by, atMs, () => {
      this.#attempts[by]++
    })
  }

  /** How many bytes this end can take beyond what it has acknowledged. */
  window(by: TapSide, bytes: number, atMs: number): void {
    this.#later(by, atMs, () => {
      const end = this.#end(by)
      const changes = (bytes === 0) !== (end.windowBytes === 0)
      end.windowBytes = bytes
      // the other must hear of it, also when there is nothing to acknowledge
      if (changes && this.#state === 'open') this.#acknowledge(by)
    })
  }

  ended(by: TapSide, how: 'fin' | 'reset', atMs: number): void {
    this.#later(by, atMs, () => {
      if (how === 'reset') this.#reset(by)
      else this.#finish(by)
    })
    if (how === 'fin' && !this.#isTold) this.arrived(by, 1, by === 'client' ? atMs + this.#roundTripMs : atMs)
  }

  #send(by: TapSide, bytes: Buffer, againMs: readonly number[]): void {
    const end = this.#end(by)
    // who does not know yet that it is broken goes on
    if ((this.#state !== 'open' && this.#state !== 'broken') || end.isFinished) return
    this.#attempts[by]++
    const from = end.sent
    for (let at = 0; at < bytes.length; at += end.segmentBytesMax) {
      const segment = bytes.subarray(at, at + end.segmentBytesMax)
      this.#segment(by, segment, end.sent, at + segment.length === bytes.length)
      end.sent += segment.length
      end.underWay.push(end.sent)
    }
    for (const atMs of againMs) this.#link.at(atMs, () => this.#repeat(by, bytes, from))
  }

  #repeat(by: TapSide, bytes: Buffer, from: number): void {
    if (this.#state !== 'open') return
    const { segmentBytesMax } = this.#end(by)
    for (let at = 0; at < bytes.length; at += segmentBytesMax) {
      const segment = bytes.subarray(at, at + segmentBytesMax)
      this.#segment(by, segment, from + at, at + segment.length === bytes.length)
    }
  }

  #segment(by: TapSide, segment: Buffer, place: number, isLast: boolean): void {
    const end = this.#end(by)
    this.#acknowledgeAll(by, end)
    this.#emit(by, isLast ? TCP_ACK | TCP_PSH : TCP_ACK, place, segment)
  }

  #finish(by: TapSide): void {
    const end = this.#end(by)
    if (this.#state !== 'open' || end.isFinished) return
    this.#attempts[by]++
    this.#acknowledgeAll(by, end)
    this.#emit(by, TCP_FIN | TCP_ACK, end.sent)
    end.isFinished = true
    end.sent += 1
    end.underWay.push(end.sent)
  }

  /** One that nobody has answered is given up without a word. */
  #reset(by: TapSide): void {
    const end = this.#end(by)
    if (this.#state === 'opening' || this.#state === 'failed') {
      this.#state = 'failed'
      return
    }
    if (this.#state === 'answered' && by === 'client') end.got = 1
    this.#state = 'broken'
    this.#acknowledgeAll(by, end)
    end.windowBytes = 0
    this.#emit(by, TCP_RST | TCP_ACK, end.sent)
    end.isFinished = true
  }

  #arrive(by: TapSide, bytes: number, nowMs: number): void {
    const from = this.#end(by)
    const side = otherSide(by)
    const end = this.#end(side)
    if (this.#state !== 'open') return
    end.got = Math.min(end.got + bytes, from.sent)
    while (from.underWay.length > 0 && from.underWay[0]! <= end.got) end.unacknowledged.push(from.underWay.shift()!)
    // two segments, or the last thing that the other says, are acknowledged at once
    while (end.unacknowledged.length >= 2) {
      end.unacknowledged.shift()
      end.acknowledged = end.unacknowledged.shift()!
      this.#waits[side]++
      this.#emit(side, TCP_ACK, end.sent)
    }
    if (end.unacknowledged.length === 0) return
    if (from.isFinished && end.got === from.sent) this.#acknowledge(side)
    else this.#acknowledgeLater(side, nowMs)
  }

  #acknowledgeLater(by: TapSide, nowMs: number): void {
    const wait = ++this.#waits[by]
    this.#link.at(nowMs + ACKNOWLEDGE_AFTER_MS, () => {
      if (wait === this.#waits[by] && this.#state === 'open') this.#acknowledge(by)
    })
  }

  #acknowledge(by: TapSide): void {
    const end = this.#end(by)
    this.#acknowledgeAll(by, end)
    this.#emit(by, TCP_ACK, end.sent)
  }

  /** What leaves next says it. */
  #acknowledgeAll(by: TapSide, end: RecordedEnd): void {
    end.acknowledged = end.got
    end.unacknowledged.length = 0
    this.#waits[by]++
  }

  #emit(by: TapSide, flags: number, place: number, payload: Buffer = EMPTY): void {
    const end = this.#end(by)
    const other = this.#end(otherSide(by))
    this.#link.frame(tcpFrame(end, other, end.ids.next(), end.fields(other, flags, place), payload))
  }

  #later(by: TapSide, atMs: number, run: (nowMs: number) => void): void {
    this.#lastMs[by] = Math.max(atMs, this.#lastMs[by])
    this.#link.at(this.#lastMs[by], run)
  }

  #end(side: TapSide): RecordedEnd {
    return side === 'client' ? this.#client : this.#server
  }
}

function isLoopback({ ip }: RecordedEnd): boolean {
  return ip.length === 4 ? ip[0] === 127 : ip.every((byte, place) => byte === (place === 15 ? 1 : 0))
}

function otherSide(side: TapSide): TapSide {
  return side === 'client' ? 'server' : 'client'
}
