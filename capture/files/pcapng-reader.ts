import type { ByteWindow } from './byte-window.js'
import { CapturedFrame } from './captured-frame.js'
import type { FileContext, Lost, RecordReader } from './file-context.js'
import * as block from './pcapng-block.js'
import { u16, u32, u64 } from './pcapng-block.js'
import { type PcapngInterface, readInterface } from './pcapng-interface.js'
import { readNames } from './pcapng-names.js'
import { TIME_US_MAX } from './time-resolution.js'

/** Of a section, so that a file that is nothing else cannot fill memory. */
const INTERFACES_MAX = 10_000

/** pcapng: any number of sections in either byte order. */
export class PcapngReader implements RecordReader {
  readonly isOver = false
  readonly #context: FileContext
  #isBigEndian = false
  #interfaces: PcapngInterface[] = []
  #withoutTime = 0
  #unknown = 0
  /** What the interfaces of sections that are over have lost. */
  #droppedBefore = 0
  /** Damage that no block was found after yet. */
  #lost: Lost | null = null

  constructor(context: FileContext) {
    this.#context = context
  }

  read(window: ByteWindow, batch: CapturedFrame[], isEnd: boolean): void {
    for (;;) {
      if (this.#lost !== null && !this.#findBlock(window, this.#lost, isEnd)) break
      const size = this.#blockSize(window)
      if (typeof size === 'string') this.#lose(window, size, false)
      else if (size > 0) {
        this.#take(window.buffer, window.start, size, window.offset, batch)
        window.start += size
      } else if (isEnd && window.length > 0) {
        this.#lose(window, `a block of which ${window.length} bytes are there`, true)
      } else break
    }
    if (isEnd) this.#end()
  }

  /** Of the block at the start; 0: it is not there whole; text: what is wrong with it. */
  #blockSize(window: ByteWindow): number | string {
    const { buffer, start } = window
    if (window.length < block.BLOCK_BYTES_MIN) return 0
    let isBigEndian = this.#isBigEndian
    if (u32(buffer, start, isBigEndian) === block.SECTION_HEADER) {
      const order = block.sectionIsBigEndian(buffer, start)
      if (order === null) return 'a section whose byte order is not told'
      isBigEndian = order
    }
    const length = u32(buffer, start + 4, isBigEndian)
    if (!block.isBlockLength(length)) return `a block that claims ${length} bytes`
    if (length > window.length) return 0
    return u32(buffer, start + length - 4, isBigEndian) === length ? length : 'a block whose two lengths differ'
  }

  #take(bytes: Buffer, at: number, size: number, offset: number, batch: CapturedFrame[]): void {
    const type = u32(bytes, at, this.#isBigEndian)
    if (type === block.ENHANCED_PACKET) {
      this.#enhanced(bytes, at, size, offset, batch)
      return
    }
    const body = bytes.subarray(at + 8, at + size - 4)
    switch (type) {
      case block.SECTION_HEADER:
        this.#beginSection(bytes, at)
        break
      case block.INTERFACE_DESCRIPTION:
        this.#describe(body, offset)
        break
      case block.SIMPLE_PACKET:
        this.#simple(body, offset, batch)
        break
      case block.OBSOLETE_PACKET:
        this.#obsolete(body, offset, batch)
        break
      case block.NAME_RESOLUTION:
        readNames(body, this.#isBigEndian, this.#context.names)
        break
      case block.INTERFACE_STATISTICS:
        this.#statistics(body)
        break
      case block.JOURNAL_EXPORT:
        // Wireshark numbers entries of a journal among the packets.
        this.#context.report.frames++
        break
      default:
        if (!block.isKnown(type)) this.#unknown++
    }
  }

  #beginSection(bytes: Buffer, at: number): void {
    this.#droppedBefore = this.#dropped()
    this.#interfaces = []
    this.#isBigEndian = block.sectionIsBigEndian(bytes, at) ?? false
  }

  #describe(body: Buffer, offset: number): void {
    if (this.#interfaces.length === INTERFACES_MAX) {
      this.#damaged(offset, `a section with more than ${INTERFACES_MAX} interfaces`)
      return
    }
    const found = readInterface(body, this.#isBigEndian, this.#context, offset)
    if (found === null) this.#damaged(offset, 'an interface description that is too short')
    else this.#interfaces.push(found)
  }

  #enhanced(bytes: Buffer, at: number, size: number, offset: number, batch: CapturedFrame[]): void {
    const isBigEndian = this.#isBigEndian
    if (size < 32) {
      this.#damaged(offset, 'a packet block that is too short')
      return
    }
    const capturedLength = u32(bytes, at + 20, isBigEndian)
    const data = at + 28
    const end = at + size - 4
    const upper = u32(bytes, at + 12, isBigEndian)
    const lower = u32(bytes, at + 16, isBigEndian)
    const originalLength = u32(bytes, at + 24, isBigEndian)
    const from = u32(bytes, at + 8, isBigEndian)
    this.#packet(bytes, data, end, from, upper, lower, capturedLength, originalLength, offset, batch)
  }

  #obsolete(body: Buffer, offset: number, batch: CapturedFrame[]): void {
    if (body.length < 20) {
      this.#damaged(offset, 'a packet block that is too short')
      return
    }
    const isBigEndian = this.#isBigEndian
    const from = u16(body, 0, isBigEndian)
    const dropped = u16(body, 2, isBigEndian)
    const on = this.#interfaces[from]
    if (on !== undefined && dropped !== 0xffff) on.droppedByPackets += dropped
    const [upper, lower] = [u32(body, 4, isBigEndian), u32(body, 8, isBigEndian)]
    const [captured, original] = [u32(body, 12, isBigEndian), u32(body, 16, isBigEndian)]
    this.#packet(body, 20, body.length, from, upper, lower, captured, original, offset, batch)
  }

  /** @param from the interface's number @param data where the packet begins @param end of the block's body */
  #packet(
    bytes: Buffer,
    data: number,
    end: number,
    from: number,
    upper: number,
    lower: number,
    capturedLength: number,
    originalLength: number,
    offset: number,
    batch: CapturedFrame[],
  ): void {
    const on = this.#interfaces[from]
    const number = ++this.#context.report.frames
    if (on === undefined) {
      this.#damaged(offset, `a packet of interface ${from}, which is not described`)
      return
    }
    if (capturedLength > end - data) {
      this.#damaged(offset, `a packet of ${capturedLength} bytes in a block with room for ${end - data}`)
      return
    }
    let timeUs = on.scale.microseconds(upper, lower)
    if (timeUs > TIME_US_MAX) {
      this.#damaged(offset, 'a packet of a time after the year 9999; it is given that of the packet before it')
      timeUs = on.scale.microseconds(on.upper, on.lower)
    } else {
      on.upper = upper
      on.lower = lower
    }
    const packet = bytes.subarray(data, data + capturedLength)
    const optionsAt = data + block.padded(capturedLength)
    const options = optionsAt < end ? { bytes: bytes.subarray(optionsAt, end), isBigEndian: this.#isBigEndian } : null
    const comments = options === null ? null : this.#options(options.bytes, on)
    const ref = { number, fileIndex: this.#context.fileIndex, timeUs }
    batch.push(new CapturedFrame(ref, on.details, packet, originalLength, comments, upper, lower, options))
  }

  /** What of a packet's options is wanted: comments, and how many packets were lost before it. */
  #options(bytes: Buffer, on: PcapngInterface): string[] | null {
    let comments: string[] | null = null
    block.eachOption(bytes, this.#isBigEndian, (code, value) => {
      if (code === block.OPTION_COMMENT) {
        comments ??= []
        comments.push(value.toString())
      } else if (code === block.OPTION_PACKET_DROPPED && value.length === 8) {
        on.droppedByPackets += u64(value, 0, this.#isBigEndian)
      }
    })
    return comments
  }

  #simple(body: Buffer, offset: number, batch: CapturedFrame[]): void {
    if (body.length < 4) {
      this.#damaged(offset, 'a packet block that is too short')
      return
    }
    const number = ++this.#context.report.frames
    const on = this.#interfaces[0]
    if (on === undefined) {
      this.#damaged(offset, 'a packet of interface 0, which is not described')
      return
    }
    const originalLength = u32(body, 0, this.#isBigEndian)
    const limit = on.details.snapLength === 0 ? originalLength : Math.min(originalLength, on.details.snapLength)
    if (limit > body.length - 4) {
      this.#damaged(offset, `a packet of ${limit} bytes in a block with room for ${body.length - 4}`)
      return
    }
    this.#withoutTime++
    const ref = { number, fileIndex: this.#context.fileIndex, timeUs: on.scale.microseconds(on.upper, on.lower) }
    batch.push(
      new CapturedFrame(ref, on.details, body.subarray(4, 4 + limit), originalLength, null, on.upper, on.lower, null),
    )
  }

  #statistics(body: Buffer): void {
    if (body.length < 12) return
    const on = this.#interfaces[u32(body, 0, this.#isBigEndian)]
    if (on === undefined) return
    let dropped = 0
    block.eachOption(body.subarray(12), this.#isBigEndian, (code, value) => {
      const counts = code === block.OPTION_STATISTICS_DROPPED || code === block.OPTION_STATISTICS_SYSTEM_DROPPED
      if (counts && value.length === 8) dropped += u64(value, 0, this.#isBigEndian)
    })
    // Each statistics block counts from the beginning.
    on.droppedByStatistics = dropped
  }

  #dropped(): number {
    let dropped = this.#droppedBefore
    for (const on of this.#interfaces) dropped += Math.max(on.droppedByPackets, on.droppedByStatistics)
    return dropped
  }

  #damaged(offset: number, what: string): void {
    this.#context.trouble('damaged', offset, what)
  }

  #lose(window: ByteWindow, what: string, isCut: boolean): void {
    this.#lost = { offset: window.offset, what, isCut }
    window.start++
  }

  #findBlock(window: ByteWindow, lost: Lost, isEnd: boolean): boolean {
    const { at, isFound } = block.findBlock(window.buffer, window.start, window.end, isEnd, this.#isBigEndian)
    window.start = at
    if (isFound || isEnd) {
      this.#context.damage(lost, 'block', isFound ? window.offset : null)
      this.#lost = null
    }
    if (isEnd && !isFound) window.start = window.end
    return isFound
  }

  #end(): void {
    const { report } = this.#context
    report.dropped = this.#dropped()
    const note = (count: number, what: string) => {
      if (count > 0) report.notes.push(`${what}: ${count}.`)
    }
    note(this.#unknown, 'Blocks of unknown kinds, which were passed over')
    note(this.#withoutTime, 'Packets without a time, which are given that of the packet before them on their interface')
  }
}
