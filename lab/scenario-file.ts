import { readFileSync } from 'node:fs'
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { OptionError } from '../protocol/errors.js'
import { createSettings, SETTINGS } from '../queue-manager/settings.js'
import { nearestName } from './nearest-name.js'
import { scenarioNodes } from './scenario-nodes.js'
import { type Scenario, scenarioSchema } from './scenario-schema.js'

/** One thing that is wrong in a scenario file. Lines and columns count from 1. */
export interface ScenarioProblem {
  readonly line: number
  readonly column: number
  /** Dotted path, such as `topology.receivers[0].settings.SeqResend13Time`; empty for the file as a whole. */
  readonly field: string
  /** What is wrong and what is allowed. */
  readonly what: string
}

/** The file is no scenario. The message is one line naming file, line, column, field and what is allowed. */
export class ScenarioError extends Error {
  readonly file: string
  readonly problems: readonly ScenarioProblem[]

  constructor(file: string, problems: readonly ScenarioProblem[]) {
    const [first] = problems
    const where = first === undefined ? file : `${file}:${first.line}:${first.column}`
    const field = first?.field ? ` ${first.field}:` : ''
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    super(`${where}${field} ${first?.what ?? 'is not a scenario'}${more}`)
    this.name = 'ScenarioError'
    this.file = file
    this.problems = problems
  }
}

/** @throws {ScenarioError} naming each problem; errors of the file system pass through. */
export function readScenarioFile(file: string): Scenario {
  return parseScenario(readFileSync(file, 'utf8'), file)
}

/** @throws {ScenarioError} */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const broken = document.errors.map(error => ({
    ...at(error.pos[0]),
    field: '',
    what: `not YAML: ${firstLine(error.message)}`,
  }))
  if (broken.length > 0) throw new ScenarioError(file, broken)

  const root = document.contents
  let value: unknown
  try {
    // Aliases may multiply; the library's own limit answers a file that is all aliases.
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new ScenarioError(file, [
      { line: 1, column: 1, field: '', what: `not YAML: ${firstLine((error as Error).message)}` },
    ])
  }
  const problemAt = (path: readonly PropertyKey[], what: string, onKey = false): ScenarioProblem => ({
    ...at(offsetOf(root, path, onKey)),
    field: fieldText(root, path),
    what,
  })

  const parsed = scenarioSchema.safeParse(value)
  if (!parsed.success) {
    throw new ScenarioError(
      file,
      parsed.error.issues.flatMap(issue => problemsOf(issue, value, problemAt)).sort(byPlace),
    )
  }
  const problems = [
    ...settingProblems(parsed.data),
    ...scenarioNodes(parsed.data).problems.map(problem => ({ ...problem, onKey: false })),
  ].map(({ path, what, onKey }) => problemAt(path, what, onKey))
  if (problems.length > 0) throw new ScenarioError(file, problems.sort(byPlace))
  return parsed.data
}

interface PathProblem {
  readonly path: readonly PropertyKey[]
  readonly what: string
  readonly onKey: boolean
}

function settingProblems({ topology }: Scenario): PathProblem[] {
  const places: [path: readonly PropertyKey[], settings: Readonly<Record<string, number>>][] = [
    [['topology', 'settings'], topology.settings],
    ...topology.receivers.map(({ settings }, index) => placeOf('receivers', index, settings)),
    ...topology.senders.map(({ settings }, index) => placeOf('senders', index, settings)),
  ]
  return places.flatMap(([path, settings]) =>
    Object.entries(settings).flatMap(([name, value]): PathProblem[] => {
      try {
        createSettings({ [name]: value })
        return []
      } catch (error) {
        if (!(error instanceof OptionError)) throw error
        const unknown = error.code === 'MSMQ_OPTION_UNKNOWN'
        const what = unknown
          ? unknownName('setting', name, Object.keys(SETTINGS))
          : `${value} is not allowed: ${error.allowed}`
        return [{ path: [...path, name], what, onKey: unknown }]
      }
    }),
  )
}

function placeOf(
  role: 'receivers' | 'senders',
  index: number,
  settings: Readonly<Record<string, number>>,
): [path: readonly PropertyKey[], settings: Readonly<Record<string, number>>] {
  return [['topology', role, index, 'settings'], settings]
}

type Issue = z.core.$ZodIssue
type ProblemAt = (path: readonly PropertyKey[], what: string, onKey?: boolean) => ScenarioProblem

function problemsOf(issue: Issue, root: unknown, problemAt: ProblemAt): ScenarioProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path)
    return issue.keys.map(key => problemAt([...issue.path, key], unknownName('key', key, known), true))
  }
  return [problemAt(issue.path, issueText(issue, valueAt(root, issue.path)))]
}

function issueText(issue: Issue, value: unknown): string {
  const short = valueText(value)
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `${MISSING}: ${withArticle(issue.expected)} is needed`
        : `${short} is not ${withArticle(issue.expected)}`
    case 'invalid_value':
      return value === undefined
        ? `${MISSING}: one of ${issue.values.join(', ')} is needed`
        : `${short} is not allowed: ${nearText(value, issue.values.map(String))}one of ${issue.values.join(', ')}`
    case 'too_small':
      return `${short} is too small: at least ${issue.minimum}`
    case 'too_big':
      return `${short} is too big: at most ${issue.maximum}`
    case 'invalid_union':
      return `${short} is not allowed: a whole number, a comparison such as ">= 1", or all`
    case 'invalid_format':
      return `${short} is not allowed: ${issue.message}`
    default:
      return `${short}: ${issue.message}`
  }
}

/** A value in a few words; a list or mapping is not spelt out, for it may be long or contain itself. */
function valueText(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function withArticle(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    int: 'a whole number',
    string: 'a text',
  }
  return words[expected] ?? `a ${expected}`
}

function unknownName(kind: string, name: string, known: readonly string[]): string {
  return `unknown ${kind} ${name}: ${nearText(name, known)}${known.length > 0 ? `allowed are ${known.join(', ')}` : ''}`
}

function nearText(value: unknown, known: readonly string[]): string {
  const near = typeof value === 'string' ? nearestName(value, known) : null
  return near === null ? '' : `did you mean ${near}? `
}

/** Keys that the schema knows at `path`. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: z.core.$ZodType | undefined = scenarioSchema
  for (const segment of path) {
    schema = unwrapped(schema)
    const { def } = schema._zod as unknown as {
      def: { shape?: Record<string, z.core.$ZodType>; element?: z.core.$ZodType }
    }
    schema = typeof segment === 'number' ? def.element : def.shape?.[String(segment)]
    if (schema === undefined) return []
  }
  const { shape } = (unwrapped(schema)._zod as unknown as { def: { shape?: object } }).def
  return Object.keys(shape ?? {})
}

/** Through defaults, optionals and the pipes that preprocessing makes. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const def = schema._zod.def as unknown as { type: string; innerType?: z.core.$ZodType; out?: z.core.$ZodType }
  if (def.innerType !== undefined) return unwrapped(def.innerType)
  if (def.type === 'pipe' && def.out !== undefined) return unwrapped(def.out)
  return schema
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const segment of path) {
    if (segment === 0 && !Array.isArray(value)) continue
    if (value === null || typeof value !== 'object') return undefined
    value = (value as Record<PropertyKey, unknown>)[segment]
  }
  return value
}

/** Where `path` is written, or where the nearest thing around it is. One item may stand where a list is wanted. */
function offsetOf(root: unknown, path: readonly PropertyKey[], onKey: boolean): number {
  let node = root
  let offset = startOf(root)
  for (const [depth, segment] of path.entries()) {
    const last = depth === path.length - 1
    if (isMap(node)) {
      if (segment === 0) continue
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment))
      if (pair === undefined) return offset
      offset = last && onKey ? startOf(pair.key) : startOf(isNode(pair.value) ? pair.value : pair.key)
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(segment)]
      if (item === undefined || isPair(item)) return offset
      offset = startOf(item)
      node = item
    } else if (segment !== 0) return offset
  }
  return offset
}

const startOf = (node: unknown): number => (isNode(node) ? ((node as Node).range?.[0] ?? 0) : 0)

function fieldText(root: unknown, path: readonly PropertyKey[]): string {
  let node = root
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') {
      if (!isSeq(node)) continue
      text += `[${segment}]`
      node = node.items[segment]
    } else {
      text += text === '' ? String(segment) : `.${String(segment)}`
      node = isMap(node) ? node.get(segment, true) : undefined
    }
  }
  return text
}

/** In the order of the file; what is missing comes last, for a misspelt key explains it. */
const byPlace = (a: ScenarioProblem, b: ScenarioProblem) =>
  Number(a.what.startsWith(MISSING)) - Number(b.what.startsWith(MISSING)) || a.line - b.line || a.column - b.column
const MISSING = 'is missing'
const firstLine = (text: string) => text.split('\n', 1)[0] ?? text
