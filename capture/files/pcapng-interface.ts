import type { InterfaceDetails } from './captured-frame.js'
import type { FileContext } from './file-context.js'
import * as block from './pcapng-block.js'
import { u16, u32 } from './pcapng-block.js'
import { MICROSECONDS, TIME_US_MAX, TimeScale, ticksPerSecond } from './time-resolution.js'

/** An interface of the section that is being read. */
export interface PcapngInterface {
  readonly details: InterfaceDetails
  readonly scale: TimeScale
  /** Packets that were lost, as single packets tell and as statistics do. */
  droppedByPackets: number
  droppedByStatistics: number
  /** The newest stamp, which a packet without one is given. */
  upper: number
  lower: number
}

/** @param body of an interface description block, which begins at `offset` of the file. Null: too short */
export function readInterface(
  body: Buffer,
  isBigEndian: boolean,
  context: FileContext,
  offset: number,
): PcapngInterface | null {
  if (body.length < 8) return null
  const comments: string[] = []
  let name: string | null = null
  let description: string | null = null
  let filter: string | null = null
  let system: string | null = null
  let resolution = MICROSECONDS
  let offsetSeconds = 0
  block.eachOption(body.subarray(8), isBigEndian, (code, value) => {
    if (code === block.OPTION_COMMENT) comments.push(value.toString())
    else if (code === block.OPTION_INTERFACE_NAME) name = value.toString()
    else if (code === block.OPTION_INTERFACE_DESCRIPTION) description = value.toString()
    else if (code === block.OPTION_INTERFACE_SYSTEM) system = value.toString()
    // The first byte tells the filter's kind; 0 is the text that was given to the capturing program.
    else if (code === block.OPTION_INTERFACE_FILTER && value[0] === 0) filter = value.toString('utf8', 1)
    else if (code === block.OPTION_INTERFACE_RESOLUTION) resolution = value[0] ?? resolution
    else if (code === block.OPTION_INTERFACE_OFFSET && value.length === 8) offsetSeconds = seconds(value, isBigEndian)
  })
  if (Math.abs(offsetSeconds) * 1e6 > TIME_US_MAX) {
    context.trouble(
      'damaged',
      offset,
      'an interface whose times are after the year 9999, or as long before; they are read as they are',
    )
    offsetSeconds = 0
  }
  const details = context.interface({
    linkType: u16(body, 0, isBigEndian),
    name,
    description,
    snapLength: u32(body, 4, isBigEndian),
    ticksPerSecond: ticksPerSecond(resolution),
    resolution,
    stampsAreSeconds: false,
    offsetSeconds,
    filter,
    system,
    comments,
  })
  return {
    details,
    scale: new TimeScale(resolution, offsetSeconds),
    droppedByPackets: 0,
    droppedByStatistics: 0,
    upper: 0,
    lower: 0,
  }
}

function seconds(value: Buffer, isBigEndian: boolean): number {
  return Number(isBigEndian ? value.readBigInt64BE(0) : value.readBigInt64LE(0))
}
