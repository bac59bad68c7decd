import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'
import { OptionError } from '../protocol/errors.js'
import { createSettings, SETTINGS } from '../queue-manager/settings.js'
import { nearestName } from './nearest-name.js'

/** One thing that is wrong in a file. Lines and columns count from 1. */
export interface FileProblem {
  readonly line: number
  readonly column: number
  /** Dotted path, such as `topology.receivers[0].settings.SeqResend13Time`; empty for the file as a whole. */
  readonly field: string
  /** What is wrong and what is allowed. */
  readonly what: string
}

/** The file cannot be used. The message is one line naming file, line, column, field and what is allowed. */
export class FileError extends Error {
  readonly file: string
  readonly problems: readonly FileProblem[]

  constructor(file: string, problems: readonly [FileProblem, ...FileProblem[]]) {
    const [{ line, column, field, what }] = problems
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    super(`${file}:${line}:${column}${field === '' ? '' : ` ${field}:`} ${what}${more}`)
    this.name = 'FileError'
    this.file = file
    this.problems = problems
  }
}

/** What is wrong with the value at `path`, or with its name (`onKey`). */
export interface PathProblem {
  readonly path: readonly PropertyKey[]
  readonly what: string
  readonly onKey: boolean
}

/**
 * The value of a YAML text, as `schema` and then `check` have it.
 * @throws {FileError} naming each problem where it stands in the text.
 */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  check: (value: z.output<Schema>) => readonly PathProblem[],
): z.output<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const refuse = (problems: readonly FileProblem[]) => {
    const [first, ...more] = problems
    if (first !== undefined) throw new FileError(file, [first, ...more])
  }
  refuse(document.errors.map(error => ({ ...at(error.pos[0]), field: '', what: notYaml(error) })))

  const root = document.contents
  let value: unknown
  try {
    // Aliases may multiply; the library's own limit answers a file that is all aliases.
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new FileError(file, [{ line: 1, column: 1, field: '', what: notYaml(error as Error) }])
  }
  const problemAt = (path: readonly PropertyKey[], what: string, onKey = false): FileProblem => ({
    ...at(offsetOf(root, path, onKey)),
    field: fieldText(root, path),
    what,
  })
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    if (root === null) refuse([{ line: 1, column: 1, field: '', what: 'the file is empty: it says nothing' }])
    refuse(parsed.error.issues.flatMap(issue => problemsOf(issue, schema, value, problemAt)).sort(byPlace))
    throw parsed.error
  }
  refuse(
    check(parsed.data)
      .map(({ path, what, onKey }) => problemAt(path, what, onKey))
      .sort(byPlace),
  )
  return parsed.data
}

/** Where the values at paths of a YAML text stand. Lines and columns count from 1. */
export function yamlPlaces(text: string): (path: readonly PropertyKey[]) => { line: number; column: number } {
  const lines = new LineCounter()
  const { contents } = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  return path => {
    const { line, col } = lines.linePos(offsetOf(contents, path, false))
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}

/** A list in which one item may stand alone. */
export function oneOrMany<Item extends z.ZodType>(item: Item, itemsMax = 64) {
  return z.preprocess(
    value => (Array.isArray(value) || value === undefined ? value : [value]),
    z.array(item).min(1).max(itemsMax),
  )
}

/** What is wrong with settings that stand at `path`: unknown names, values out of range. */
export function settingProblems(
  path: readonly PropertyKey[],
  settings: Readonly<Record<string, number>>,
): readonly PathProblem[] {
  return Object.entries(settings).flatMap(([name, value]): PathProblem[] => {
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
  })
}

type Issue = z.core.$ZodIssue
type ProblemAt = (path: readonly PropertyKey[], what: string, onKey?: boolean) => FileProblem

function problemsOf(issue: Issue, schema: z.core.$ZodType, root: unknown, problemAt: ProblemAt): FileProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path)
    return issue.keys.map(key => problemAt([...issue.path, key], unknownName('key', key, known), true))
  }
  if (issue.code === 'invalid_key') {
    const allowed = issue.issues[0]?.message ?? issue.message
    return [problemAt(issue.path, `${valueText(issue.path.at(-1))} is not allowed: ${allowed}`, true)]
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
    case 'invalid_format':
    case 'custom':
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

/** Keys that `root` knows at `path`. */
function knownKeys(root: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let schema: z.core.$ZodType | undefined = root
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
const byPlace = (a: FileProblem, b: FileProblem) =>
  Number(a.what.startsWith(MISSING)) - Number(b.what.startsWith(MISSING)) || a.line - b.line || a.column - b.column
const MISSING = 'is missing'
const notYaml = ({ message }: Error) => `not YAML: ${message.split('\n', 1)[0] ?? message}`
