import type { FindingBook } from '../finding-book.js'
import type { SeenBalancer } from './balancer.js'
import type { Cast } from './cast.js'
import { Guess, type Plain } from './guesses.js'
import type { SeenCut } from './scenario-facts.js'

type Fields = Record<string, Plain | undefined>

/** Link addresses of Windows NLB: unicast 02-bf and, of a host, 02-01 to 02-20; multicast 03-bf; IGMP 01-00-5e. */
const NLB_MAC = /^(0[23]:bf|02:(0[1-9a-f]|1[0-9a-f]|20)):/
const IDLE_MS_MAX = 600_000
/** So many connections that are cut at about the same place are a rule of whoever cuts them. */
const CUTS_MIN = 3
const CUTS_SPREAD = 1.5

/** `topology.gateway`. */
export function inferredGateway(
  balancer: SeenBalancer,
  cast: Cast,
  cuts: readonly SeenCut[],
  book: FindingBook,
): Fields {
  const { source, isHttp, perRequest, affinity, isAffinitySeen, doubt } = balancer
  const isNlb = source === 'keep' && balancer.hosts.some(({ mac }) => mac !== null && NLB_MAC.test(mac))
  return {
    kind: isNlb
      ? new Guess('nlb', 'by the link addresses of its hosts')
      : source === 'keep'
        ? new Guess('appliance', 'nothing in the capture tells a box from a cluster of Windows NLB')
        : undefined,
    protocol: isHttp ? 'http' : undefined,
    balance: perRequest ? 'request' : undefined,
    affinity: isAffinitySeen ? affinity : new Guess(affinity, 'no client came a second time'),
    source: doubt === null ? source : new Guess(source, doubt),
    hosts: hostsOf(balancer, cast),
    ...(isNlb ? {} : { cutAfterBytes: cutAfterBytes(balancer, cuts), idleTimeoutMs: idleTimeoutMs(book) }),
  }
}

/** Undefined where they are those that a scenario takes by itself. */
function hostsOf(balancer: SeenBalancer, cast: Cast): readonly string[] | undefined {
  const hosts = [...new Set(balancer.hosts.flatMap(end => cast.at(end)?.name ?? []))]
  const frontEnds = cast.withRole('front-end')
  const usual = (frontEnds.length > 0 ? frontEnds : cast.withRole('receiver')).map(({ name }) => name)
  const isUsual = hosts.length === usual.length && hosts.every(name => usual.includes(name))
  return hosts.length === 0 || isUsual ? undefined : hosts
}

function cutAfterBytes({ addresses }: SeenBalancer, cuts: readonly SeenCut[]): Plain | undefined {
  const bytes = cuts.filter(({ server }) => addresses.has(server)).map(cut => cut.bytes)
  const [least, most] = [Math.min(...bytes), Math.max(...bytes)]
  if (bytes.length < CUTS_MIN || least < 1 || most > least * CUTS_SPREAD) return undefined
  return new Guess(least, `${bytes.length} connections were reset after ${least} to ${most} bytes from their clients`)
}

function idleTimeoutMs(book: FindingBook): Plain | undefined {
  const finding = book.list().find(({ id }) => id === 'idle-session-cut')
  if (finding === undefined) return undefined
  // its weight is a million by the microseconds of silence
  const longestMs = Math.max(...finding.instances.map(({ weight }) => 1000 / weight))
  return new Guess(Math.min(IDLE_MS_MAX, Math.round(longestMs)), `${finding.count} sessions were cut in silence`)
}
