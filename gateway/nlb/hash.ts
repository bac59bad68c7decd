import { ipBytes } from '../../protocol/ip-address.js'

/** Number of buckets of one port rule. */
export const BUCKET_COUNT = 60

/**
 * What of the client is hashed: `none` = address and port (each connection is a new draw), `single` = address,
 * `network` = the client's /24 (IPv6: /64, our choice). Source: the Affinity field of MicrosoftNLB_PortRuleEx.
 */
export type Affinity = 'none' | 'single' | 'network'

export const AFFINITIES: readonly Affinity[] = ['none', 'single', 'network']

/** Maps a client to one of the 60 buckets of a port rule. Stateless: the same client always gets the same bucket. */
export interface BucketHash {
  /** Goes into logs and reports, so that no run can pass for one with another hash. */
  readonly name: string
  /** `port` counts only under affinity `none`. Throws a `RangeError` when `address` is no IP address. */
  bucket(affinity: Affinity, address: string, port: number): number
  /** The same for an IPv4 address as a number, 10.0.0.7 = 0x0a000007; allocates nothing. */
  bucketV4(affinity: Affinity, address: number, port: number): number
}

/**
 * `nlb-sub-1`: a SUBSTITUTE for the hash of Windows NLB, which is unpublished. It has the documented inputs (client
 * address, client port under `none`, the /24 under `network`) and the documented statistics, but it is not
 * bit-compatible: a given client will land on another host than it would on Windows.
 *
 * bucket = fmix32(fnv1a32(key)) mod 60, with fmix32 the finaliser of MurmurHash3.
 */
export const nlbSub1: BucketHash = {
  name: 'nlb-sub-1',
  bucket(affinity, address, port) {
    return fmix32(fnv1a32(hashKey(affinity, ipBytes(address), port))) % BUCKET_COUNT
  },
  bucketV4(affinity, address, port) {
    let hash = FNV_OFFSET
    hash = Math.imul(hash ^ (address >>> 24), FNV_PRIME)
    hash = Math.imul(hash ^ ((address >>> 16) & 0xff), FNV_PRIME)
    hash = Math.imul(hash ^ ((address >>> 8) & 0xff), FNV_PRIME)
    if (affinity !== 'network') hash = Math.imul(hash ^ (address & 0xff), FNV_PRIME)
    if (affinity === 'none') {
      hash = Math.imul(hash ^ (port >> 8), FNV_PRIME)
      hash = Math.imul(hash ^ (port & 0xff), FNV_PRIME)
    }
    return fmix32(hash >>> 0) % BUCKET_COUNT
  },
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

function hashKey(affinity: Affinity, address: Uint8Array, port: number): Uint8Array {
  switch (affinity) {
    case 'none': {
      const key = new Uint8Array(address.length + 2)
      key.set(address)
      key[address.length] = port >> 8
      key[address.length + 1] = port & 0xff
      return key
    }
    case 'single':
      return address
    case 'network':
      return address.subarray(0, address.length === 4 ? 3 : 8)
  }
}

function fnv1a32(bytes: Uint8Array): number {
  let hash = FNV_OFFSET
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash >>> 0
}

function fmix32(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
