import { isDeepStrictEqual } from 'node:util'
import { Document, isCollection, isMap, isSeq, type Node, visit } from 'yaml'
import { ZodError } from 'zod'
import { parseScenario } from '../scenario-file.js'
import { type Scenario, scenarioSchema } from '../scenario-schema.js'
import { inSimulation, simulationIssues } from '../scenario-worlds.js'
import { FileError } from '../yaml-file.js'

const LINE = 118

/**
 * A scenario of the simulated world as the text of a file that means it there: nothing that goes without saying, and what
 * only holds there under `simulated`. `onSockets`: a scenario whose times serve where the file is run on sockets.
 * @throws FileError for a scenario that no file can say
 */
export function scenarioText(simulated: Scenario, onSockets: Scenario | null): string {
  const value = [...valuesOf(simulated, onSockets)].find(each => readBack(each, simulated.scenario) !== null)
  const text = yamlText(terse(value ?? simulated))
  if (!isDeepStrictEqual(inSimulation(parseScenario(text, simulated.scenario)), simulated))
    throw new Error(`${simulated.scenario}: the written scenario is not what was run`)
  return text
}

/**
 * What is meant to be a scenario of the simulated world, as it is once it has been written to a file and read; null for what
 * no file can say.
 */
export function asWritten(simulated: unknown): Scenario | null {
  const parsed = scenarioSchema.safeParse(withoutEmpty(simulated))
  if (!parsed.success) return null
  for (const value of valuesOf(parsed.data, null)) {
    const read = readBack(value, parsed.data.scenario)
    if (read !== null) return read
  }
  return null
}

function readBack(value: unknown, name: string): Scenario | null {
  try {
    return inSimulation(parseScenario(JSON.stringify(value), name)) // JSON is YAML
  } catch (error) {
    if (error instanceof FileError || error instanceof ZodError) return null
    throw error
  }
}

/** What a file could say. Faults that sockets would not stand, such as the crash of a machine with a load, are of `simulated`. */
function* valuesOf(simulated: Scenario, onSockets: Scenario | null): Generator<unknown> {
  const { simulated: _, ...told } = simulated
  const base = withTimesOf(told, onSockets)
  for (const each of [base, { ...base, faults: undefined }]) {
    const value = withoutEmpty(each) as object
    const parsed = scenarioSchema.safeParse(value)
    if (!parsed.success) continue
    const patch = mergePatch(withoutEmpty(inSimulation(parsed.data)), withoutEmpty(simulated))
    yield patch === undefined ? value : { ...value, simulated: patch }
  }
}

/** Times of queue managers count on sockets alone: those of `onSockets`, or none. */
function withTimesOf(told: Omit<Scenario, 'simulated'>, onSockets: Scenario | null): Record<string, unknown> {
  const { topology } = timeless(told)
  if (onSockets === null) return { ...told, topology, time: undefined }
  const kept = timeless(onSockets).topology.settings
  const times = Object.entries(onSockets.topology.settings).filter(([name]) => !(name in kept))
  const settings = { ...Object.fromEntries(times), ...topology.settings }
  return { ...told, topology: { ...topology, settings }, time: onSockets.time }
}

const timeless = (told: Omit<Scenario, 'simulated'>) => inSimulation({ ...told, simulated: {} })

/** What makes `to` of `from`, as a merge patch; undefined where there is no difference. */
export function mergePatch(from: unknown, to: unknown): unknown {
  if (isDeepStrictEqual(from, to)) return undefined
  if (!isObject(from) || !isObject(to)) return to
  const patch: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const change = key in to && to[key] !== undefined ? mergePatch(from[key], to[key]) : null
    if (change !== undefined && !(change === null && from[key] === undefined)) patch[key] = change
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

/** The same scenario without what is there by default, and without the brackets of lists of one. */
export function terse(value: unknown): unknown {
  const meaning = inBothWorlds(withoutEmpty(value))
  const means = (root: unknown) => isDeepStrictEqual(inBothWorlds(root), meaning)
  const root = structuredClone(withoutEmpty(value))
  shorten(root)
  return root

  function shorten(node: unknown): void {
    if (typeof node !== 'object' || node === null) return
    const holder = node as Record<string, unknown>
    for (const [key, child] of Object.entries(holder)) {
      shorten(child)
      if (Array.isArray(node)) continue
      delete holder[key]
      if (means(root)) continue
      holder[key] = child
      if (!Array.isArray(child) || child.length !== 1) continue
      holder[key] = child[0]
      if (!means(root)) holder[key] = child
    }
  }
}

/** What a value means on sockets, and in the simulated world; null when it is no scenario in one of them. */
function inBothWorlds(value: unknown): { simulated: Scenario } | null {
  const parsed = scenarioSchema.safeParse(value)
  if (!parsed.success || simulationIssues(parsed.data).length > 0) return null
  return { ...parsed.data, simulated: inSimulation(parsed.data) }
}

/** Lists may not be empty in a file, and keys not be there without a value. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(
    ([, each]) => each !== undefined && !(Array.isArray(each) && each.length === 0),
  )
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutEmpty(each)]))
}

/** Block style above, and in braces what fits on a line. */
function yamlText(value: unknown): string {
  const document = new Document(value)
  visit(document, {
    Collection: (_, node, path) => {
      // the document's own map stays in a block, and so do its lists of mappings
      const depth = path.filter(isCollection).length
      if (depth === 0 || (depth === 1 && isSeq(node) && node.items.some(isMap))) return undefined
      if (!fitsOnLine(node, depth)) return undefined
      node.flow = true
      return visit.SKIP
    },
  })
  return document.toString({ lineWidth: LINE, singleQuote: true })
}

function fitsOnLine(node: Node, depth: number): boolean {
  const copy = node.clone() as Node
  if (isCollection(copy)) copy.flow = true
  return new Document(copy).toString({ lineWidth: 0 }).trimEnd().length + depth * 2 <= LINE - 10
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
