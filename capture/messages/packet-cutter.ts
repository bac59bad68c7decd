import { BASE_FLAGS } from '../../protocol/binary/base-header.js'
import { u16At, u32At } from '../../protocol/binary/byte-reader.js'
import { decodePacket, type Packet } from '../../protocol/binary/packet.js'
import { wireSizeWithin } from '../../protocol/binary/packet-framer.js'
import { SESSION_HEADER_SIZE } from '../../protocol/binary/session-header.js'
import { BASE_FLAGS_OFFSET, PACKET_SIZE_OFFSET } from '../../protocol/binary/user-message-layout.js'
import { DecodeError } from '../../protocol/errors.js'
import type { FrameRef } from '../frame.js'
import { HeldBytes } from './held-bytes.js'
import type { HeldMemory, Holder } from './held-memory.js'
import { PacketSearch } from './packet-search.js'

/** What a {@link PacketCutter} finds. Views are valid during the call only. */
export interface CutterSink {
  packet(packet: Packet, bytes: Buffer, first: FrameRef, last: FrameRef): void
  malformed(fault: DecodeError, first: FrameRef, last: FrameRef): void
  /** Packets are found again from here on; `skipped` captured bytes before them were of no use. */
  resynchronised(skipped: number, frame: FrameRef): void
  /** Too much of the capture waits for its end: `size` captured bytes were let go. */
  givenUp(size: number, frame: FrameRef): void
}

/** Bytes that decide whether a packet may begin: version and signature. */
const TELLING_SIZE = 8

/**
 * Cuts one direction of a captured TCP stream into packets. Other than a receiver it may begin in the middle, and goes on
 * behind what is missing or wrong: where the size of the packet with a hole is known, exactly behind it; otherwise where
 * {@link PacketSearch} finds packets again.
 */
export class PacketCutter implements Holder {
  readonly #sink: CutterSink
  readonly #held: HeldBytes
  readonly #search = new PacketSearch()
  /** A packet begins at the next byte, held or not. */
  #inStep: boolean
  /** In step and with bytes held: how many of them are needed to go on. */
  #wanted = 0
  /** The packet before was malformed: perhaps its size lies as well. */
  #isDoubtful = false
  /** Captured bytes that belong to a packet with a hole and are passed over. */
  #toSkip = 0
  /** Behind them a packet begins, or behind a SessionHeader of 16 bytes more. */
  #anchors = 0
  /** Captured bytes that were of no use since packets were lost. */
  #skipped = 0

  /** @param inStep the stream begins with the first byte that is pushed. */
  constructor(sink: CutterSink, memory: HeldMemory, inStep: boolean) {
    this.#sink = sink
    this.#held = new HeldBytes(memory, this)
    this.#inStep = inStep
  }

  /** Bytes that wait for more. */
  get heldSize(): number {
    return this.#held.size
  }

  push(bytes: Buffer, frame: FrameRef): void {
    let at = 0
    if (this.#toSkip > 0) {
      at = Math.min(this.#toSkip, bytes.length)
      this.#toSkip -= at
      this.#skipped += at
      if (at === bytes.length) return
    }
    if (this.#inStep) {
      if (this.#held.size > 0) at = this.#complete(bytes, at, frame)
      if (this.#inStep && this.#held.size === 0) at = this.#cut(bytes, at, frame)
    }
    this.#held.append(bytes, at, bytes.length, frame)
    this.#search.pushed(bytes.length)
    if (!this.#inStep) this.#drain(false)
  }

  /** `size` bytes are missing before what is pushed next; null: unknown how many. */
  hole(size: number | null): void {
    if (this.#toSkip > 0 && size !== null && size <= this.#toSkip) {
      this.#toSkip -= size
      return
    }
    this.flush(false)
    if (size !== null && this.#loseHeld(size)) return
    this.#lose(this.#held.size)
    this.#toSkip = 0
    this.#anchors = 0
    this.#search.reset()
  }

  /** Nothing follows what was pushed: what is certain enough is told. `isEnd`: the stream has ended, no hole follows. */
  flush(isEnd: boolean): void {
    if (this.#inStep || this.#held.size === 0) return
    this.#search.close(isEnd)
    this.#drain(true)
  }

  /** Lets go of what waits. Returns how many captured bytes came to no packet since packets were lost, or are unfinished. */
  finish(): number {
    this.#skipped += this.#held.size
    this.#held.clear()
    return this.#skipped
  }

  giveUp(): void {
    this.flush(false)
    const { size } = this.#held
    if (size === 0) return
    const frame = this.#held.frameAt(size - 1)
    if (!this.#loseHeld(0)) {
      this.#lose(size)
      this.#search.reset()
    }
    this.#sink.givenUp(size, frame)
  }

  // From packet to packet as they lie in the bytes. Returns the offset of the first byte not taken.
  #cut(bytes: Buffer, start: number, frame: FrameRef): number {
    let at = start
    const { length } = bytes
    while (at < length) {
      let size: number
      try {
        size = wireSizeWithin(bytes, at, length)
      } catch (error) {
        this.#outOfStep(error, frame, frame)
        return at
      }
      if (size > length - at) {
        this.#wanted = size
        return at
      }
      this.#decode(at === 0 && size === length ? bytes : bytes.subarray(at, at + size), frame, frame)
      at += size
    }
    return at
  }

  // Adds to the packet held until it is whole. Returns the offset of the first byte not taken.
  #complete(bytes: Buffer, start: number, frame: FrameRef): number {
    const held = this.#held
    let at = start
    for (;;) {
      const end = Math.min(bytes.length, at + this.#wanted - held.size)
      held.append(bytes, at, end, frame)
      at = end
      if (held.size < this.#wanted) return at
      let size: number
      try {
        size = wireSizeWithin(held.buffer, 0, held.size)
      } catch (error) {
        this.#outOfStep(error, held.frameAt(0), frame)
        return at
      }
      if (size <= held.size) break
      this.#wanted = size
    }
    this.#decode(held.whole, held.frameAt(0), frame)
    held.clear()
    return at
  }

  #decode(bytes: Buffer, first: FrameRef, last: FrameRef): void {
    let packet: Packet
    try {
      packet = decodePacket(bytes)
    } catch (error) {
      this.#sink.malformed(asFault(error), first, last)
      this.#isDoubtful = true
      return
    }
    this.#isDoubtful = false
    this.#sink.packet(packet, bytes, first, last)
  }

  #outOfStep(error: unknown, first: FrameRef, last: FrameRef): void {
    const fault = asFault(error)
    if (!this.#isDoubtful) this.#sink.malformed(fault, first, last)
    this.#isDoubtful = false
    this.#inStep = false
    this.#skipped = 0
    this.#anchors = 0
    this.#search.reset()
  }

  // What is held, and out of step at times: each packet, and each place to begin again, until more bytes are needed.
  #drain(isFinal: boolean): void {
    const held = this.#held
    let at = 0
    for (;;) {
      if (!this.#inStep) {
        const found = this.#found(at, isFinal)
        this.#skipped += found.at - at
        at = found.at
        if (!found.isSure) break
        this.#inStep = true
        this.#anchors = 0
        this.#search.reset()
        this.#sink.resynchronised(this.#skipped, held.frameAt(at))
        this.#skipped = 0
      }
      at = this.#cutHeld(at)
      if (this.#inStep) break
    }
    held.drop(at)
  }

  #found(at: number, isFinal: boolean): { at: number; isSure: boolean } {
    for (; this.#anchors > 0; this.#anchors -= 1) {
      const isPacket = isHeaderAt(this.#held, at)
      if (isPacket === null && !isFinal) return { at, isSure: false }
      if (isPacket === true) return { at, isSure: true }
      if (this.#anchors > 1) {
        if (this.#held.size - at < SESSION_HEADER_SIZE) return { at, isSure: false }
        at += SESSION_HEADER_SIZE
      }
    }
    return this.#search.next(this.#held, at)
  }

  #cutHeld(start: number): number {
    const held = this.#held
    let at = start
    while (at < held.size) {
      let size: number
      try {
        size = wireSizeWithin(held.buffer, at, held.size)
      } catch (error) {
        this.#outOfStep(error, held.frameAt(at), held.frameAt(held.size - 1))
        return at
      }
      if (size > held.size - at) {
        this.#wanted = size
        return at
      }
      const last = held.frameAt(at + size - 1)
      this.#decode(held.buffer.subarray(at, at + size), held.frameAt(at), last)
      at += size
    }
    return at
  }

  /** The packet held has a hole: passes over the rest of it, when it has one that is known. */
  #loseHeld(missing: number): boolean {
    const held = this.#held
    if (!this.#inStep || held.size < PACKET_SIZE_OFFSET + 4) return false
    const wanted = wireSizeWithin(held.buffer, 0, held.size)
    const flags = u16At(held.buffer, BASE_FLAGS_OFFSET)
    const isWhole = held.size >= u32At(held.buffer, PACKET_SIZE_OFFSET)
    // Whether a SessionHeader lies behind PacketSize is for the other headers to say, of which some are missing.
    const isUnsure = !isWhole && (flags & (BASE_FLAGS.SH | BASE_FLAGS.IN)) === BASE_FLAGS.SH
    const behind = held.size + missing
    if (behind > (isUnsure ? wanted + SESSION_HEADER_SIZE : wanted)) return false
    this.#anchors = isUnsure && behind <= wanted ? 2 : 1
    this.#toSkip = (behind <= wanted ? wanted : wanted + SESSION_HEADER_SIZE) - behind
    this.#lose(held.size)
    return true
  }

  #lose(size: number): void {
    if (this.#inStep) this.#skipped = 0
    this.#inStep = false
    this.#skipped += size
    this.#held.clear()
  }
}

/** Null: that needs more bytes. */
function isHeaderAt(held: HeldBytes, at: number): boolean | null {
  if (at >= held.size) return null
  try {
    wireSizeWithin(held.buffer, at, held.size)
    return held.size - at < TELLING_SIZE ? null : true
  } catch {
    return false
  }
}

function asFault(error: unknown): DecodeError {
  if (error instanceof DecodeError) return error
  throw error
}
