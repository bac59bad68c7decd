import { readFileSync } from 'node:fs'

export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * Ports for the gateway's own ends of connections, one after another. To bind an address and leave the port to Linux makes
 * it look for one that nobody has, those that rest in TIME_WAIT included: some ten thousand connections a minute from one
 * address, and the search takes longer than all the rest of a connection. To bind a port that rests costs nothing, and the
 * one that comes next has rested the longest.
 */
export class SourcePorts {
  readonly #range: PortRange | undefined
  #last: number

  /** It begins anywhere in the range. */
  constructor(range: PortRange | undefined) {
    this.#range = range
    this.#last = range === undefined ? 0 : range.first + Math.floor(Math.random() * (range.last - range.first + 1))
  }

  /** It may be taken, then the next one is to be tried. 0 where there is no range: the system is to choose. */
  next(): number {
    if (this.#range === undefined) return 0
    this.#last = this.#last < this.#range.last ? this.#last + 1 : this.#range.first
    return this.#last
  }
}

/** What Linux itself draws such ports from; undefined elsewhere. */
export function systemPortRange(): PortRange | undefined {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')
      .trim()
      .split(/\s+/)
      .map(Number)
    return first! >= 1 && last! >= first! ? { first: first!, last: last! } : undefined
  } catch {
    return undefined
  }
}
