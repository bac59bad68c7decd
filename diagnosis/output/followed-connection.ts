import type { FrameRef } from '../../capture/frame.js'
import type { SeenPacket, SeenRequest, SeenResponse, SeenSink } from '../../capture/messages/seen.js'
import type { Direction, HoleCause, SeenConnection, SeenEnding, TcpTrouble } from '../../capture/tcp/seen-connection.js'
import { acknowledgedRecoverable, type SessionHeader } from '../../protocol/binary/session-header.js'
import { USER_FLAGS } from '../../protocol/binary/user-header.js'
import type { DecodeError } from '../../protocol/errors.js'
import { packetLine } from './packet-line.js'

/** Which connections are followed: Wireshark's number (`tcp.stream`), or all between two ends. */
export type FollowTarget = { readonly id: number } | { readonly one: string; readonly other: string }

/** Something on the followed connection. */
export interface FollowedLine {
  readonly at: FrameRef
  readonly connection: SeenConnection
  /** Null where neither end did it. */
  readonly direction: Direction | null
  readonly text: string
  readonly wrong: boolean
}

interface Sent {
  readonly number: number
  readonly recoverableNumber: number | null
  readonly at: FrameRef
}

/** One connection while it lasts: what each side has sent that the other has not acknowledged. */
interface Followed {
  /** User packets, and recoverable ones, of [client, server]; null: the start was not captured, so nobody can count. */
  counts: { user: [number, number]; recoverable: [number, number] } | null
  readonly unread: [Sent[], Sent[]]
  readonly unstored: [Sent[], Sent[]]
  keepAlives: number
}

/** Lines that are kept. */
const FOLLOWED_LINES_MAX = 200_000
/** Unacknowledged packets remembered of a side: the largest window. */
const UNACKNOWLEDGED_MAX = 65_535

const TROUBLES: Readonly<Record<TcpTrouble, string>> = {
  retransmission: 'TCP sends bytes again',
  'zero-window': 'TCP window closed: its system takes no more',
  'window-open': 'TCP window open again',
  'keep-alive': 'TCP keep-alive',
}

/** `12`, or `10.0.0.7:49152-10.0.0.5:1801` in either order, `[fe80::1]:1801` for IPv6. Null for anything else. */
export function parseFollowTarget(text: string): FollowTarget | null {
  if (/^\d{1,10}$/.test(text)) return { id: Number(text) }
  const [, one, other] = /^(\S+:\d{1,5})-(\S+:\d{1,5})$/.exec(text) ?? []
  if (one === undefined || other === undefined) return null
  const plain = (end: string) => end.toLowerCase().replace(/^\[(.*)\]:/, '$1:')
  return { one: plain(one), other: plain(other) }
}

/** Tells what is said on one connection, packet by packet, and which packets each acknowledgement is for. */
export class FollowedConnection implements SeenSink {
  readonly lines: FollowedLine[] = []
  /** Lines beyond {@link FOLLOWED_LINES_MAX}. */
  linesLeftOut = 0
  readonly #target: FollowTarget
  readonly #followed = new Map<SeenConnection, Followed>()

  constructor(target: FollowTarget) {
    this.#target = target
  }

  connection(connection: SeenConnection): void {
    if (!this.#isTarget(connection)) return
    const isWhole = connection.opening !== 'none'
    const counts = isWhole ? { user: [0, 0] as [number, number], recoverable: [0, 0] as [number, number] } : null
    this.#followed.set(connection, { counts, unread: [[], []], unstored: [[], []], keepAlives: 0 })
    const began = isWhole ? '' : '; it began before the capture, so acknowledgements cannot be matched by their numbers'
    this.#line(connection.first, connection, null, `connection ${connection.id} opens${began}`, !isWhole)
  }

  packet({ connection, direction, packet, last }: SeenPacket): void {
    const followed = this.#followed.get(connection)
    if (followed === undefined) return
    const header = packet.packetType === 'SessionAck' || 'session' in packet ? packet.session : null
    const acknowledges = header === null ? '' : this.#acknowledged(followed, direction, header)
    this.#line(last, connection, direction, packetLine(packet, direction) + acknowledges)
    if (!('user' in packet) || followed.counts === null) return
    const { user, recoverable } = followed.counts
    user[direction] += 1
    const isRecoverable = (packet.user.flags & USER_FLAGS.DM) !== 0 || packet.transaction !== null
    if (isRecoverable) recoverable[direction] += 1
    const sent = { number: user[direction], recoverableNumber: isRecoverable ? recoverable[direction] : null, at: last }
    for (const own of [followed.unread[direction], ...(isRecoverable ? [followed.unstored[direction]] : [])]) {
      own.push(sent)
      if (own.length > UNACKNOWLEDGED_MAX) own.shift()
    }
  }

  request({ connection, head, bodySize, kind, fault, last }: SeenRequest): void {
    const what = kind === null ? (fault === null ? '' : `, ${fault.message}`) : `, ${kind}`
    const text = `${head.method} ${head.target}, ${bodySize} bytes${what}`
    if (this.#followed.has(connection)) this.#line(last, connection, 0, text, fault !== null)
  }

  response({ connection, status, request, last }: SeenResponse): void {
    const to = request === null ? '' : `, to the request of frame ${request.last.number}`
    if (this.#followed.has(connection)) this.#line(last, connection, 1, `${status}${to}`, status >= 400)
  }

  ping(): void {}

  hole(connection: SeenConnection, direction: Direction, size: number | null, cause: HoleCause, frame: FrameRef): void {
    const followed = this.#followed.get(connection)
    if (followed === undefined) return
    followed.counts = null
    const missing = size === null ? 'bytes are missing' : `${size.toLocaleString('en-US')} bytes are missing`
    const why = cause === 'snap-length' ? 'frames were cut when they were captured' : 'they were never captured'
    this.#line(frame, connection, direction, `${missing} here: ${why}`, true)
  }

  damaged(): void {}

  resynchronised(connection: SeenConnection, direction: Direction, skipped: number, frame: FrameRef): void {
    const text = `packets begin again; ${skipped.toLocaleString('en-US')} bytes before could not be read`
    if (this.#followed.has(connection)) this.#line(frame, connection, direction, text, skipped > 0)
  }

  malformed(
    connection: SeenConnection,
    direction: Direction,
    fault: DecodeError,
    _first: FrameRef,
    last: FrameRef,
  ): void {
    if (this.#followed.has(connection)) this.#line(last, connection, direction, `malformed: ${fault.message}`, true)
  }

  trouble(connection: SeenConnection, direction: Direction, what: TcpTrouble, frame: FrameRef): void {
    if (this.#followed.has(connection)) this.#line(frame, connection, direction, TROUBLES[what], what === 'zero-window')
  }

  ended(connection: SeenConnection, { how, by, at, idleUs, forged }: SeenEnding): void {
    const followed = this.#followed.get(connection)
    if (followed === undefined) return
    this.#followed.delete(connection)
    const left = followed.unread[0].length + followed.unread[1].length
    const open = followed.counts === null || left === 0 ? '' : `; ${left} packets were not acknowledged`
    const forger = forged ? ', by somebody else in its name' : ''
    const idle = idleUs >= 1e6 ? ` after ${(idleUs / 1e6).toFixed(3)} s of silence` : ''
    this.#line(at, connection, by, `ends: ${how}${forger}${idle}${open}`, how !== 'fin' && how !== 'capture-ended')
  }

  names(): void {}

  #isTarget({ id, client, server }: SeenConnection): boolean {
    const target = this.#target
    if ('id' in target) return target.id === id
    const ends = [`${client.address}:${client.port}`, `${server.address}:${server.port}`]
    return ends.includes(target.one) && ends.includes(target.other)
  }

  /** What of the other side's packets this header newly acknowledges. */
  #acknowledged({ unread, unstored }: Followed, direction: Direction, header: SessionHeader): string {
    const other = direction === 0 ? 1 : 0
    const read = take(unread[other], ({ number }) => ((header.ackSequenceNumber - number) & 0xffff) < 0x8000)
    const numbers = new Set(acknowledgedRecoverable(header))
    const stored = take(unstored[other], ({ recoverableNumber }) => numbers.has(recoverableNumber! & 0xffff))
    const texts = [
      ...(read.length === 0 ? [] : [`acknowledges ${framesText(read)}`]),
      ...(stored.length === 0 ? [] : [`on disk: ${framesText(stored)}`]),
    ]
    return texts.length === 0 ? '' : `; ${texts.join('; ')}`
  }

  #line(at: FrameRef, connection: SeenConnection, direction: Direction | null, text: string, wrong = false): void {
    if (this.lines.length < FOLLOWED_LINES_MAX) this.lines.push({ at, connection, direction, text, wrong })
    else this.linesLeftOut += 1
  }
}

/** Takes out of `sent` those that are acknowledged. */
function take(sent: Sent[], isAcknowledged: (one: Sent) => boolean): Sent[] {
  const taken: Sent[] = []
  const kept: Sent[] = []
  for (const one of sent) (isAcknowledged(one) ? taken : kept).push(one)
  if (taken.length > 0) sent.splice(0, sent.length, ...kept)
  return taken
}

function framesText(sent: readonly Sent[]): string {
  const [first, last] = [sent[0]!, sent.at(-1)!]
  const count = sent.length === 1 ? '1 packet' : `${sent.length} packets`
  return first === last
    ? `${count} (frame ${first.at.number})`
    : `${count} (frames ${first.at.number} to ${last.at.number})`
}
