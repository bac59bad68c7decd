import type { Scenario } from '../scenario-schema.js'

/**
 * Ways to make a scenario smaller, each a list of candidates that differ from it in one thing; the boldest first. Some make
 * no sense, or are no scenario at all: whoever tries them has to look.
 */
export type Reduction = (scenario: Scenario) => readonly unknown[]

/** Numbers that people would choose. */
const ROUND_COUNTS = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 80, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000]
const ROUND_SECONDS = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 259_200, 604_800]

export const fewerMessages: Reduction = scenario =>
  scenario.load.flatMap((load, index) => [
    ...below(ROUND_COUNTS, load.messages).map(messages => changed(scenario, ['load', index, 'messages'], messages)),
    ...below(ROUND_COUNTS, load.perTransaction ?? 1).map(size =>
      changed(scenario, ['load', index, 'perTransaction'], size === 1 ? undefined : size),
    ),
  ])

export const fewerMachines: Reduction = scenario =>
  (['receivers', 'frontEnds', 'senders'] as const).flatMap(role =>
    scenario.topology[role].flatMap(({ count }, index) => [
      changed(scenario, ['topology', role, index], undefined),
      ...below(ROUND_COUNTS, count).map(fewer => changed(scenario, ['topology', role, index, 'count'], fewer)),
    ]),
  )

/** Without a key or an item, wherever there is one: the default takes its place. Faults stay as they are, or go. */
export const lessSaid: Reduction = scenario =>
  [...pathsBelow(scenario.topology, ['topology']), ...pathsBelow(scenario.load, ['load'])].map(path =>
    changed(scenario, path, undefined),
  )

export const shorterTimes: Reduction = scenario =>
  (['loadS', 'drainS'] as const).flatMap(key =>
    below(ROUND_SECONDS, scenario.time[key]).map(shorter => changed(scenario, ['time', key], shorter)),
  )

/** Times and rates of faults, loads and the gateway: short and round, or at least of fewer digits. */
export const roundedTimes: Reduction = scenario =>
  (['faults', 'load', 'topology'] as const).flatMap(part =>
    pathsBelow(scenario[part], [part]).flatMap(path => {
      const value = valueAt(scenario, path)
      if (typeof value !== 'number' || !/(S|Ms|Chance)$/.test(String(path.at(-1)))) return []
      return rounder(value, /Ms$|(?<!Per)S$/.test(String(path.at(-1)))).map(number => changed(scenario, path, number))
    }),
  )

function rounder(value: number, time: boolean): number[] {
  const fewerDigits = [1, 2, 3].map(digits => Number(value.toPrecision(digits)))
  const candidates = [...(time ? below([0, ...ROUND_SECONDS], value) : []), ...fewerDigits]
  return candidates.filter(candidate => digitsOf(candidate) < digitsOf(value) || (time && candidate < value))
}

const digitsOf = (value: number) => String(value).replace(/^0\.0*|0+$|\./g, '').length

/** Those of `values` that are less. */
function below(values: readonly number[], limit: number): number[] {
  return values.filter(value => value < limit)
}

type Path = readonly (string | number)[]

/** Paths of everything below `value`, what is around before what is in it. */
function pathsBelow(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return []
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value)
  return keys.flatMap(key => {
    const inner = [...path, key]
    return [inner, ...pathsBelow((value as Record<string | number, unknown>)[key], inner)]
  })
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value)
}

/** With another value at `path`; undefined takes the key or the item away. */
function changed(scenario: Scenario, path: Path, value: unknown): unknown {
  const copy = structuredClone(scenario)
  const holder = valueAt(copy, path.slice(0, -1)) as Record<string | number, unknown>
  const key = path.at(-1)!
  if (value !== undefined) holder[key] = value
  else if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
  return copy
}
