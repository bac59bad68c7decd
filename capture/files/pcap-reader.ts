import { type Parser, type PcapGlobalHeader, type PcapPacketHeader, type PcapStream, parse } from 'pcap-parser'
import type { ByteWindow } from './byte-window.js'
import { CapturedFrame, type InterfaceDetails } from './captured-frame.js'
import type { FileContext, Lost, RecordReader } from './file-context.js'
import { areNear, type PacketHeader, PacketHeaderRules, PCAP_PACKET_HEADER_BYTES } from './pcap-header.js'
import { MICROSECONDS, NANOSECONDS, ticksPerSecond } from './time-resolution.js'

const GLOBAL_HEADER_BYTES = 24
/** The low half of the link type's field; above it are the length of a frame check sequence and reserved bits. */
const LINK_TYPE_MASK = 0xffff

/** Leaves pcap-parser from within one of its events. */
const STOP = new Error('stop')

/** Classic pcap, of microseconds or nanoseconds, in either byte order. pcap-parser reads it; decision 0038 says how. */
export class PcapReader implements RecordReader {
  isOver = false
  readonly #context: FileContext
  #stream = new ParserStream()
  #parser: Parser
  #globalHeader: Buffer | null = null
  #rules = new PacketHeaderRules(false, 1, 0)
  #on: InterfaceDetails | null = null
  #unitsPerMicrosecond = 1
  /** Whether headers are as they should be; the first one tells, for there are writers that are careless in all of them. */
  #isRegular: boolean | null = null
  #seconds: number | null = null
  /** The header whose body is being waited for. */
  #header: PcapPacketHeader | null = null
  #batch: CapturedFrame[] = []
  #window: ByteWindow | null = null
  /** What is wrong with the header that pcap-parser has just read. */
  #fault: string | null = null
  #lost: Lost | null = null

  constructor(context: FileContext) {
    this.#context = context
    this.#parser = this.#newParser()
  }

  read(window: ByteWindow, batch: CapturedFrame[], isEnd: boolean): void {
    if (this.#globalHeader === null && !this.#begin(window, isEnd)) return
    this.#batch = batch
    this.#window = window
    while (!this.isOver) {
      if (this.#lost !== null && !this.#findPacket(window, this.#lost, isEnd)) return
      this.#fault = null
      this.#feed(window)
      if (this.#fault === null && (!isEnd || window.length === 0)) return
      this.#lose(window, this.#fault)
    }
  }

  /** Looks at the file's header, which must be in the window whole. */
  #begin(window: ByteWindow, isEnd: boolean): boolean {
    if (window.length < GLOBAL_HEADER_BYTES) {
      if (isEnd) this.#context.trouble('truncated', window.offset, 'the file ends within its header')
      return false
    }
    const header = Buffer.from(window.buffer.subarray(window.start, window.start + GLOBAL_HEADER_BYTES))
    this.#globalHeader = header
    window.start += GLOBAL_HEADER_BYTES
    const isBigEndian = header[0] === 0xa1
    const resolution = (isBigEndian ? header[2] : header[1]) === 0x3c ? NANOSECONDS : MICROSECONDS
    if (resolution === NANOSECONDS) {
      // pcap-parser knows the other magic number only.
      if (isBigEndian) header.writeUInt32BE(0xa1b2c3d4)
      else header.writeUInt32LE(0xa1b2c3d4)
    }
    this.#parser.on('globalHeader', parsed => this.#open(parsed, isBigEndian, resolution))
    this.#parser.on('error', error => {
      this.isOver = true
      this.#context.trouble('foreign', 0, `a classic capture of another version (${error.message})`)
    })
    this.#stream.give(header)
    return true
  }

  #open(header: PcapGlobalHeader, isBigEndian: boolean, resolution: number): void {
    const snapLength = header.snapshotLength
    const unitsPerSecond = ticksPerSecond(resolution)
    this.#unitsPerMicrosecond = unitsPerSecond / 1e6
    this.#rules = new PacketHeaderRules(isBigEndian, unitsPerSecond, snapLength)
    this.#on = this.#context.interface({
      linkType: header.linkLayerType & LINK_TYPE_MASK,
      name: null,
      description: null,
      snapLength,
      ticksPerSecond: unitsPerSecond,
      resolution,
      stampsAreSeconds: true,
      offsetSeconds: 0,
      filter: null,
      system: null,
      comments: [],
    })
  }

  #newParser(): Parser {
    this.#stream = new ParserStream()
    const parser = parse(this.#stream)
    parser.on('packetHeader', header => this.#takeHeader(header))
    parser.on('packetData', data => this.#takeBody(data))
    return parser
  }

  /** pcap-parser sees what of the window it has not seen, and keeps nothing of it for the next time. */
  #feed(window: ByteWindow): void {
    const from = this.#header === null ? window.start : window.start + PCAP_PACKET_HEADER_BYTES
    this.#parser.buffer = null
    try {
      this.#stream.give(window.buffer.subarray(from, window.end))
    } catch (error) {
      if (error !== STOP) throw error
    }
  }

  #takeHeader(header: PcapPacketHeader): void {
    const { capturedLength, originalLength } = header
    const plain = {
      seconds: header.timestampSeconds,
      fraction: header.timestampMicroseconds,
      capturedLength,
      originalLength,
    }
    const isRegular = this.#rules.isRegular(plain)
    if (capturedLength > this.#rules.capturedLengthMax) {
      this.#fault = `a packet that claims ${capturedLength} bytes`
    } else {
      this.#isRegular ??= isRegular
      if (this.#isRegular && !(isRegular && this.#isInTime(plain))) this.#fault = 'bytes that are no packet header'
    }
    if (this.#fault !== null) throw STOP
    this.#header = header
  }

  /** A leap in time is believed where the next packet follows it. */
  #isInTime(header: PacketHeader): boolean {
    const window = this.#window
    if (window === null || this.#seconds === null || areNear(header.seconds, this.#seconds)) return true
    return this.#rules.isFollowed(window.buffer, window.start, window.end, header) !== false
  }

  #takeBody(bytes: Buffer): void {
    const header = this.#header
    const window = this.#window
    const on = this.#on
    if (header === null || window === null || on === null) return
    this.#header = null
    window.start += PCAP_PACKET_HEADER_BYTES + header.capturedLength
    const { timestampSeconds: seconds, timestampMicroseconds: fraction } = header
    this.#seconds = seconds
    const timeUs = seconds * 1e6 + fraction / this.#unitsPerMicrosecond
    const number = ++this.#context.report.frames
    const ref = { number, fileIndex: this.#context.fileIndex, timeUs }
    this.#batch.push(new CapturedFrame(ref, on, bytes, header.originalLength, null, seconds, fraction, null))
  }

  /** The packet at the window's start is none, or not all there. */
  #lose(window: ByteWindow, fault: string | null): void {
    const unfinished =
      this.#header === null
        ? `a packet header of which only the first ${window.length} of ${PCAP_PACKET_HEADER_BYTES} bytes are there`
        : `a packet of ${this.#header.capturedLength} bytes, of which ${window.length - PCAP_PACKET_HEADER_BYTES} are there`
    this.#lost = { offset: window.offset, what: fault ?? unfinished, isCut: fault === null }
    window.start++
    this.#header = null
    // pcap-parser may be waiting for the rest of a packet.
    this.#parser = this.#newParser()
    if (this.#globalHeader !== null) this.#stream.give(this.#globalHeader)
  }

  #findPacket(window: ByteWindow, lost: Lost, isEnd: boolean): boolean {
    const { at, isFound } = this.#rules.find(window.buffer, window.start, window.end, isEnd, this.#seconds)
    window.start = at
    if (isFound || isEnd) {
      this.#context.damage(lost, 'packet', isFound ? window.offset : null)
      this.#lost = null
    }
    if (isEnd && !isFound) this.isOver = true
    return isFound
  }
}

/** The stream that pcap-parser believes to read. */
class ParserStream implements PcapStream {
  #take: (bytes: Buffer) => void = () => undefined

  on(event: string, listener: (bytes: Buffer) => void): void {
    if (event === 'data') this.#take = listener
  }

  give(bytes: Buffer): void {
    this.#take(bytes)
  }

  pause(): void {}
  resume(): void {}
}
