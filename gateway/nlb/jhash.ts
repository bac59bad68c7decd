import { ipv4Number } from '../../protocol/ip-address.js'
import { type Affinity, BUCKET_COUNT, type BucketHash } from './hash.js'

/** The hash of a kernel that filters for the cluster: same seed, same client, same bucket. */
export interface JenkinsHash extends BucketHash {
  /** 32 bits, unsigned. */
  readonly seed: number
}

/** Start value of lookup3, as include/linux/jhash.h has it. */
const INITIAL = 0xdeadbeef

const TWO_TO_32 = 2 ** 32

/**
 * Bob Jenkins' lookup3 as nftables evaluates it: `jhash ip saddr . th sport mod 60 seed S` under affinity `none`,
 * `jhash ip saddr …` under `single`, `jhash ip saddr & 255.255.255.0 …` under `network`. Bytes are hashed in network
 * order, each part of a concatenation filled up to four bytes; the 32 bits are scaled to 60 by multiplication, not by
 * remainder. A SUBSTITUTE for the hash of Windows NLB, as `nlb-sub-1` is. [S]
 *
 * IPv4 only: `bucket` throws a `RangeError` for an IPv6 address, and for a seed that is not of 32 bits.
 */
export function jhash(seed = 0): JenkinsHash {
  if (!Number.isInteger(seed) || seed < 0 || seed >= TWO_TO_32)
    throw new RangeError(`seed ${seed}: whole numbers 0 to ${TWO_TO_32 - 1} allowed`)

  const bucketV4 = (affinity: Affinity, address: number, port: number): number => {
    switch (affinity) {
      case 'none':
        return scaled(twoWords(swapped(address), ((port & 0xff) << 8) | (port >>> 8), (INITIAL + 8 + seed) | 0))
      case 'single':
        return scaled(oneWord(swapped(address), (INITIAL + 4 + seed) | 0))
      case 'network':
        return scaled(oneWord(swapped(address) & 0x00ffffff, (INITIAL + 4 + seed) | 0))
    }
  }
  return {
    name: `jhash seed ${seed}`,
    seed,
    bucketV4,
    bucket(affinity, address, port) {
      const number = ipv4Number(address)
      if (number === null) throw new RangeError(`${address}: jhash is for IPv4`)
      return bucketV4(affinity, number, port)
    },
  }
}

/** Whether the kernel can evaluate this hash. */
export function isJenkinsHash(hash: BucketHash): hash is JenkinsHash {
  return 'seed' in hash && typeof hash.seed === 'number'
}

/** The first byte on the wire is the lowest of the word. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

const oneWord = (first: number, start: number) => finalised((start + first) | 0, start, start)

const twoWords = (first: number, second: number, start: number) =>
  finalised((start + first) | 0, (start + second) | 0, start)

function finalised(a: number, b: number, c: number): number {
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0
  c = ((c ^ b) - ((b << 24) | (b >>> 8))) | 0
  return c >>> 0
}

/** reciprocal_scale of the kernel; exact, since the product stays below 2^38. */
const scaled = (hash: number) => Math.floor((hash * BUCKET_COUNT) / TWO_TO_32)
