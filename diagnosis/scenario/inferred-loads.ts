import type { SeenBalancer } from './balancer.js'
import type { Cast, CastMachine } from './cast.js'
import { queueIn, scenarioName } from './format-names.js'
import { Guess, type Plain } from './guesses.js'
import type { ScenarioFacts } from './scenario-facts.js'
import type { SeenLoad } from './seen-loads.js'
import { rounded } from './timers.js'

type Fields = Record<string, Plain | undefined>

/** A sending machine of the scenario, which has one load, and what it sends. */
export interface InferredLoad {
  readonly machine: string
  /** It stands for a part of what that machine sends. */
  readonly partOf: CastMachine | null
  readonly fields: Fields
  readonly messages: number
  /** A queue of its own that negative acks go to. */
  readonly ackQueue: string | null
}

/** Of machines, and of loads, in a scenario; the busiest senders are kept. */
const LOADS_MAX = 48
const MESSAGES_MAX = 1_000_000
/** Of 15 letters of a name, what leaves room for a hyphen and a number. */
const PART_NAME_LENGTH = 12
const SIZE_BYTES = { min: 64, max: 4_000_000 } as const
const START_SECONDS_MAX = 2_592_000
/** What takes longer had a pace; what is shorter went as fast as it could. */
const PACED_US = 1_000_000
const LATE_US = 100_000

/** Loads by their machines, the first that began first; and how many more there were. */
export function inferredLoads(
  facts: ScenarioFacts,
  cast: Cast,
  balancer: SeenBalancer | null,
): { readonly loads: readonly InferredLoad[]; readonly leftOut: number } {
  const seen = facts.loads.list().filter(({ messages }) => messages > 0)
  const busiest = seen.toSorted((a, b) => b.messages - a.messages).slice(0, LOADS_MAX)
  const beginUs = Math.min(...busiest.map(({ firstUs }) => firstUs))
  const parts = new Map<string, number>()
  const loads = busiest.flatMap(load => {
    const machine = cast.at(load.from)
    const to = [...load.destinations.values()].flatMap(({ name }) => scenarioName(name, cast, balancer) ?? [])
    if (machine === null || to.length === 0) return []
    const part = (parts.get(machine.name) ?? 0) + 1
    parts.set(machine.name, part)
    return [
      {
        machine: part === 1 ? machine.name : `${machine.name.slice(0, PART_NAME_LENGTH)}-${part}`,
        partOf: part === 1 ? null : machine,
        fields: fieldsOf(load, [...new Set(to)], beginUs),
        messages: Math.min(load.messages, MESSAGES_MAX),
        ackQueue: load.adminQueue === null ? null : (queueIn(load.adminQueue)?.name ?? null),
      },
    ]
  })
  return { loads, leftOut: seen.length - loads.length }
}

function fieldsOf(load: SeenLoad, to: readonly string[], beginUs: number): Fields {
  const { delivery, messages, transactions, firstUs, lastUs } = load
  const sizeBytes = Math.round(load.bodyBytes / messages)
  const perTransaction = transactions === 0 ? 1 : Math.min(1000, Math.round(messages / transactions))
  const spanUs = lastUs - firstUs
  const lateMs = Math.min(START_SECONDS_MAX * 1000, Math.round((firstUs - beginUs) / 1000))
  return {
    to,
    delivery,
    messages: Math.min(messages, MESSAGES_MAX),
    perTransaction: delivery === 'transactional' && perTransaction > 1 ? perTransaction : undefined,
    sizeBytes: Math.min(SIZE_BYTES.max, Math.max(SIZE_BYTES.min, sizeBytes)),
    ratePerS:
      spanUs < PACED_US || messages < 2
        ? undefined
        : new Guess(rounded(((messages - 1) * 1e6) / spanUs), 'evenly from the first message to the last'),
    startAfterMs: lateMs * 1000 < LATE_US ? undefined : lateMs,
    timeToReachQueueS: load.timeToReachQueueS ?? undefined,
  }
}

/** One entry for all machines that send alike. */
export function loadEntries(loads: readonly InferredLoad[]): readonly Fields[] {
  const alike = new Map<string, { readonly load: InferredLoad; readonly from: string[] }>()
  for (const load of loads) {
    const key = JSON.stringify([load.fields, load.ackQueue])
    const known = alike.get(key)
    if (known === undefined) alike.set(key, { load, from: [load.machine] })
    else known.from.push(load.machine)
  }
  return [...alike.values()].map(({ load, from }) => ({
    from,
    ...load.fields,
    negativeAcksTo: load.ackQueue ?? undefined,
  }))
}
