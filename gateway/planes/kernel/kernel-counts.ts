/** What `nft -j` prints, as far as it is read here. */
interface Listing {
  readonly nftables: readonly {
    readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number }
    readonly set?: { readonly elem?: readonly unknown[] }
  }[]
}

export interface KernelCount {
  readonly packets: number
  readonly bytes: number
}

/** Named counters of `nft -j list counters`, by name. */
export function readCounters(json: string): Map<string, KernelCount> {
  const { nftables } = JSON.parse(json) as Listing
  return new Map(nftables.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter] as const])))
}

/** How many elements `nft -j list set` shows. */
export function countElements(json: string): number {
  const { nftables } = JSON.parse(json) as Listing
  return nftables.reduce((sum, { set }) => sum + (set?.elem?.length ?? 0), 0)
}

/** Open TCP connections by their mark, from /proc/net/nf_conntrack. */
export function countTracked(text: string): Map<number, number> {
  const counts = new Map<number, number>()
  for (const line of text.split('\n')) {
    const [, , protocol, , , state] = line.split(/\s+/)
    const mark = Number(/\bmark=(\d+)/.exec(line)?.[1] ?? 0)
    if (protocol !== 'tcp' || mark === 0 || !OPEN_STATES.has(state ?? '')) continue
    counts.set(mark, (counts.get(mark) ?? 0) + 1)
  }
  return counts
}

const OPEN_STATES: ReadonlySet<string> = new Set(['SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK'])
