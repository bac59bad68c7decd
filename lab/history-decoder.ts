import type { LabEvent } from './history.js'
import { TYPE } from './history-encoder.js'
import { CursorError, MessagePackCursor } from './message-pack-cursor.js'

type Fields = Record<string, unknown>

const DEPTH_MAX = 32

interface ReadShape {
  readonly names: readonly string[]
  /** Codes of the letters. */
  readonly types: readonly number[]
  readonly kind: string
}

/** Takes batches of events apart. They must come in the order in which they were made, each of them. */
export class EventDecoder {
  readonly #strings: string[] = []
  readonly #shapes: ReadShape[] = []
  readonly #kinds: ReadonlySet<string> | null

  /** @param kinds of the events to give; null for all. The others are passed over, which costs less. */
  constructor(kinds: ReadonlySet<string> | null = null) {
    this.#kinds = kinds
  }

  /** @throws {CursorError} when it is no batch, or refers to what was not told. */
  decode(body: Buffer): LabEvent[] {
    const cursor = new MessagePackCursor(body)
    if (cursor.list() !== 5) throw new CursorError('a batch of five parts is wanted')
    const baseMs = cursor.value()
    if (typeof baseMs !== 'number') throw new CursorError('a time is wanted')
    for (let left = cursor.list(); left > 0; left -= 1) this.#strings.push(cursor.text())
    for (let left = cursor.list(); left > 0; left -= 1) this.#shapes.push(readShape(cursor))
    const count = cursor.whole()
    cursor.list()
    const events: LabEvent[] = []
    for (let index = 0; index < count; index += 1) {
      const shape = this.#shape(cursor.whole())
      if (this.#kinds === null || this.#kinds.has(shape.kind))
        events.push(this.#object(cursor, shape, baseMs, 0) as unknown as LabEvent)
      else for (const type of shape.types) if (type !== TYPE.KIND) cursor.value()
    }
    if (!cursor.atEnd) throw new CursorError('something follows the last event')
    return events
  }

  #shape(number: number): ReadShape {
    const shape = this.#shapes[number - 1]
    if (shape === undefined) throw new CursorError(`there is no shape ${number}`)
    return shape
  }

  #object(cursor: MessagePackCursor, { names, types, kind }: ReadShape, baseMs: number, depth: number): Fields {
    const object: Fields = {}
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index]!
      const type = types[index]
      if (type === TYPE.KIND) object[name] = kind
      else if (type === TYPE.OBJECT) object[name] = this.#nested(cursor, baseMs, depth)
      else {
        const value = cursor.value()
        if (typeof value !== 'number' || type === TYPE.VALUE) object[name] = value
        else object[name] = type === TYPE.TIME ? baseMs + value : this.#string(value)
      }
    }
    return object
  }

  /** A list that begins with 0, or an object: a list that begins with the number of its shape. Bytes and null are themselves. */
  #nested(cursor: MessagePackCursor, baseMs: number, depth: number): unknown {
    if (!cursor.atList) return cursor.value()
    if (depth === DEPTH_MAX) throw new CursorError('lists are nested too deeply')
    const length = cursor.list()
    const number = cursor.whole()
    if (number !== 0) return this.#object(cursor, this.#shape(number), baseMs, depth + 1)
    const items: unknown[] = []
    for (let left = length - 1; left > 0; left -= 1) items.push(this.#nested(cursor, baseMs, depth + 1))
    return items
  }

  #string(number: number): string {
    const text = this.#strings[number]
    if (text === undefined) throw new CursorError(`there is no string ${number}`)
    return text
  }
}

function readShape(cursor: MessagePackCursor): ReadShape {
  if (cursor.list() !== 3) throw new CursorError('a shape of three parts is wanted')
  const names: string[] = []
  for (let left = cursor.list(); left > 0; left -= 1) names.push(cursor.text())
  const types = [...cursor.text()].map(letter => letter.charCodeAt(0))
  if (types.length !== names.length) throw new CursorError('a shape has a letter for each field')
  if (names.includes('__proto__')) throw new CursorError('no field has such a name')
  // so that an object is not much more than the bytes that it is made of
  if (new Set(names).size < names.length) throw new CursorError('no two fields have one name')
  if (types.some((type, index) => type === TYPE.KIND && names[index] !== 'kind'))
    throw new CursorError('a shape gives no more than the kind')
  return { names, types, kind: cursor.text() }
}
