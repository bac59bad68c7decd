import type { Problem } from '../scenario-checks.js'
import { type Scenario, SOCKETS_SECONDS_MAX } from '../scenario-schema.js'
import { HTTP_PACKETS, type Instant, type LinkFault, MOMENTS, type ScenarioFault } from './fault-schema.js'

type Key = keyof ScenarioFault

/** What a fault is about: exactly one of these. */
const SCHEDULED = ['kill', 'stop', 'leave', 'partition', 'learnMac', 'pause', 'link', 'disk', 'clock'] as const
const BY_MEANING = ['drop', 'delay', 'duplicate', 'corrupt', 'cut', 'crash', 'swapQmId'] as const
const HEADS = [...SCHEDULED, ...BY_MEANING] as const
type Head = (typeof HEADS)[number]

/** Only the simulated world can do these. */
export const SIMULATED_HEADS = ['pause', 'link', 'disk', 'clock'] as const

const AT = ['atS', 'onceAcknowledged'] as const
const SELECTORS = [
  ...['at', 'from', 'to', 'message', 'of', 'class', 'sequence', 'number', 'nth', 'every', 'atS', 'fromS', 'forS'],
] as Key[]
const TRIGGERS = ['before', 'after', 'between'] as const
/** What may stand beside each. */
const BESIDE: Readonly<Record<Head, readonly Key[]>> = {
  kill: [...AT, 'backAfterS'],
  stop: [...AT, 'backAfterS'],
  leave: [...AT, 'backAfterS', 'drain'],
  partition: [...AT, 'backAfterS'],
  learnMac: [...AT, 'backAfterS'],
  pause: [...AT, 'forS'],
  link: [...AT, 'forS'],
  disk: [...AT, 'forS'],
  clock: AT,
  drop: SELECTORS,
  duplicate: SELECTORS,
  delay: [...SELECTORS, 'byS'],
  corrupt: [...SELECTORS, 'offset'],
  cut: [...SELECTORS, ...TRIGGERS],
  crash: [...SELECTORS.filter(key => key !== 'at'), ...TRIGGERS, 'backAfterS'],
  swapQmId: ['with', 'atS', 'forS'],
}
const NEEDED: Partial<Record<Head, Key>> = { delay: 'byS', corrupt: 'offset', swapQmId: 'with' }

/** Which selectors say something of which packets and moments. */
const CARRIES: readonly { readonly keys: readonly Key[]; readonly kinds: readonly Instant[] }[] = [
  { keys: ['message', 'of'], kinds: ['user-message', 'http-post', ...MOMENTS] },
  { keys: ['class'], kinds: ['user-message', 'order-ack', 'final-ack', 'admin-ack', ...MOMENTS] },
  { keys: ['sequence', 'number'], kinds: ['user-message', 'order-ack', 'final-ack', ...MOMENTS] },
]

/** Names of a scenario, as far as faults name them. */
export interface FaultScope {
  readonly names: readonly string[]
  /** Who sends what its own ledger alone knows. */
  readonly loaded: ReadonlySet<string>
  /** Of the gateway; empty without one. */
  readonly gatewayHosts: readonly string[]
  /** What the gateway is called; null without one. */
  readonly gatewayName: string | null
  /** The hosts are a Windows NLB cluster. */
  readonly isCluster: boolean
  /** In the simulated world ledgers outlive the machines, so that a machine with a load may end too. */
  readonly ledgersOutlive: boolean
}

/** Faults that befall nobody, or somebody whose ledger would go with it, and words that do not go together. */
export function faultProblems({ faults }: Pick<Scenario, 'faults'>, scope: FaultScope): Problem[] {
  return faults.flatMap((_, index) => problemsOfFault(faults, index, scope))
}

/** What is wrong with one of `faults`, by itself and beside the others. */
export function problemsOfFault(faults: readonly ScenarioFault[], index: number, scope: FaultScope): Problem[] {
  const fault = faults[index]!
  const path = ['faults', index]
  const given = HEADS.filter(key => fault[key] !== undefined)
  const [head] = given
  if (head === undefined || given.length > 1) {
    return [{ path, what: `a fault is one of ${HEADS.slice(0, -1).join(', ')} and ${HEADS.at(-1)}` }]
  }
  const problems = wordProblems(fault, head)
  if (isScheduled(head)) {
    if (fault.atS === undefined) problems.push({ place: ['atS'], what: 'is missing: a number is needed' })
    problems.push(...scheduledProblems(fault, head, scope))
    for (const name of outBy(fault))
      if (isOutAlready(faults, index, name))
        problems.push({ place: [head], what: `another fault has ${name} out at that time` })
    if (isChangedAlready(faults, index))
      problems.push({ place: [head], what: 'another fault has hold of it at that time' })
  } else problems.push(...meaningProblems(fault, head, scope))
  return problems.map(({ place, what }) => ({ path: [...path, ...place], what }))
}

/** The first thing that no run on sockets has, in a few words; null when there is none. */
export function simulatedOnly({
  topology,
  faults,
  chaos,
}: Pick<Scenario, 'topology' | 'faults' | 'chaos'>): string | null {
  if (topology.gateway?.idleManner === 'silent')
    return 'topology.gateway.idleManner: silent is only in the simulated world'
  if (chaos !== undefined) return 'chaos is only in the simulated world'
  for (const [index, fault] of faults.entries()) {
    const head = SIMULATED_HEADS.find(key => fault[key] !== undefined)
    if (head !== undefined) return `faults[${index}].${head} is only in the simulated world`
    for (const key of ['atS', 'fromS', 'forS', 'backAfterS', 'byS'] as const)
      if ((fault[key] ?? 0) > SOCKETS_SECONDS_MAX)
        return `faults[${index}].${key} is ${fault[key]}, on sockets ${SOCKETS_SECONDS_MAX} at most`
  }
  return null
}

/** What is wrong, and where within its fault. */
interface Placed {
  readonly place: readonly PropertyKey[]
  readonly what: string
}

function isScheduled(head: Head): head is (typeof SCHEDULED)[number] {
  return (SCHEDULED as readonly string[]).includes(head)
}

function wordProblems(fault: ScenarioFault, head: Head): Placed[] {
  const problems: Placed[] = []
  const allowed = BESIDE[head]
  for (const key of Object.keys(fault) as Key[]) {
    if (key === head || fault[key] === undefined || allowed.includes(key)) continue
    if (key === 'onceAcknowledged' && !fault.onceAcknowledged) continue
    const what = key === 'drain' ? 'only who leaves can drain' : `not with ${head}: beside it go ${allowed.join(', ')}`
    problems.push({ place: [key], what })
  }
  const needed = NEEDED[head]
  if (needed !== undefined && fault[needed] === undefined)
    problems.push({ place: [needed], what: `is missing: ${head} needs it` })
  return problems
}

function scheduledProblems(
  fault: ScenarioFault,
  head: (typeof SCHEDULED)[number],
  { names, loaded, gatewayHosts, gatewayName, isCluster, ledgersOutlive }: FaultScope,
): Placed[] {
  const problems: Placed[] = []
  const add = (place: readonly PropertyKey[], what: string) => problems.push({ place, what })
  switch (head) {
    case 'partition':
    case 'learnMac': {
      if (!isCluster) add([head], 'only for a gateway of kind: nlb')
      const named = head === 'partition' ? (fault.partition ?? []).flat() : [fault.learnMac!]
      for (const name of named.filter(one => !gatewayHosts.includes(one)))
        add([head], `${name} is no host: one of ${gatewayHosts.join(', ')}`)
      if (head === 'partition' && (new Set(named).size < named.length || named.length < gatewayHosts.length))
        add([head], `each host is in one group: ${gatewayHosts.join(', ')}`)
      break
    }
    case 'link': {
      const { between, at, ...change } = fault.link!
      if ((between === undefined) === (at === undefined)) add(['link'], 'one of between, with two names, and at')
      const ends = gatewayName === null ? names : [...names, gatewayName]
      for (const name of between ?? []) if (!ends.includes(name)) add(['link', 'between'], nobody(name, ends))
      if (between !== undefined && between[0] === between[1]) add(['link', 'between'], 'two different machines')
      if (at !== undefined && !ends.includes(at)) add(['link', 'at'], nobody(at, ends))
      if (Object.values(change).every(value => value === undefined))
        add(['link'], 'says nothing of the link: partition, cut, latencyMs, lossChance or the like')
      break
    }
    case 'disk': {
      const { of: name, ...condition } = fault.disk!
      if (!names.includes(name)) add(['disk', 'of'], nobody(name, names))
      if (Object.values(condition).filter(value => value !== undefined).length !== 1)
        add(['disk'], 'one of full: true, failing: true, slowMs, unreadable: true and unflushedMs')
      break
    }
    case 'clock':
      if (!names.includes(fault.clock!.of)) add(['clock', 'of'], nobody(fault.clock!.of, names))
      break
    default: {
      const who = head === 'leave' ? gatewayHosts : names
      for (const name of fault[head] ?? []) {
        if (!who.includes(name)) {
          const allowed = who.length === 0 ? 'there is no gateway' : `one of ${who.join(', ')}`
          add([head], `${name} is nobody that can ${head === 'kill' || head === 'stop' ? 'end' : head}: ${allowed}`)
        } else if ((head === 'kill' || head === 'stop') && loaded.has(name) && !ledgersOutlive)
          add([head], hasLoad(name))
      }
    }
  }
  return problems
}

function meaningProblems(fault: ScenarioFault, head: Head, { names, loaded, ledgersOutlive }: FaultScope): Placed[] {
  const problems: Placed[] = []
  const add = (key: Key, what: string) => problems.push({ place: [key], what })
  for (const key of ['at', 'from', 'to', 'of', 'crash', 'swapQmId', 'with'] as const) {
    const name = fault[key]
    if (name !== undefined && !names.includes(name)) add(key, nobody(name, names))
  }
  if (fault.of !== undefined && names.includes(fault.of) && !loaded.has(fault.of))
    add('of', `${fault.of} sends nothing: one of ${[...loaded].join(', ')}`)
  if (fault.crash !== undefined && loaded.has(fault.crash) && !ledgersOutlive) add('crash', hasLoad(fault.crash))
  if (head === 'swapQmId') {
    if (fault.swapQmId === fault.with) add('with', 'the machine has that QMId already')
    return problems
  }
  if (head === 'cut' || head === 'crash') {
    const given = TRIGGERS.filter(key => fault[key] !== undefined)
    if (given.length !== 1) {
      const why = head === 'crash' ? '; at a time of its own: kill' : ''
      problems.push({
        place: given.length === 0 ? [] : [given[1]!],
        what: `${head} needs one of before, after and between${why}`,
      })
      return problems
    }
  }
  if (fault.nth !== undefined && fault.every !== undefined) add('every', 'nth and every exclude each other')
  if (fault.atS !== undefined)
    for (const key of ['nth', 'every', 'fromS', 'forS'] as const)
      if (fault[key] !== undefined) add(key, 'atS means the first that fits from then on: use fromS instead of atS')
  const subject = subjectOf(fault)
  for (const { keys, kinds } of CARRIES)
    for (const key of keys)
      if (fault[key] !== undefined && !kinds.includes(subject))
        add(key, `says nothing of ${subject}: only of ${kinds.join(', ')}`)
  problems.push(...limits(fault, head))
  return problems
}

/** What cannot be done to pings, and to requests over HTTP. */
function limits(fault: ScenarioFault, head: Head): Placed[] {
  const involved = [fault.drop, fault.delay, fault.duplicate, fault.corrupt, fault.before, fault.after]
  const kinds = [...involved, ...(fault.between ?? [])].filter(kind => kind !== undefined)
  const place = [TRIGGERS.find(key => fault[key] !== undefined) ?? head]
  if (kinds.includes('ping') && !['drop', 'delay', 'duplicate'].includes(head))
    return [{ place, what: `a ping has no session: drop, delay or duplicate it` }]
  if (fault.between?.[1] === 'http-answer')
    return [{ place: ['between'], what: 'who writes an http-answer does not look at it: use before: http-answer' }]
  const overHttp = kinds.find(kind => (HTTP_PACKETS as readonly string[]).includes(kind))
  if (overHttp !== undefined && (head === 'duplicate' || head === 'corrupt'))
    return [{ place, what: `${overHttp} is no packet of a session: drop or delay it, or cut or crash at it` }]
  return []
}

/** What the selectors are about: of `between`, the first. */
function subjectOf(fault: ScenarioFault): Instant {
  const { drop, delay, duplicate, corrupt, before, after, between } = fault
  return (drop ?? delay ?? duplicate ?? corrupt ?? before ?? after ?? between?.[0])!
}

const nobody = (name: string, names: readonly string[]) => `there is no machine ${name}: one of ${names.join(', ')}`
const hasLoad = (name: string) => `${name} has a load, and what became of that only it knows: name another`

/** Machines that a fault takes away for a time. */
function outBy({ kill = [], stop = [], leave = [], pause = [] }: ScenarioFault): readonly string[] {
  return [...kill, ...stop, ...leave, ...pause]
}

/** Whether an earlier fault, or one before it in the list at the same time, keeps `name` out when fault `index` begins. */
function isOutAlready(faults: readonly ScenarioFault[], index: number, name: string): boolean {
  return faults.some((other, place) => outBy(other).includes(name) && lastsWhen(faults, place, index))
}

/** Whether another fault has changed the same link or disk when fault `index` begins. */
function isChangedAlready(faults: readonly ScenarioFault[], index: number): boolean {
  const { link, disk } = faults[index]!
  return faults.some(
    (other, place) =>
      ((link !== undefined && other.link !== undefined && sharesLink(link, other.link)) ||
        (disk !== undefined && other.disk?.of === disk.of)) &&
      lastsWhen(faults, place, index),
  )
}

function sharesLink(one: LinkFault, other: LinkFault): boolean {
  const [few, many] = one.at === undefined ? [one, other] : [other, one]
  if (few.at !== undefined) return true // any two machines have a link between them
  if (many.at !== undefined) return few.between?.includes(many.at) ?? false
  return few.between?.every(name => many.between?.includes(name)) ?? false
}

/** Whether fault `place` has begun, and has not ended, when fault `index` begins. */
function lastsWhen(faults: readonly ScenarioFault[], place: number, index: number): boolean {
  const { atS = 0 } = faults[index]!
  const { atS: beganS = 0, backAfterS, forS } = faults[place]!
  if (place === index || beganS > atS || (beganS === atS && place > index)) return false
  return atS < beganS + (backAfterS ?? forS ?? Number.POSITIVE_INFINITY)
}
