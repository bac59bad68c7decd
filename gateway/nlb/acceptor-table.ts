import { ipv4Number } from '../../protocol/ip-address.js'
import { BUCKET_COUNT, type BucketHash } from './hash.js'
import type { NlbHost } from './host.js'
import { ALL_ADDRESSES, type PortRule } from './port-rule.js'

const TCP = 6
const ANY_ADDRESS = 0xffff_ffff
/** Equal to no address of a packet. */
const NOT_V4 = -1
/** For the default rule and those with one owner, whose bucket does not matter. */
const NO_HASH = 0

/**
 * Who would take a new connection, as bits, for each rule and bucket: made once for each state of the cluster, so that an
 * answer costs a look at the rules, a hash, and one word. IPv4, without what single connections and held clients change.
 */
export class AcceptorTable {
  readonly #hash: BucketHash
  readonly #clusterAddresses: readonly number[]
  readonly #rules: readonly {
    readonly address: number
    readonly startPort: number
    readonly endPort: number
    readonly tcp: boolean
    readonly udp: boolean
    readonly affinity: PortRule['affinity'] | null
  }[]
  /** 60 words for each rule, and for the default at the end. */
  readonly #acceptors: Uint32Array
  readonly #hosts: readonly { readonly address: number; readonly bit: number }[]

  /** `reached`: hosts that see frames for the cluster. */
  constructor(
    hash: BucketHash,
    addresses: readonly string[],
    rules: readonly PortRule[],
    reached: readonly NlbHost[],
    up: readonly NlbHost[],
  ) {
    this.#hash = hash
    this.#clusterAddresses = addresses.map(address => ipv4Number(address) ?? NOT_V4)
    this.#hosts = up.map(({ address, slot }) => ({ address: ipv4Number(address) ?? NOT_V4, bit: 1 << slot }))
    this.#rules = rules.map(({ address, startPort, endPort, protocol, mode, affinity }) => ({
      address: address === ALL_ADDRESSES ? ANY_ADDRESS : (ipv4Number(address) ?? NOT_V4),
      startPort,
      endPort,
      tcp: protocol !== 'udp',
      udp: protocol !== 'tcp',
      affinity: mode === 'multiple' ? affinity : null,
    }))
    this.#acceptors = new Uint32Array((rules.length + 1) * BUCKET_COUNT)
    for (const host of reached) {
      for (let rule = 0; rule <= rules.length; rule++) {
        const place = host.placeOf(rules[rule])
        if (rules[rule]?.mode === 'disabled' || host.portStates[place] === 'disabled') continue
        const owned = host.owned[place]
        if (owned === undefined) continue
        for (let bucket = 0; bucket < BUCKET_COUNT; bucket++)
          if (owned[bucket] === 1) this.#acceptors[rule * BUCKET_COUNT + bucket]! |= 1 << host.slot
      }
    }
  }

  /** Bits of the hosts that accept, by slot. Addresses as numbers, 10.0.0.7 = 0x0a000007; protocol 6 or 17. */
  acceptors(protocol: number, source: number, sourcePort: number, destination: number, port: number): number {
    if (!this.#clusterAddresses.includes(destination)) return this.#ownAddress(destination)
    const rule = this.#findRule(protocol === TCP, destination, port)
    const affinity = this.#rules[rule]?.affinity ?? null
    const bucket = affinity === null ? NO_HASH : this.#hash.bucketV4(affinity, source, sourcePort)
    return this.#acceptors[rule * BUCKET_COUNT + bucket]!
  }

  #findRule(tcp: boolean, destination: number, port: number): number {
    const rules = this.#rules
    let general = rules.length
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index]!
      if (port < rule.startPort || port > rule.endPort || !(tcp ? rule.tcp : rule.udp)) continue
      if (rule.address === destination) return index
      if (rule.address === ANY_ADDRESS && general === rules.length) general = index
    }
    return general
  }

  #ownAddress(destination: number): number {
    let bits = 0
    for (const { address, bit } of this.#hosts) if (address === destination) bits |= bit
    return bits
  }
}
