/** What fragments of one packet came to. `bytes` is what was captured from its beginning on without a gap. */
export interface WholePacket {
  readonly bytes: Buffer
  /** What it had on the wire. */
  readonly size: number
}

interface Piece {
  readonly offset: number
  readonly size: number
  readonly bytes: Buffer
}

interface Unfinished {
  /** By offset, without overlaps. */
  readonly pieces: Piece[]
  /** Of all; -1 until the last fragment was seen. */
  size: number
  covered: number
  cost: number
  firstUs: number
  lastUs: number
}

/** A packet of IP at most. */
const SIZE_MAX = 65_535
/** RFC 791 recommends 15 seconds, RFC 8200 60. */
const AGE_US_MAX = 30_000_000
/** Identifications of IPv4 come again soon: fragments that overlap those of more than a second ago begin another packet. */
const SAME_PACKET_US_MAX = 1_000_000
/** What an object for a piece takes beside its bytes, about. */
const PIECE_COST = 160

/** Puts packets of IP together from their fragments, whatever their order. The first bytes for a place stay. Memory is
 *  bounded: beyond `bytesMax` the oldest unfinished packets are given up, and so are those older than 30 s. */
export class Fragments {
  private readonly bytesMax: number
  private readonly unfinished = new Map<string, Unfinished>()
  private cost = 0

  constructor(bytesMax = 4 << 20) {
    this.bytesMax = bytesMax
  }

  /** Adds a fragment; `bytes` is what was captured of its `size`. Gives the packet that it completes. `key` names the
   *  packet: addresses, protocol and identification. */
  add(key: string, offset: number, isLast: boolean, bytes: Buffer, size: number, timeUs: number): WholePacket | null {
    if (size === 0 || offset + size > SIZE_MAX) return null
    this.dropOld(timeUs)
    let packet = this.unfinished.get(key)
    if (packet !== undefined && timeUs - packet.lastUs > SAME_PACKET_US_MAX && overlaps(packet.pieces, offset, size)) {
      this.drop(key, packet)
      packet = undefined
    }
    if (packet === undefined) {
      packet = { pieces: [], size: -1, covered: 0, cost: PIECE_COST, firstUs: timeUs, lastUs: timeUs }
      this.unfinished.set(key, packet)
      this.cost += packet.cost
    }
    packet.lastUs = timeUs
    if (isLast && packet.size === -1) packet.size = offset + size
    this.insert(packet, offset, size, bytes)
    if (packet.covered === packet.size && endOf(packet.pieces) === packet.size) {
      this.drop(key, packet)
      return { bytes: joined(packet.pieces), size: packet.size }
    }
    for (const [oldest, given] of this.unfinished) {
      if (this.cost <= this.bytesMax) break
      this.drop(oldest, given)
    }
    return null
  }

  /** Puts in what is not there yet. */
  private insert(packet: Unfinished, offset: number, size: number, bytes: Buffer): void {
    const { pieces } = packet
    const end = offset + size
    let at = offset
    let index = 0
    while (at < end) {
      while (index < pieces.length && pieces[index]!.offset + pieces[index]!.size <= at) index++
      const next = pieces[index]
      const gapEnd = next === undefined ? end : Math.min(end, next.offset)
      if (gapEnd > at) {
        const captured = Buffer.from(bytes.subarray(Math.min(bytes.length, at - offset), gapEnd - offset))
        pieces.splice(index, 0, { offset: at, size: gapEnd - at, bytes: captured })
        packet.covered += gapEnd - at
        packet.cost += captured.length + PIECE_COST
        this.cost += captured.length + PIECE_COST
      }
      at = next === undefined ? end : Math.max(gapEnd, next.offset + next.size)
    }
  }

  private dropOld(timeUs: number): void {
    for (const [key, packet] of this.unfinished) {
      if (timeUs - packet.firstUs <= AGE_US_MAX) return
      this.drop(key, packet)
    }
  }

  private drop(key: string, packet: Unfinished): void {
    this.unfinished.delete(key)
    this.cost -= packet.cost
  }
}

const endOf = (pieces: readonly Piece[]) => {
  const last = pieces[pieces.length - 1]!
  return last.offset + last.size
}

const overlaps = (pieces: readonly Piece[], offset: number, size: number) =>
  pieces.some(piece => piece.offset < offset + size && offset < piece.offset + piece.size)

function joined(pieces: readonly Piece[]): Buffer {
  const wholes: Buffer[] = []
  for (const piece of pieces) {
    wholes.push(piece.bytes)
    if (piece.bytes.length < piece.size) break
  }
  return Buffer.concat(wholes)
}
