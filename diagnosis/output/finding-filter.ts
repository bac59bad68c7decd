import { type CaptureFinding, type Evidence, INSTANCES_MAX } from '../finding.js'
import type { FindingKindId } from '../finding-kinds.js'
import type { Parties, Party } from '../parties.js'

/** Which findings are shown. The whole capture is read and judged all the same: what is left out may explain the rest. */
export interface FindingFilter {
  readonly ids: readonly FindingKindId[]
  /** Microseconds since 1970; null: no bound. */
  readonly fromUs: number | null
  readonly toUs: number | null
  /** Addresses, QMIds or computer names; any of them. */
  readonly hosts: readonly string[]
  /** A part of a queue's name, in any case; null: any queue. */
  readonly queue: string | null
}

export interface FilteredFindings {
  readonly findings: readonly CaptureFinding[]
  /** For people: what was asked for. */
  readonly texts: readonly string[]
  /** Kinds of findings, but for notices, of which nothing is shown. */
  readonly hidden: number
}

/** @param queueOf destination of a sequence, as far as it is known */
export function filterFindings(
  findings: readonly CaptureFinding[],
  filter: FindingFilter,
  parties: Parties,
  queueOf: (sequence: string) => string | null,
): FilteredFindings {
  const { ids, fromUs, toUs, hosts, queue } = filter
  const wanted = ids.length === 0 ? findings : findings.filter(({ id }) => ids.includes(id))
  const asked = [
    ids.length === 0 ? null : `findings ${ids.join(', ')}`,
    fromUs === null ? null : `from ${new Date(fromUs / 1000).toISOString()}`,
    toUs === null ? null : `to ${new Date(toUs / 1000).toISOString()}`,
    hosts.length === 0
      ? null
      : `of ${hosts.map(host => (partiesCalled(host, parties).length > 0 ? host : `${host} (no queue manager seen by that name or address)`)).join(', ')}`,
    queue === null ? null : `with ${queue} in the queue’s name`,
  ].filter(text => text !== null)
  if (asked.length === (ids.length === 0 ? 0 : 1))
    return { findings: wanted, texts: asked, hidden: hiddenOf(findings, wanted) }

  const names = hostNames(hosts, parties)
  const keeps = (evidence: Evidence) =>
    isWithin(evidence, fromUs, toUs) && isOf(evidence, names) && isAbout(evidence, queue, queueOf)
  const kept = wanted.flatMap(finding => only(finding, keeps))
  const cut = wanted.filter(({ count }) => count > INSTANCES_MAX).map(({ id }) => id)
  const bounded = `of ${cut.join(', ')} the first ${INSTANCES_MAX.toLocaleString('en-US')} were looked through`
  return { findings: kept, texts: cut.length === 0 ? asked : [...asked, bounded], hidden: hiddenOf(findings, kept) }
}

function hiddenOf(all: readonly CaptureFinding[], shown: readonly CaptureFinding[]): number {
  const grave = (findings: readonly CaptureFinding[]) => findings.filter(({ severity }) => severity !== 'notice').length
  return grave(all) - grave(shown)
}

/** The finding with these instances alone; nothing where there are none. */
function only(finding: CaptureFinding, keeps: (evidence: Evidence) => boolean): CaptureFinding[] {
  const instances = finding.instances.filter(keeps)
  const [first] = instances
  if (first === undefined) return []
  const worst = instances.reduce((worst, one) => (one.weight > worst.weight ? one : worst), first)
  const proven = instances.filter(({ reservations }) => reservations.length === 0).length
  return [{ ...finding, count: instances.length, proven, first, worst, instances }]
}

/** Null: any. A QMId or a name stands for its addresses too, and an address for who is there. */
function hostNames(hosts: readonly string[], parties: Parties): ReadonlySet<string> | null {
  if (hosts.length === 0) return null
  const names = new Set<string>()
  for (const host of hosts) {
    names.add(plainName(host))
    for (const address of parties.addressesCalled(host)) names.add(address)
    for (const { qmId, addresses } of partiesCalled(host, parties)) {
      names.add(qmId)
      for (const address of addresses.keys()) names.add(address)
    }
  }
  return names
}

export const plainName = (host: string) => host.toLowerCase().replace(/^\{(.*)\}$/, '$1')

export function partiesCalled(host: string, parties: Parties): Party[] {
  const name = plainName(host)
  return parties
    .list()
    .filter(
      ({ qmId, addresses, names }) =>
        qmId === name || addresses.has(name) || [...names].some(own => own.toLowerCase() === name),
    )
}

/** By its latest frame: an ack astray is astray when it lands, however old the message. */
function isWithin({ frames }: Evidence, fromUs: number | null, toUs: number | null): boolean {
  const atUs = frames.reduce((latest, { timeUs }) => Math.max(latest, timeUs), Number.NEGATIVE_INFINITY)
  return (fromUs === null || atUs >= fromUs) && (toUs === null || atUs <= toUs)
}

function isOf({ machines, from, to }: Evidence, names: ReadonlySet<string> | null): boolean {
  if (names === null) return true
  return (
    machines.some(machine => names.has(machine.toLowerCase())) ||
    [from, to].some(end => end !== null && (names.has(end) || names.has(end.replace(/:\d+$/, ''))))
  )
}

function isAbout({ sequence, text }: Evidence, queue: string | null, queueOf: (sequence: string) => string | null) {
  if (queue === null) return true
  const wanted = queue.toLowerCase()
  const own = sequence === null ? null : queueOf(sequence)
  const named = [...(own === null ? [] : [own]), ...text.split(/\s+/).filter(word => /[\\/]/.test(word))]
  return named.some(name => name.toLowerCase().includes(wanted))
}
