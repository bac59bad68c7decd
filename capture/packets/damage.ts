import type { Packet } from './packet.js'
import type { Soundness } from './soundness.js'

/** Where one checksum in so many is right, those that are not are no habit of the sender. */
const RIGHT_AMONG = 16
/** So few packets of a sender say little of its habits: those of all do. The same of what it sends to one address. */
const FEW_PACKETS = 16
/** Payload of IP, in bytes, that no ordinary network exceeds. */
const PAYLOAD_SIZE = 1480
/** Where fewer than one header in so many is wrong, damage is too rare to reach nearly every segment, of jumbo frames even. */
const HEADERS_PER_WRONG = 256
const TALLIES_MAX = 8192

interface Tally {
  right: number
  wrong: number
}

/**
 * Tells packets that were damaged from those whose checksum is wrong for another reason: nobody would have taken the former,
 * and what they say is false. Not damaged are those of a sender whose checksums, to one address at least, are hardly ever
 * right, since a tool changed an address, or its card counts in its own way: unless headers, too, are wrong now and then.
 * One for each kind of checksum; memory is bounded.
 */
export class Damage {
  private readonly headers: Damage | null
  private readonly all: Tally = { right: 0, wrong: 0 }
  private longestRight = PAYLOAD_SIZE
  /** Senders of which one was wrong, and pairs of sender and receiver. */
  private readonly doubtful = new Map<string, Tally>()

  /** @param headers for segments: what is known of the headers before them */
  constructor(headers: Damage | null = null) {
    this.headers = headers
  }

  /**
   * A card that puts packets together leaves their checksums wrong: what is longer than any sound packet is not damaged.
   * @param isAsLong the frame was as long as its header says
   */
  isDamaged(packet: Packet, soundness: Soundness, isAsLong = true): boolean {
    if (soundness === 'open') return false
    const { all, doubtful } = this
    if (soundness === 'right') {
      all.right += 1
      if (packet.payloadSize > this.longestRight) this.longestRight = packet.payloadSize
      if (doubtful.size === 0) return false
      const sender = doubtful.get(senderOf(packet))
      if (sender === undefined) return false
      sender.right += 1
      const pair = doubtful.get(pairOf(packet))
      if (pair !== undefined) pair.right += 1
      return false
    }
    if (isAsLong && packet.payloadSize > this.longestRight) return false
    all.wrong += 1
    const sender = this.doubt(senderOf(packet))
    sender.wrong += 1
    const pair = this.doubt(pairOf(packet))
    pair.wrong += 1
    // of one that a tool gave another address, what others send to it is wrong, too
    const hasReason = isHabit(isFew(sender) ? all : sender) || (!isFew(pair) && isHabit(pair))
    return !hasReason || this.headers?.strikes(packet) === true
  }

  /** Whether enough are wrong, and no habit: of this sender, or else of anyone. */
  private strikes(packet: Packet): boolean {
    const tally = this.doubtful.get(senderOf(packet)) ?? this.all
    return tally.wrong * HEADERS_PER_WRONG > tally.right && !isHabit(tally)
  }

  private doubt(name: string): Tally {
    const known = this.doubtful.get(name)
    if (known !== undefined) return known
    if (this.doubtful.size >= TALLIES_MAX) this.doubtful.delete(this.doubtful.keys().next().value!)
    const tally: Tally = { right: 0, wrong: 0 }
    this.doubtful.set(name, tally)
    return tally
  }
}

const isHabit = ({ right, wrong }: Tally) => right * RIGHT_AMONG <= wrong

const isFew = ({ right, wrong }: Tally) => right + wrong <= FEW_PACKETS

const senderOf = (packet: Packet) => keyOf(packet, packet.version === 4 ? 4 : 16)

const pairOf = (packet: Packet) => keyOf(packet, packet.version === 4 ? 8 : 32)

/** In both versions the receiver's address follows the sender's. */
const keyOf = ({ frame, fromOffset, interfaceIndex }: Packet, size: number) =>
  `${interfaceIndex} ${frame.toString('latin1', fromOffset, fromOffset + size)}`
