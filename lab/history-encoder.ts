import { Encoder } from '@msgpack/msgpack'
import type { LabEvent } from './history.js'
import { type HistoryShape, STRING_LENGTH_MAX, STRINGS_MAX } from './history-format.js'

type Fields = Readonly<Record<string, unknown>>

interface NumberedShape extends HistoryShape {
  readonly number: number
}

/** Smallest number of milliseconds that is taken for a moment, and not for a length of time. */
const MOMENT_MS_MIN = 100_000_000_000

/**
 * Puts events into batches: their values one after the other, each event led by the number of its shape. Shapes and strings
 * are told in the batch that first needs them.
 */
export class EventEncoder {
  readonly #encoder = new Encoder()
  readonly #shapesOf = new Map<string, NumberedShape[]>()
  readonly #numbers = new Map<string, number>()
  #shapeCount = 0
  #values: unknown[] = []
  #newStrings: string[] = []
  #newShapes: [names: readonly string[], types: string, kind: string][] = []
  #baseMs = 0
  #count = 0

  /** Events that wait. */
  get count(): number {
    return this.#count
  }

  /** The event is read now, and not looked at later. */
  add(event: LabEvent): void {
    if (this.#count === 0) this.#baseMs = event.atMs
    this.#count += 1
    this.#object(event as unknown as Fields, this.#values)
  }

  /** The batch so far; the next event begins another. The bytes are valid until then. */
  take(): Uint8Array {
    const batch = [this.#baseMs, this.#newStrings, this.#newShapes, this.#count, this.#values]
    const bytes = this.#encoder.encodeSharedRef(batch)
    this.#newStrings = []
    this.#newShapes = []
    this.#values = []
    this.#count = 0
    return bytes
  }

  #object(object: Fields, into: unknown[]): void {
    const kind = typeof object.kind === 'string' ? object.kind : ''
    let shapes = this.#shapesOf.get(kind)
    if (shapes === undefined) {
      shapes = []
      this.#shapesOf.set(kind, shapes)
    }
    const start = into.length
    for (const shape of shapes) {
      if (this.#fits(object, shape, into)) return
      into.length = start
    }
    const shape = this.#shape(object, kind)
    shapes.push(shape)
    if (!this.#fits(object, shape, into)) throw new TypeError(`an event of kind ${kind} cannot be written down`)
  }

  /** Writes the object if that is its shape; else what was written is to be taken back. */
  #fits(object: Fields, { number, names, types, kind }: NumberedShape, into: unknown[]): boolean {
    into.push(number)
    let index = 0
    for (const name in object) {
      const value = object[name]
      if (value === undefined) continue
      if (name !== names[index]) return false
      const type = types.charCodeAt(index)
      index += 1
      if (type === TYPE.KIND) {
        if (value !== kind) return false
      } else if (value === null) {
        into.push(null)
      } else if (type === TYPE.STRING) {
        if (typeof value !== 'string') return false
        into.push(this.#string(value))
      } else if (type === TYPE.TIME) {
        if (typeof value !== 'number') return false
        const difference = value - this.#baseMs
        if (this.#baseMs + difference !== value) return false
        into.push(difference)
      } else if (type === TYPE.OBJECT) {
        if (typeof value !== 'object') return false
        into.push(this.#nested(value))
      } else {
        if (typeof value !== 'number' && typeof value !== 'boolean') return false
        into.push(value)
      }
    }
    return index === names.length
  }

  #nested(value: object): unknown {
    if (value instanceof Uint8Array) return value
    const values: unknown[] = []
    if (!Array.isArray(value)) {
      this.#object(value as Fields, values)
      return values
    }
    values.push(0)
    for (const item of value) values.push(typeof item === 'object' && item !== null ? this.#nested(item) : item)
    return values
  }

  /** Its number; the text itself when it has none. */
  #string(text: string): number | string {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    if (text.length > STRING_LENGTH_MAX || this.#numbers.size >= STRINGS_MAX) return text
    const number = this.#numbers.size
    this.#numbers.set(text, number)
    this.#newStrings.push(text)
    return number
  }

  #shape(object: Fields, kind: string): NumberedShape {
    const entries = Object.entries(object).filter(([, value]) => value !== undefined)
    const names = entries.map(([name]) => name)
    const types = entries.map(([name, value]) => String.fromCharCode(this.#typeOf(name, value))).join('')
    this.#newShapes.push([names, types, kind])
    this.#shapeCount += 1
    return { number: this.#shapeCount, names, types, kind }
  }

  #typeOf(name: string, value: unknown): number {
    if (name === 'kind' && typeof value === 'string') return TYPE.KIND
    if (typeof value === 'string') return TYPE.STRING
    if (typeof value === 'object' && value !== null) return TYPE.OBJECT
    const isMoment = typeof value === 'number' && name.endsWith('Ms') && value >= MOMENT_MS_MIN
    return isMoment && this.#baseMs + (value - this.#baseMs) === value ? TYPE.TIME : TYPE.VALUE
  }
}

/** Letters of {@link HistoryShape}. */
export const TYPE = { KIND: 0x6b, TIME: 0x74, STRING: 0x73, OBJECT: 0x6f, VALUE: 0x76 } as const
