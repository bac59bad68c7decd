import { Document, isMap, isScalar, isSeq, type Node, type Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'

/** A value of the file that the capture does not tell outright, and why it is there. */
export class Guess {
  readonly value: Plain
  readonly why: string

  constructor(value: Plain, why: string) {
    this.value = value
    this.why = why
  }
}

export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain | undefined } | Guess

/** Collections of this depth and deeper stand on one line, unless something in them is remarked on. */
const BLOCK_DEPTH = 3
const LINE_WIDTH = 120

/** YAML with a comment `# guessed: …` at each guess; what is undefined is left out. `about` stands before everything. */
export function guessedYaml(value: { readonly [key: string]: Plain | undefined }, about: readonly string[]): string {
  const document = new Document()
  document.contents = nodeOf(value, 0) as typeof document.contents
  document.commentBefore = about.map(line => ` ${line}`).join('\n')
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: true })
}

function nodeOf(value: Plain, depth: number): Node {
  if (value instanceof Guess) {
    const node = nodeOf(value.value, depth)
    const remark = ` guessed: ${value.why}`
    if (isScalar(node)) node.comment = remark
    else node.commentBefore = remark
    return node
  }
  if (isList(value)) {
    const list = new YAMLSeq()
    for (const item of value) list.items.push(nodeOf(item, depth + 1))
    list.flow = depth >= BLOCK_DEPTH && !hasRemarks(list)
    return list
  }
  if (typeof value === 'object') {
    const map = new YAMLMap()
    for (const [key, item] of Object.entries(value)) if (item !== undefined) map.items.push(pairOf(key, item, depth))
    map.flow = depth >= BLOCK_DEPTH && !hasRemarks(map)
    return map
  }
  return new Scalar(value)
}

/** What is remarked of a collection stands above its key. */
function pairOf(key: string, item: Plain, depth: number): Pair {
  const document = new Document()
  const node = nodeOf(item, depth + 1)
  const pair = document.createPair(key, node)
  if (!isScalar(node) && node.commentBefore) {
    const name = new Scalar(key)
    name.commentBefore = node.commentBefore
    node.commentBefore = null
    return Object.assign(pair, { key: name })
  }
  return pair
}

function hasRemarks(node: unknown): boolean {
  if (isScalar(node)) return Boolean(node.comment || node.commentBefore)
  if (isSeq(node)) return node.items.some(hasRemarks)
  if (isMap(node)) return node.items.some(({ key, value }) => hasRemarks(key) || hasRemarks(value))
  return false
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value)
}
