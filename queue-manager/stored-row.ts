import { MqlabError } from '../protocol/errors.js'
import type { StoredField, StoreKey, StoreOperation, StoreTable } from './actions.js'

/** A row of the store is not what this queue manager, or an older one, wrote. */
export class StoredRowError extends MqlabError {
  constructor(table: StoreTable, key: StoreKey, what: string) {
    super(
      'MSMQ_STORE_ROW',
      `table ${table}, key ${JSON.stringify(key)}: ${what}; restore the data directory from a copy, or look into it with "mqlab store inspect"`,
      true,
    )
  }
}

/** One stored row, read field by field with its types checked; a field that is not right is an error naming the row. */
export class StoredRow {
  readonly table: StoreTable
  readonly key: StoreKey
  readonly #fields: Readonly<Record<string | number, StoredField | undefined>>

  constructor({ table, key, value }: StoreOperation) {
    this.table = table
    this.key = key
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array)
      throw new StoredRowError(table, key, 'the value is not a record')
    this.#fields = value as Readonly<Record<string | number, StoredField>>
  }

  get numberKey(): number {
    if (typeof this.key !== 'number' || !Number.isSafeInteger(this.key)) throw this.wrong('the key', 'a whole number')
    return this.key
  }

  get textKey(): string {
    if (typeof this.key !== 'string') throw this.wrong('the key', 'text')
    return this.key
  }

  /** Any finite number, or Infinity. */
  number(field: string | number): number {
    const value = this.#fields[field]
    if (typeof value !== 'number' || Number.isNaN(value)) throw this.wrong(field, 'a number')
    return value
  }

  whole(field: string | number, min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.number(field)
    if (!Number.isInteger(value) || value < min || value > max)
      throw this.wrong(field, `a whole number from ${min} to ${max}`)
    return value
  }

  text(field: string | number): string {
    const value = this.#fields[field]
    if (typeof value !== 'string') throw this.wrong(field, 'text')
    return value
  }

  flag(field: string | number): boolean {
    const value = this.#fields[field]
    if (typeof value !== 'boolean') throw this.wrong(field, 'true or false')
    return value
  }

  bytes(field: string | number): Uint8Array {
    const value = this.#fields[field]
    if (!(value instanceof Uint8Array)) throw this.wrong(field, 'bytes')
    return value
  }

  list(field: string | number): readonly StoredField[] {
    const value = this.#fields[field]
    if (!Array.isArray(value)) throw this.wrong(field, 'a list')
    return value
  }

  /** What `read` makes of a field that is there; null where it is null or absent. */
  optional<T>(field: string | number, read: (field: string | number) => T): T | null {
    const value = this.#fields[field]
    return value === null || value === undefined ? null : read.call(this, field)
  }

  wrong(field: string | number, expected: string): StoredRowError {
    return new StoredRowError(this.table, this.key, `${JSON.stringify(field)} is not ${expected}`)
  }
}
