import { ipv4Number } from '../../protocol/ip-address.js'
import { AFFINITIES, type Affinity, BUCKET_COUNT, type BucketHash, nlbSub1 } from './hash.js'

/** Buckets as a real cluster drew them. Made by {@link readMeasuredTable}. */
export interface MeasuredTable {
  /** Where and when it was measured, in the words of who did it. */
  readonly source: string
  /** Bucket by {@link tableKey}. */
  readonly buckets: ReadonlyMap<number, number>
}

/**
 * The mapping of a Windows cluster, sampled from outside as a black box: what its hosts answered for so many clients
 * (`Get-NlbClusterDriverInfo -Filter` says for a connection whether the local host accepts it). Clients that nobody
 * measured get `fallback`, and the name says so. IPv4 only; a `RangeError` for an IPv6 address.
 */
export function measuredHash(table: MeasuredTable, fallback: BucketHash = nlbSub1): BucketHash {
  const bucketV4 = (affinity: Affinity, address: number, port: number): number =>
    table.buckets.get(tableKey(affinity, address, port)) ?? fallback.bucketV4(affinity, address, port)
  return {
    name: `measured (${table.source}), else ${fallback.name}`,
    bucketV4,
    bucket: (affinity, address, port) => bucketV4(affinity, measurable(address), port),
  }
}

/**
 * Reads a table from text. One sample a line, `AFFINITY ADDRESS[:PORT] BUCKET`; the port only, and always, under `none`;
 * of a `network` any address. `#` starts a comment; the first comment of the file names the source. Blank lines are
 * skipped, the same sample twice is fine if both agree.
 *
 * ```
 * # two hosts, Windows Server 2019, 2026-05-02
 * none 10.0.0.7:49152 51
 * single 10.0.0.7 39
 * network 192.168.5.0 48
 * ```
 *
 * Throws a `RangeError` that begins with the line's number.
 */
export function readMeasuredTable(text: string): MeasuredTable {
  const buckets = new Map<number, number>()
  let source: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const [sample = '', comment] = line.split('#', 2)
    source ??= comment?.trim()
    if (sample.trim() === '') continue
    try {
      const { key, bucket } = readSample(sample)
      if ((buckets.get(key) ?? bucket) !== bucket) throw new RangeError(`had bucket ${buckets.get(key)} before`)
      buckets.set(key, bucket)
    } catch (error) {
      throw new RangeError(`line ${index + 1}: ${(error as Error).message}`)
    }
  }
  return { source: source ?? 'no source named', buckets }
}

function readSample(sample: string): { key: number; bucket: number } {
  const [affinity, client = '', bucketText = '', ...rest] = sample.trim().split(/\s+/)
  if (!isAffinity(affinity)) throw new RangeError(`affinity ${affinity}: ${AFFINITIES.join(', ')} allowed`)
  if (rest.length > 0) throw new RangeError(`${rest.join(' ')} is too much: AFFINITY ADDRESS[:PORT] BUCKET`)
  const [address = '', port] = client.split(':')
  if ((port !== undefined) !== (affinity === 'none'))
    throw new RangeError(`${client}: a port belongs to affinity none, and to no other`)
  return {
    key: tableKey(affinity, measurable(address), port === undefined ? 0 : numberBelow(port, 65_536, 'port')),
    bucket: numberBelow(bucketText, BUCKET_COUNT, 'bucket'),
  }
}

/** A whole number below 2^53: address and port, 16 bits of it, and the affinity. */
function tableKey(affinity: Affinity, address: number, port: number): number {
  switch (affinity) {
    case 'none':
      return address * 65_536 + port
    case 'single':
      return address + 2 ** 48
    case 'network':
      return Math.floor(address / 256) + 2 ** 49
  }
}

function measurable(address: string): number {
  const number = ipv4Number(address)
  if (number === null) throw new RangeError(`${address}: the table is for IPv4`)
  return number
}

function numberBelow(text: string, limit: number, what: string): number {
  if (!/^\d+$/.test(text) || Number(text) >= limit)
    throw new RangeError(`${what} ${text}: whole numbers 0 to ${limit - 1} allowed`)
  return Number(text)
}

const isAffinity = (text: string | undefined): text is Affinity => AFFINITIES.some(affinity => affinity === text)
