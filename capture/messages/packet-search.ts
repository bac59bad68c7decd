import { BASE_FLAGS, VERSION_NUMBER } from '../../protocol/binary/base-header.js'
import { ByteReader } from '../../protocol/binary/byte-reader.js'
import { decodePacket } from '../../protocol/binary/packet.js'
import { WIRE_SIZE_MAX, wireSizeWithin } from '../../protocol/binary/packet-framer.js'
import { decodeUserHeader, USER_HEADER_OFFSET } from '../../protocol/binary/user-header.js'
import { BASE_FLAGS_OFFSET } from '../../protocol/binary/user-message-layout.js'
import { DecodeError } from '../../protocol/errors.js'
import type { HeldBytes } from './held-bytes.js'

const SIGNATURE = Buffer.from('LIOR', 'latin1')
const SIGNATURE_OFFSET = 4
/** Where a packet may begin whose signature is not whole yet. */
const UNTOLD_SIZE = SIGNATURE_OFFSET + SIGNATURE.length - 1
/** Packets one behind the other that no body is believed to hold. */
const CHAIN_LENGTH_SURE = 3
/** A segment of that size begins where the sender began to write, or where a larger one was full. */
const TELLING_SEGMENT_SIZE = 512
/** Headers that are none: beyond so many, and one more for so many bytes, the bytes were made to cost time. */
const REJECTED_MAX = 1_000
const REJECTED_BYTES = 1_024

export interface Found {
  /** Where a packet begins; until it is sure, where one may begin at the earliest. */
  readonly at: number
  readonly isSure: boolean
}

/**
 * Finds where packets begin in the middle of a stream.
 *
 * A signature with a consistent size in front of a packet that decodes is no proof: a body may hold packets. So packets
 * have to follow each other without a gap until the end of a segment confirms them: the first or the last of them begins
 * where a segment begins, or the sender had nothing more to write there. A packet inside a body is followed by the rest of that body. More
 * bytes than one packet can have are proof enough, and so is the end of the stream; at a hole, three packets are.
 */
export class PacketSearch {
  #largestSegment = 0
  #lastSegment = 0
  #closing: 'open' | 'hole' | 'end' = 'open'
  /** Whole packets from the place on that is looked at: how many, their bytes, and where the last one begins. */
  #count = 0
  #size = 0
  #lastStart = 0
  #firstSize = 0
  /** How many more headers may turn out to be none, before only those at the beginning of segments are looked at. */
  #patience = REJECTED_MAX

  /** A segment of so many bytes came. */
  pushed(size: number): void {
    this.#lastSegment = size
    this.#patience = Math.min(REJECTED_MAX, this.#patience + size / REJECTED_BYTES)
    if (size > this.#largestSegment) this.#largestSegment = size
  }

  /** Nothing follows what is held: the stream ended, or has a hole. */
  close(isEnd: boolean): void {
    this.#closing = isEnd ? 'end' : 'hole'
  }

  reset(): void {
    this.#closing = 'open'
    this.#dropChain()
  }

  /** From `at` on, which is what the last call gave or the first byte to be looked at. */
  next(held: HeldBytes, at: number): Found {
    let start = at
    for (;;) {
      if (this.#count === 0) {
        const candidate = candidateFrom(held, start)
        if (candidate === null) return { at: Math.max(start, held.size - UNTOLD_SIZE), isSure: false }
        start = candidate
        if (this.#patience < 1 && held.segmentSizeAt(start) === 0) {
          start += 1
          continue
        }
      }
      if (!this.#follow(held, start)) {
        // Every packet of the chain leads to where it broke: what comes next begins inside the last of them.
        start += this.#lastStart + 1
        this.#dropChain()
        continue
      }
      const isSure = this.#isSure(held, start)
      if (isSure || this.#closing === 'open') return { at: start, isSure }
      start += this.#lastStart + 1
      this.#dropChain()
    }
  }

  #dropChain(): void {
    this.#count = 0
    this.#size = 0
    this.#lastStart = 0
  }

  /** Goes on from packet to packet as far as bytes are held. False: what is there is no packet. */
  #follow(held: HeldBytes, start: number): boolean {
    for (;;) {
      const at = start + this.#size
      if (at === held.size) return true
      const size = this.#sizeAt(held, at)
      if (size === null) return false
      if (size > held.size - at) return true
      if (this.#count === 0) this.#firstSize = size
      this.#count += 1
      this.#lastStart = this.#size
      this.#size += size
    }
  }

  /** What a packet there would take; null where it can be none. The first of a chain is examined whole, the last as far as it is there. */
  #sizeAt(held: HeldBytes, at: number): number | null {
    try {
      const size = wireSizeWithin(held.buffer, at, held.size)
      if (size > held.size - at) checkHeaders(held.buffer.subarray(at, held.size))
      else if (this.#count === 0) decodePacket(held.buffer.subarray(at, at + size))
      return size
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#patience = Math.max(0, this.#patience - 1)
      return null
    }
  }

  #isSure(held: HeldBytes, start: number): boolean {
    if (this.#count === 0) return false
    if (this.#closing === 'end' || held.size - start >= WIRE_SIZE_MAX) return true
    if (this.#closing === 'hole' && this.#count >= CHAIN_LENGTH_SURE) return true
    if (start + this.#size < held.size) return false
    if (beginsSegment(held, start, this.#firstSize)) return true
    if (beginsSegment(held, start + this.#lastStart, this.#size - this.#lastStart)) return true
    return this.#largestSegment >= TELLING_SEGMENT_SIZE && this.#lastSegment < this.#largestSegment
  }
}

/** A packet of `size` bytes begins a segment there that holds it whole, or enough of it to mean something. */
function beginsSegment(held: HeldBytes, at: number, size: number): boolean {
  return held.segmentSizeAt(at) >= Math.min(size, TELLING_SEGMENT_SIZE)
}

/** Where a version and a signature stand as a packet has them; null when there are none. */
function candidateFrom(held: HeldBytes, start: number): number | null {
  const bytes = held.buffer.subarray(0, held.size)
  for (let from = start + SIGNATURE_OFFSET; ; from += 1) {
    from = bytes.indexOf(SIGNATURE, from)
    if (from < 0) return null
    if (bytes[from - SIGNATURE_OFFSET] === VERSION_NUMBER) return from - SIGNATURE_OFFSET
  }
}

/** The first headers of a user message, as far as they are there: who waits for the rest may wait for megabytes. */
function checkHeaders(bytes: Buffer): void {
  if (bytes.length < USER_HEADER_OFFSET || (bytes[BASE_FLAGS_OFFSET]! & BASE_FLAGS.IN) !== 0) return
  const reader = new ByteReader(bytes)
  reader.offset = USER_HEADER_OFFSET
  try {
    decodeUserHeader(reader)
  } catch (error) {
    if (!(error instanceof DecodeError) || error.code !== 'MSMQ_DECODE_TRUNCATED') throw error
  }
}
