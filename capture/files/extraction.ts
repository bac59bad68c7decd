import type { FrameRef } from '../frame.js'
import type { CapturedFrame, InterfaceDetails } from './captured-frame.js'
import { FrameReading, type FrameReadingOptions } from './frame-reading.js'
import * as block from './pcapng-block.js'
import { OptionBytes } from './pcapng-options.js'
import { type ByteSink, PcapngWriter, type SectionToWrite } from './pcapng-writer.js'
import type { ReadingReport } from './reading-report.js'

/** Names that are passed on, in bytes with their addresses: of all records, and of one, which has no room for more. */
const NAMES_BYTES_MAX = 8_388_608
const RECORD_BYTES_MAX = 60_000

/** Comments to add to a frame that is wanted, perhaps none; null: it is not wanted. */
export type Wanted = (frame: FrameRef) => readonly string[] | null

/**
 * Reads captures once more and writes the frames that are wanted, with names that the captures give to addresses. Each
 * frame keeps its stamp to the last digit, its interface with all that is said of it, its comments and other options;
 * comments that are added come after its own.
 * @returns what became of the reading
 */
export async function extractFrames(
  inputs: readonly string[],
  wanted: Wanted,
  sink: ByteSink,
  section: SectionToWrite,
  options: Omit<FrameReadingOptions, 'names'> = {},
): Promise<ReadingReport> {
  const writer = new PcapngWriter(sink, section)
  const interfaces = new Map<InterfaceDetails, number>()
  const told = new Set<string>()
  let toldBytes = 0
  const reading = new FrameReading(inputs, {
    ...options,
    names: (address, names) => {
      const key = [address, ...names].join('\0')
      const size = Buffer.byteLength(key)
      if (told.has(key) || size > RECORD_BYTES_MAX || toldBytes + size > NAMES_BYTES_MAX) return
      told.add(key)
      toldBytes += size
      writer.names(address, names)
    },
  })
  for await (const batch of reading) {
    for (const frame of batch) {
      const comments = wanted(frame.ref)
      if (comments === null) continue
      let on = interfaces.get(frame.on)
      if (on === undefined) {
        on = writer.addInterface(frame.on)
        interfaces.set(frame.on, on)
      }
      const { upper, lower } = ticks(frame)
      writer.stampedPacket(on, upper, lower, frame.bytes, frame.originalLength, withComments(frame, comments))
    }
  }
  writer.end()
  return reading.report
}

/** A stamp as pcapng has it. */
function ticks({ on, stampUpper, stampLower }: CapturedFrame): { upper: number; lower: number } {
  if (!on.stampsAreSeconds) return { upper: stampUpper, lower: stampLower }
  const all = BigInt(stampUpper) * BigInt(on.ticksPerSecond) + BigInt(stampLower)
  return { upper: Number(all >> 32n), lower: Number(all & 0xffffffffn) }
}

function withComments({ options }: CapturedFrame, comments: readonly string[]): OptionBytes {
  const all = new OptionBytes()
  if (options !== null) {
    const { bytes, isBigEndian } = options
    block.eachOption(bytes, isBigEndian, (code, value) => all.add(code, isBigEndian ? turned(code, value) : value))
  }
  all.comments(comments)
  return all
}

/** Options whose value is one number are turned to the writer's byte order; others are bytes or text. */
function turned(code: number, value: Buffer): Buffer {
  const isNumber =
    (value.length === 4 && (code === block.OPTION_PACKET_FLAGS || code === block.OPTION_PACKET_QUEUE)) ||
    (value.length === 8 && (code === block.OPTION_PACKET_DROPPED || code === block.OPTION_PACKET_ID))
  return isNumber ? Buffer.from(value).reverse() : value
}
