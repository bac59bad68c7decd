const NOTHING = Buffer.alloc(0)

/** Protocols above IP that are read, by their number. */
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17

/** Where the layers of one frame lie. There is one such object, written anew for each frame: nobody keeps it, and reading
 *  a frame costs no memory. Offsets and sizes are bytes. */
export class Packet {
  /** Of the interface that captured it, over all files. */
  interfaceIndex = -1
  /** The frame as captured. Addresses of the link layer and of IP are read from it. */
  frame: Buffer = NOTHING
  /** Offset of the sender's MAC in the frame; -1 where the link layer tells none. */
  fromMacOffset = -1
  toMacOffset = -1
  /** 4 or 6. */
  version = 0
  /** Offsets of the addresses in the frame. */
  fromOffset = 0
  toOffset = 0
  /** Time to live, or hop limit. */
  ttl = 0
  /** Identification of IPv4; 0 with IPv6. */
  ipId = 0
  protocol = 0
  /** What the payload of IP lies in: the frame, or what its fragments came to. */
  bytes: Buffer = NOTHING
  /** Where the payload of IP begins in `bytes`, what of it was captured ends, and how long it was on the wire. */
  payloadOffset = 0
  payloadEnd = 0
  payloadSize = 0
}
