import { ipBytes } from '../../protocol/ip-address.js'
import type { Endpoint } from '../../queue-manager/actions.js'
import type { Link, WireTap } from '../../transport/wire-tap.js'
import { DeedQueue } from './deed-queue.js'
import { Identifications } from './identifications.js'
import { type FrameEnd, udpFrame } from './ip-frame.js'
import { madeUpMac } from './mac-address.js'
import { RecordedConnection } from './recorded-connection.js'
import { RecordedEnd } from './recorded-end.js'
import type { RecordedLink } from './recorded-link.js'

/** Where frames go. */
export interface FrameSink {
  /** A link that frames follow of; its number, from 0. Its ends are in an order that does not change; null: all links beyond the first. */
  link(ends: Link | null): number
  /** In the order of their times, milliseconds since 1970. The bytes are the sink's from then on. */
  frame(link: number, atMs: number, bytes: Buffer): void
}

export interface RecorderOptions {
  /** The world's clock, milliseconds since 1970. It does not go back. */
  nowMs(): number
  /** What sequence numbers begin with is made of it. */
  readonly seed: number
  readonly sink: FrameSink
}

/** What ends are ready to take where it is not known: the most that can be said with a scale of 8, so that nothing exceeds it. */
const WINDOW_BYTES = 0xffff << 8
/** Whoever sends datagrams can make up addresses. Beyond so many, links are one, and so are the addresses whose packets are numbered. */
const LINKS_MAX = 4096
const ADDRESSES_MAX = 4096
const OTHERS = 'others'
/** How long after the last thing that it was told a recorder goes on. */
const AFTERWARDS_MS = 1000

/** Makes frames of all that it is told: a capture of the links between the machines of one world, or of what one machine sees. */
export class Recorder implements WireTap {
  readonly #options: RecorderOptions
  readonly #deeds = new DeedQueue()
  readonly #links = new Map<string, RecordedLink>()
  /** By address. */
  readonly #identifications = new Map<string, Identifications>()
  /** That of the last frame; none is earlier. */
  #atMs = 0
  #isRunning = false
  #connections = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  connection(client: Endpoint, server: Endpoint, atMs: number, link?: Link): RecordedConnection {
    return this.#connection(client, server, atMs, WINDOW_BYTES, link, false)
  }

  /** One that is told also when bytes arrive, and how many either end is ready to take: `windowBytes` at first. */
  toldConnection(
    client: Endpoint,
    server: Endpoint,
    atMs: number,
    windowBytes: number,
    link?: Link,
  ): RecordedConnection {
    return this.#connection(client, server, atMs, windowBytes, link, true)
  }

  datagram(
    from: Endpoint,
    to: Endpoint,
    bytes: Buffer,
    atMs: number,
    [fromMachine, toMachine]: Link = [from.address, to.address],
  ): void {
    const link = this.#link([fromMachine, toMachine])
    const ends = [frameEnd(from, fromMachine), frameEnd(to, toMachine)] as const
    const ids = this.#identificationsOf(from)
    const copy = link.isAhead(atMs) ? Buffer.from(bytes) : bytes
    link.at(atMs, () => link.frame(udpFrame(...ends, ids.next(), copy)))
  }

  /** Writes what is due by now. */
  catchUp(): void {
    this.#runUntil(this.#options.nowMs())
  }

  /** Nothing more will be told: writes the acknowledgements that were still to come. */
  finish(): void {
    this.#runUntil(this.#options.nowMs() + AFTERWARDS_MS)
  }

  #connection(
    client: Endpoint,
    server: Endpoint,
    atMs: number,
    windowBytes: number,
    ends: Link = [client.address, server.address],
    isTold: boolean,
  ): RecordedConnection {
    const number = this.#connections++
    const { seed } = this.#options
    const end = (at: Endpoint, machine: string, initialSequence: number) =>
      new RecordedEnd(frameEnd(at, machine), initialSequence, windowBytes, this.#identificationsOf(at))
    const clientEnd = end(client, ends[0], mixed(seed, 2 * number))
    const serverEnd = end(server, ends[1], mixed(seed, 2 * number + 1))
    return new RecordedConnection(this.#link(ends), clientEnd, serverEnd, atMs, isTold)
  }

  #link(ends: Link): RecordedLink {
    const own = ends.toSorted().join(' ')
    const isOther = this.#links.size >= LINKS_MAX && !this.#links.has(own)
    const key = isOther ? OTHERS : own
    let link = this.#links.get(key)
    if (link === undefined) {
      const number = this.#options.sink.link(isOther ? null : ends)
      link = {
        at: (atMs, run) => this.#at(atMs, run),
        isAhead: atMs => this.#isRunning || atMs > this.#options.nowMs(),
        frame: bytes => this.#options.sink.frame(number, this.#atMs, bytes),
      }
      this.#links.set(key, link)
    }
    return link
  }

  #at(atMs: number, run: (atMs: number) => void): void {
    this.#deeds.at(atMs, () => {
      this.#atMs = Math.max(this.#atMs, atMs)
      run(atMs)
    })
    this.#runUntil(this.#options.nowMs())
  }

  #runUntil(untilMs: number): void {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      this.#deeds.runUntil(untilMs)
    } finally {
      this.#isRunning = false
    }
  }

  #identificationsOf({ address }: Endpoint): Identifications {
    const known = this.#identifications
    const key = known.size >= ADDRESSES_MAX && !known.has(address) ? OTHERS : address
    let ids = known.get(key)
    if (ids === undefined) {
      ids = new Identifications()
      known.set(key, ids)
    }
    return ids
  }
}

function frameEnd({ address, port }: Endpoint, machine: string): FrameEnd {
  return { mac: madeUpMac(ipBytes(machine)), ip: ipBytes(address), port }
}

/** 32 bits that look drawn: the finishing steps of MurmurHash3. */
function mixed(seed: number, number: number): number {
  let hash = Math.imul(seed ^ Math.imul(number + 1, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f)
  return (hash ^ (hash >>> 15)) >>> 0
}
