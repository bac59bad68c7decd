import { isHttp } from '../scenario-checks.js'
import { GATEWAY_NAME, scenarioNodes } from '../scenario-nodes.js'
import type { Scenario } from '../scenario-schema.js'
import { createRandom, type Random } from '../sim/random.js'
import { problemsOfFault } from './fault-checks.js'
import { CHAOS_KINDS, type ChaosKind, type PacketKind, type ScenarioFault } from './fault-schema.js'

/** Of the seed, so that what is drawn here and what a run draws have nothing to do with each other. */
const OWN_STREAM = 0x6368616f
/** More would not fit a scenario. */
const FAULTS_MAX = 900
/** A fault that does not go with those before it is drawn anew so often. */
const ATTEMPTS_MAX = 8
/** What lasts does so from this long to this long, short times being as frequent as long ones ten times as long. */
const LASTS_MIN_S = 0.5
const LASTS_MAX_S = 120

/** The scenario with what its `chaos` draws for `seed` in its list of faults: nothing in it is left to chance. */
export function withDrawnFaults(scenario: Scenario, seed: number): Scenario {
  if (scenario.chaos === undefined) return scenario
  const { chaos: _, ...rest } = scenario
  return { ...rest, faults: [...scenario.faults, ...drawFaults(scenario, seed)] }
}

/**
 * The faults that the scenario's `chaos` has for one seed, by time. Each may stand in the scenario's list beside those before
 * it: no machine, link or disk is struck while it is out of order. All have an end, or strike once. None for some seeds.
 */
export function drawFaults(scenario: Scenario, seed: number): ScenarioFault[] {
  const { chaos } = scenario
  if (chaos === undefined) return []
  const random = createRandom((seed ^ OWN_STREAM) >>> 0)
  if (random.chance(chaos.quietChance)) return []
  const { nodes, gateway, gatewayHosts } = scenarioNodes(scenario, true)
  const scope = {
    names: nodes.map(({ name }) => name),
    loaded: new Set(nodes.filter(({ load }) => load !== null).map(({ name }) => name)),
    gatewayHosts: gateway === null ? [] : gatewayHosts,
    gatewayName: gateway === null ? null : GATEWAY_NAME,
    isCluster: gateway?.kind === 'nlb',
    ledgersOutlive: true,
  }
  const cast: Cast = { ...scope, ...trafficOf(scenario) }
  const weights = CHAOS_KINDS.map(kind => [kind, possible(kind, cast) ? (chaos.weights[kind] ?? 0) : 0] as const)
  if (weights.every(([, weight]) => weight === 0)) return []

  const drawn: ScenarioFault[] = []
  const isRight = (fault: ScenarioFault): boolean => {
    const faults = [...scenario.faults, ...drawn, fault]
    // those of the list may begin while this one lasts
    const touched = [faults.length - 1, ...scenario.faults.keys()]
    return touched.every(index => problemsOfFault(faults, index, scope).length === 0) && !crashesInBetween(fault, drawn)
  }
  for (let atS = 0; drawn.length < FAULTS_MAX; ) {
    atS = thousandths(atS - chaos.everyS * Math.log(1 - random.unit()))
    if (atS >= chaos.untilS) break
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const fault = draw(weighted(weights, random), atS, cast, random)
      if (!isRight(fault)) continue
      drawn.push(fault)
      break
    }
  }
  return drawn
}

/** Whom and what a draw chooses from. */
interface Cast {
  readonly names: readonly string[]
  readonly gatewayHosts: readonly string[]
  readonly gatewayName: string | null
  readonly isCluster: boolean
  /** Packets that are there to be struck. */
  readonly packets: readonly PacketKind[]
  /** Those that may be missing: no network takes a message out of a stream, and a plain one would be lost for good. */
  readonly droppable: readonly PacketKind[]
}

function trafficOf({ load }: Scenario): Pick<Cast, 'packets' | 'droppable'> {
  const packets = new Set<PacketKind>()
  for (const { to, delivery } of load)
    for (const destination of to) {
      const transactional = delivery === 'transactional'
      if (isHttp(destination)) for (const kind of ['http-post', 'http-answer'] as const) packets.add(kind)
      else
        for (const kind of ['establish', 'connection-parameters', 'user-message', 'session-ack'] as const)
          packets.add(kind)
      if (transactional) packets.add(isHttp(destination) ? 'stream-receipt' : 'order-ack')
    }
  const plain = load.some(({ delivery }) => delivery !== 'transactional')
  return { packets: [...packets], droppable: [...packets].filter(kind => kind !== 'user-message' || !plain) }
}

/** Whether the scenario has what such a fault befalls. */
function possible(kind: ChaosKind, { names, gatewayHosts, isCluster, packets }: Cast): boolean {
  if (kind === 'leave') return gatewayHosts.length > 1
  if (kind === 'partition') return isCluster && gatewayHosts.length > 1
  if (kind === 'duplicate' || kind === 'corrupt') return packets.some(isOfSession)
  return kind !== 'swapQmId' || names.length > 1
}

function draw(kind: ChaosKind, atS: number, cast: Cast, random: Random): ScenarioFault {
  const name = random.pick(cast.names)
  const at = { atS, onceAcknowledged: false }
  const lastsS = logarithmic(LASTS_MIN_S, LASTS_MAX_S, random)
  const packet = random.pick(cast.packets)
  const sessionPacket = () => random.pick(cast.packets.filter(isOfSession))
  switch (kind) {
    case 'kill':
    case 'stop':
      return { [kind]: [name], ...at, backAfterS: lastsS }
    case 'leave':
      return { leave: [random.pick(cast.gatewayHosts)], drain: random.chance(0.5), ...at, backAfterS: lastsS }
    case 'pause':
      return { pause: [name], ...at, forS: lastsS }
    case 'clock': {
      const jumpS = logarithmic(1, 7200, random)
      return { clock: { of: name, jumpS: random.chance(0.5) ? jumpS : -jumpS }, ...at }
    }
    case 'disk': {
      const ill = random.pick([{ full: true }, { failing: true }, { slowMs: random.between(10, 2000) }] as const)
      return { disk: { of: name, ...ill }, ...at, forS: lastsS }
    }
    case 'partition':
      return { partition: groups(cast.gatewayHosts, random), ...at, backAfterS: lastsS }
    case 'link':
      return { link: { between: pair(cast, random), ...badLink(random) }, ...at, forS: lastsS }
    case 'drop':
      return { drop: random.pick(cast.droppable), ...at, ...side(name, random) }
    case 'delay':
      return { delay: packet, byS: logarithmic(0.05, 60, random), ...at, ...side(name, random) }
    case 'duplicate':
      return { duplicate: sessionPacket(), ...at, ...side(name, random) }
    case 'corrupt':
      // in the signature: what goes unnoticed makes another message of it
      return { corrupt: sessionPacket(), offset: random.between(4, 7), ...at, ...side(name, random) }
    case 'cut':
      return { cut: 'session', ...trigger(packet, random), ...at, at: name }
    case 'crash':
      return { crash: name, ...trigger(packet, random), ...at, backAfterS: lastsS }
    case 'swapQmId': {
      const other = random.pick(cast.names.filter(each => each !== name))
      return { swapQmId: name, with: other, ...at, forS: lastsS }
    }
  }
}

function side(name: string, random: Random): { from: string } | { to: string } {
  return random.chance(0.5) ? { from: name } : { to: name }
}

function trigger(packet: PacketKind, random: Random): Partial<ScenarioFault> {
  if (!isOfSession(packet)) return random.chance(0.5) ? { before: packet } : { after: packet }
  return random.pick([
    { before: packet },
    { after: packet },
    { after: 'persisted' },
    { between: ['persisted', packet] },
  ] satisfies Partial<ScenarioFault>[])
}

function badLink(random: Random): NonNullable<ScenarioFault['link']> {
  return random.pick([
    { partition: true },
    { cut: true },
    { latencyMs: random.between(20, 2000), jitterMs: random.between(0, 2000) },
    { lossChance: thousandths(random.unit() * 0.4) },
    { bytesPerS: random.between(500, 50_000) },
    { splitChance: thousandths(random.unit()) },
    { stallChance: thousandths(random.unit() * 0.2), stallMaxMs: random.between(1000, 60_000) },
    { cutChance: thousandths(random.unit() * 0.1) },
    { refuseChance: thousandths(random.unit()), blackHoleChance: thousandths(random.unit()) },
  ] satisfies NonNullable<ScenarioFault['link']>[])
}

function pair({ names, gatewayName }: Cast, random: Random): [string, string] {
  const ends = gatewayName === null ? names : [...names, gatewayName]
  const one = random.pick(ends)
  return [one, random.pick(ends.filter(end => end !== one))]
}

/** The hosts in two groups, neither of them empty. */
function groups(hosts: readonly string[], random: Random): string[][] {
  const alone = random.pick(hosts)
  const one = hosts.filter(host => host === alone || (host !== hosts[0] && random.chance(0.5)))
  const other = hosts.filter(host => !one.includes(host))
  return other.length > 0 ? [one, other] : [[alone], hosts.filter(host => host !== alone)]
}

/**
 * Whether a machine might be struck while it is out: when a crash by meaning comes about nobody knows beforehand, so that
 * from its time on its machine is left alone.
 */
function crashesInBetween(fault: ScenarioFault, drawn: readonly ScenarioFault[]): boolean {
  const { kill = [], stop = [], pause = [], leave = [], crash } = fault
  const crashing = drawn.flatMap(({ crash: other }) => other ?? [])
  const struck = [...kill, ...stop, ...pause, ...leave, ...(crash === undefined ? [] : [crash])]
  if (struck.some(name => crashing.includes(name))) return true
  const atS = fault.atS ?? 0
  return drawn.some(
    other =>
      crash !== undefined &&
      [...(other.kill ?? []), ...(other.stop ?? []), ...(other.pause ?? []), ...(other.leave ?? [])].includes(crash) &&
      (other.atS ?? 0) + (other.backAfterS ?? other.forS ?? Number.POSITIVE_INFINITY) > atS,
  )
}

function isOfSession(kind: PacketKind): boolean {
  return !kind.startsWith('http') && kind !== 'stream-receipt'
}

function weighted(weights: readonly (readonly [ChaosKind, number])[], random: Random): ChaosKind {
  let left = random.unit() * weights.reduce((sum, [, weight]) => sum + weight, 0)
  const likely = weights.filter(([, weight]) => weight > 0)
  for (const [kind, weight] of likely) {
    left -= weight
    if (left < 0) return kind
  }
  return likely.at(-1)![0]
}

/** Each tenfold range as likely as the next. */
function logarithmic(low: number, high: number, random: Random): number {
  return thousandths(low * (high / low) ** random.unit())
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000
}
