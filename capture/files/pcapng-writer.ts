import { writeSync } from 'node:fs'
import { ipBytes } from '../../protocol/ip-address.js'
import { systemCode } from '../../transport/errors.js'
import * as block from './pcapng-block.js'
import { padded } from './pcapng-block.js'
import { IPV4_RECORD, IPV6_RECORD } from './pcapng-names.js'
import { OptionBytes } from './pcapng-options.js'
import { MICROSECONDS, NANOSECONDS } from './time-resolution.js'

/** Takes what was written, which is valid during the call only. */
export type ByteSink = (bytes: Buffer) => void

export interface SectionToWrite {
  /** The program that writes: `mqlab 0.1.0`. */
  readonly application: string
  readonly comments?: readonly string[]
}

export interface InterfaceToWrite {
  /** LINKTYPE_… by its number. */
  readonly linkType: number
  readonly name?: string | null
  readonly description?: string | null
  /** Bytes kept of a packet at most; 0, the default, is no limit. */
  readonly snapLength?: number
  /** {@link MICROSECONDS}, the default, {@link NANOSECONDS}, or as pcapng codes it. */
  readonly resolution?: number
  /** Added to every stamp. */
  readonly offsetSeconds?: number
  /** A capture filter's text. */
  readonly filter?: string | null
  /** The operating system of the capturing machine. */
  readonly system?: string | null
  readonly comments?: readonly string[]
}

export interface PacketExtras {
  /** Where it is more than the bytes that were kept. */
  readonly originalLength?: number
  readonly comments?: readonly string[] | null
  /** As its interface saw it. */
  readonly direction?: 'inbound' | 'outbound'
}

interface WrittenInterface {
  readonly resolution: number
  packets: number
  /** Packets that nobody captured. */
  dropped: number
  /** The newest stamp. */
  upper: number
  lower: number
}

const BUFFER_BYTES = 65_536
const HIGH = 2 ** 32
const NO_SECTION_LENGTH = 0xffffffff
const NO_OPTIONS = new OptionBytes()
const FLAGS = { inbound: 1, outbound: 2 }

/**
 * Writes one section of pcapng, little-endian, into a sink: synchronously, {@link BUFFER_BYTES} at a time (more where a
 * packet is longer), so that memory is bounded. The same calls make the same bytes. What the sink throws comes out of the
 * call that filled the buffer.
 */
export class PcapngWriter {
  readonly #sink: ByteSink
  readonly #interfaces: WrittenInterface[] = []
  /** What was named before the first interface. */
  readonly #early: { readonly address: string; readonly names: readonly string[] }[] = []
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0

  constructor(sink: ByteSink, { application, comments = [] }: SectionToWrite) {
    this.#sink = sink
    const options = new OptionBytes()
    options.comments(comments)
    options.text(block.OPTION_SECTION_APPLICATION, application)
    const at = this.#begin(block.SECTION_HEADER, 16, options.size)
    const buffer = this.#buffer
    buffer.writeUInt32LE(block.BYTE_ORDER_MAGIC, at)
    buffer.writeUInt16LE(1, at + 4)
    buffer.writeUInt16LE(0, at + 6)
    buffer.writeUInt32LE(NO_SECTION_LENGTH, at + 8)
    buffer.writeUInt32LE(NO_SECTION_LENGTH, at + 12)
    options.copy(buffer, at + 16)
  }

  /** May be called at any time before the first packet of the interface. @returns its number, from 0 */
  addInterface(description: InterfaceToWrite): number {
    const { linkType, snapLength = 0, resolution = MICROSECONDS, offsetSeconds = 0 } = description
    const options = new OptionBytes()
    options.comments(description.comments ?? [])
    options.text(block.OPTION_INTERFACE_NAME, description.name)
    options.text(block.OPTION_INTERFACE_DESCRIPTION, description.description)
    options.add(block.OPTION_INTERFACE_RESOLUTION, Buffer.of(resolution))
    if (description.filter != null) options.text(block.OPTION_INTERFACE_FILTER, `\0${description.filter}`)
    options.text(block.OPTION_INTERFACE_SYSTEM, description.system)
    if (offsetSeconds !== 0) {
      const seconds = Buffer.alloc(8)
      seconds.writeBigInt64LE(BigInt(offsetSeconds))
      options.add(block.OPTION_INTERFACE_OFFSET, seconds)
    }
    const at = this.#begin(block.INTERFACE_DESCRIPTION, 8, options.size)
    this.#buffer.writeUInt16LE(linkType, at)
    this.#buffer.writeUInt16LE(0, at + 2)
    this.#buffer.writeUInt32LE(snapLength, at + 4)
    options.copy(this.#buffer, at + 8)
    this.#interfaces.push({ resolution, packets: 0, dropped: 0, upper: 0, lower: 0 })
    for (const { address, names } of this.#early.splice(0)) this.#writeNames(address, names)
    return this.#interfaces.length - 1
  }

  /**
   * A packet, from its link layer on.
   * @param on what `addInterface` gave, of an interface that counts microseconds or nanoseconds
   * @param timeUs microseconds since 1970; fractions are kept as far as the interface counts them
   */
  packet(on: number, timeUs: number, bytes: Buffer, extras: PacketExtras = {}): void {
    let options = NO_OPTIONS
    if (extras.direction !== undefined || (extras.comments?.length ?? 0) > 0) {
      options = new OptionBytes()
      options.comments(extras.comments ?? [])
      if (extras.direction !== undefined) options.u32(block.OPTION_PACKET_FLAGS, FLAGS[extras.direction])
    }
    const { upper, lower } = stamp(timeUs, this.#interface(on).resolution)
    this.stampedPacket(on, upper, lower, bytes, extras.originalLength ?? bytes.length, options)
  }

  /** The same, with a stamp in the interface's own ticks and any options. */
  stampedPacket(
    on: number,
    upper: number,
    lower: number,
    bytes: Buffer,
    originalLength: number,
    options: OptionBytes,
  ): void {
    const written = this.#interface(on)
    const room = padded(bytes.length)
    const at = this.#begin(block.ENHANCED_PACKET, 20 + room, options.size)
    const buffer = this.#buffer
    buffer.writeUInt32LE(on, at)
    buffer.writeUInt32LE(upper, at + 4)
    buffer.writeUInt32LE(lower, at + 8)
    buffer.writeUInt32LE(bytes.length, at + 12)
    buffer.writeUInt32LE(originalLength, at + 16)
    bytes.copy(buffer, at + 20)
    buffer.fill(0, at + 20 + bytes.length, at + 20 + room)
    options.copy(buffer, at + 20 + room)
    written.packets++
    written.upper = upper
    written.lower = lower
  }

  /** The capturing machine lost so many packets of an interface. */
  dropped(on: number, packets: number): void {
    this.#interface(on).dropped += packets
  }

  /**
   * What an address is called. What comes before the first interface is written after it: editcap, mergecap and reordercap
   * take a file whose first block is another for one without a link type, and refuse it.
   * @param address as text, IPv4 or IPv6
   * @param names of 60 KB at most, together
   */
  names(address: string, names: readonly string[]): void {
    if (this.#interfaces.length === 0) this.#early.push({ address, names })
    else this.#writeNames(address, names)
  }

  #writeNames(address: string, names: readonly string[]): void {
    const bytes = ipBytes(address)
    const text = Buffer.from(names.map(name => `${name}\0`).join(''))
    const size = bytes.length + text.length
    const at = this.#begin(block.NAME_RESOLUTION, 4 + padded(size) + 4, 0)
    this.#buffer.fill(0, at, at + 8 + padded(size))
    this.#buffer.writeUInt16LE(bytes.length === 4 ? IPV4_RECORD : IPV6_RECORD, at)
    this.#buffer.writeUInt16LE(size, at + 2)
    this.#buffer.set(bytes, at + 4)
    text.copy(this.#buffer, at + 4 + bytes.length)
  }

  /** Gives the sink what waits. */
  flush(): void {
    const length = this.#length
    this.#length = 0
    if (length > 0) this.#sink(this.#buffer.subarray(0, length))
  }

  /** Statistics of each interface that had packets, or lost some; nothing may be written after it. */
  end(): void {
    for (const { address, names } of this.#early.splice(0)) this.#writeNames(address, names)
    this.#interfaces.forEach(({ packets, dropped, upper, lower }, on) => {
      if (packets + dropped === 0) return
      const options = new OptionBytes()
      options.u64(block.OPTION_STATISTICS_RECEIVED, packets)
      if (dropped > 0) options.u64(block.OPTION_STATISTICS_DROPPED, dropped)
      const at = this.#begin(block.INTERFACE_STATISTICS, 12, options.size)
      this.#buffer.writeUInt32LE(on, at)
      this.#buffer.writeUInt32LE(upper, at + 4)
      this.#buffer.writeUInt32LE(lower, at + 8)
      options.copy(this.#buffer, at + 12)
    })
    this.flush()
  }

  #interface(on: number): WrittenInterface {
    const found = this.#interfaces[on]
    if (found === undefined) throw new RangeError(`no interface ${on}`)
    return found
  }

  /** Makes room for a block and writes what begins and ends it. @returns where its body goes */
  #begin(type: number, bodySize: number, optionsSize: number): number {
    const size = block.BLOCK_BYTES_MIN + bodySize + optionsSize
    if (this.#length + size > this.#buffer.length) this.flush()
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size)
    const at = this.#length
    this.#length += size
    this.#buffer.writeUInt32LE(type, at)
    this.#buffer.writeUInt32LE(size, at + 4)
    this.#buffer.writeUInt32LE(size, at + size - 4)
    return at + 8
  }
}

/** A sink that writes to an open file, pipe or socket, and waits while a pipe is full. */
export function descriptorSink(descriptor: number): ByteSink {
  return bytes => {
    let written = 0
    while (written < bytes.length) {
      try {
        written += writeSync(descriptor, bytes, written)
      } catch (error) {
        if (systemCode(error) !== 'EAGAIN') throw error
        Atomics.wait(PAUSE, 0, 0, PIPE_FULL_WAIT_MS)
      }
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
const PIPE_FULL_WAIT_MS = 2

/** Ticks since 1970 in halves of 64 bits. */
function stamp(timeUs: number, resolution: number): { upper: number; lower: number } {
  if (resolution === MICROSECONDS) {
    const ticks = Math.round(timeUs)
    return { upper: Math.floor(ticks / HIGH), lower: ticks % HIGH }
  }
  if (resolution !== NANOSECONDS) throw new RangeError('an interface that counts neither microseconds nor nanoseconds')
  // Nanoseconds since 1970 are more than a number holds exactly, microseconds are not.
  const whole = Math.floor(timeUs)
  const lower = (whole % HIGH) * 1000 + Math.round((timeUs - whole) * 1000)
  return { upper: Math.floor(whole / HIGH) * 1000 + Math.floor(lower / HIGH), lower: lower % HIGH }
}
