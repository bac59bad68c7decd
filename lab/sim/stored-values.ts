import type { StoredField, StoredRecord, StoredValue } from '../../queue-manager/actions.js'

const ROW_BYTES = 16
const FIELD_BYTES = 8

/** About what a row takes on a disk. */
export function sizeOfRow(value: StoredValue, packet?: Uint8Array): number {
  return ROW_BYTES + fieldSize(value) + (packet?.length ?? 0)
}

function fieldSize(field: StoredField): number {
  if (typeof field === 'string') return field.length
  if (field === null || typeof field !== 'object') return FIELD_BYTES
  if (field instanceof Uint8Array) return field.length
  return Object.values(field).reduce<number>((sum, each) => sum + fieldSize(each), FIELD_BYTES)
}

/** A value of its own, with bytes of its own: plain Uint8Array, whatever they were written as. */
export function copyOfValue(value: StoredValue): StoredValue {
  if (isList(value)) {
    const list = value.slice()
    for (let index = 0; index < list.length; index++) {
      const field = list[index]!
      if (typeof field === 'object' && field !== null) list[index] = copyOfObject(field)
    }
    return list
  }
  const record: { [field: string]: StoredField } = { ...value }
  for (const name in record) {
    const field = record[name]!
    if (typeof field === 'object' && field !== null) record[name] = copyOfObject(field)
  }
  return record
}

function copyOfObject(field: Uint8Array | readonly StoredField[] | StoredRecord): StoredField {
  return field instanceof Uint8Array ? new Uint8Array(field) : copyOfValue(field)
}

function isList(value: StoredValue): value is readonly StoredField[] {
  return Array.isArray(value)
}
