import { BASE_FLAGS } from '../protocol/binary/base-header.js'
import { decodePacket, type UserMessagePacket } from '../protocol/binary/packet.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { MessageClass } from '../protocol/message-class.js'
import type { Context } from './context.js'
import { destinationText } from './receiving.js'

/* Reports on a message that is traced, for the public queue that it names: when it leaves a queue manager, and when it
 * arrives at one ([MS-MQQB] 1.3.6, 3.1.5.8.9, 3.1.7.1.7). Both have the same label, as the specification has it. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** The message was written to a session with `nextHop`, an IP address. */
export function reportSent(context: Context, bytes: Buffer, nextHop: string): void {
  const packet = decodePacket(bytes) as UserMessagePacket
  const hops = hexText(packet.user.flags & USER_FLAGS.RC, 2)
  report(context, packet, `<NEXT HOP>${nextHop}</NEXT HOP>\r\n<HOP COUNT>${hops} </HOP COUNT>\r\n`)
}

/** The message came in, for a queue of this machine or on its way through. */
export function reportReceived(context: Context, packet: UserMessagePacket): void {
  report(context, packet, '')
}

function report(context: Context, packet: UserMessagePacket, more: string): void {
  const { counters, now, outgoingQueues, settings } = context
  const queue = packet.debug?.queueIdentifier ?? null
  if (settings.EnableReportMessages === 0 || queue === null || (packet.base.flags & BASE_FLAGS.TR) === 0) return
  const { sourceQueueManager, messageId, flags } = packet.user
  const id = hexText(messageId, 8)
  const origin = `${sourceQueueManager.slice(0, 4)}:${id}:${hexText(flags & USER_FLAGS.RC, 2)}`.toUpperCase()
  const sent = outgoingQueues.internal.send({
    destination: `PUBLIC=${queue}`,
    delivery: 'express',
    priority: packet.base.flags & BASE_FLAGS.PR,
    label: `${origin} received by ${sourceQueueManager.toUpperCase()} at ${timeText(now.wallMs)}`,
    messageClass: MessageClass.REPORT,
    body: Buffer.from(
      `<MESSAGE ID>${id}</MESSAGE ID>\r\n<TARGET QUEUE>${destinationText(packet)}</TARGET QUEUE>\r\n${more}`,
      'utf16le',
    ),
  })
  if (sent !== 0) counters.reportsSent += 1
}

/** As `14:05:09 PM Mon,Jun 09 25`, UTC. */
function timeText(wallMs: number): string {
  const at = new Date(wallMs)
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(twoDigits).join(':')
  const half = at.getUTCHours() < 12 ? 'AM' : 'PM'
  const day = `${DAYS[at.getUTCDay()]},${MONTHS[at.getUTCMonth()]}`
  return `${time} ${half} ${day} ${twoDigits(at.getUTCDate())} ${twoDigits(at.getUTCFullYear() % 100)}`
}

function twoDigits(value: number): string {
  return value.toString().padStart(2, '0')
}

function hexText(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
