import type { Packet } from './packet.js'
import type { Soundness } from './soundness.js'

/** Where one checksum in so many is right, those that are not are no habit of the sender. */
const RIGHT_AMONG = 16
/** So few packets of a sender say little of its habits: those of all do. */
const FEW_PACKETS = 16
/** Payload of IP, in bytes, that no ordinary network exceeds. */
const PAYLOAD_SIZE = 1480
/** Where fewer than one header in so many is wrong, damage is too rare to reach nearly every segment, of jumbo frames even. */
const HEADERS_PER_WRONG = 256
const SENDERS_MAX = 4096

interface Tally {
  right: number
  wrong: number
}

/**
 * Tells packets that were damaged from those whose checksum is wrong for another reason: nobody would have taken the former,
 * and what they say is false. Not damaged are those of a sender whose checksums are hardly ever right, since a tool changed
 * its address, or its card counts in its own way: unless headers, too, are wrong now and then. One for each kind of
 * checksum; memory is bounded.
 */
export class Damage {
  private readonly headers: Damage | null
  private readonly all: Tally = { right: 0, wrong: 0 }
  private longestRight = PAYLOAD_SIZE
  /** Senders of which one was wrong. */
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
      const sender = doubtful.size === 0 ? undefined : doubtful.get(senderOf(packet))
      if (sender !== undefined) sender.right += 1
      return false
    }
    if (isAsLong && packet.payloadSize > this.longestRight) return false
    all.wrong += 1
    const sender = this.doubt(senderOf(packet))
    sender.wrong += 1
    if (sender.right + sender.wrong <= FEW_PACKETS ? isNoHabit(all) : isNoHabit(sender)) return true
    return this.headers?.strikes(packet) === true
  }

  /** Whether enough are wrong, and no habit: of this sender, or else of anyone. */
  private strikes(packet: Packet): boolean {
    const tally = this.doubtful.get(senderOf(packet)) ?? this.all
    return tally.wrong * HEADERS_PER_WRONG > tally.right && isNoHabit(tally)
  }

  private doubt(name: string): Tally {
    const known = this.doubtful.get(name)
    if (known !== undefined) return known
    if (this.doubtful.size >= SENDERS_MAX) this.doubtful.delete(this.doubtful.keys().next().value!)
    const sender: Tally = { right: 0, wrong: 0 }
    this.doubtful.set(name, sender)
    return sender
  }
}

const isNoHabit = ({ right, wrong }: Tally) => right * RIGHT_AMONG > wrong

const senderOf = ({ frame, fromOffset, version, interfaceIndex }: Packet) =>
  `${interfaceIndex} ${frame.toString('latin1', fromOffset, fromOffset + (version === 4 ? 4 : 16))}`
