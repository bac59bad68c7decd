import type { FieldValue } from './byte-reader.js'
import { decodePacket } from './packet.js'
import { decodePing } from './ping.js'

/** One field of a packet as it lies in the bytes. */
export interface FieldRow {
  structure: string
  field: string
  /** Bytes from the start of the packet. */
  offset: number
  /** Bytes. */
  size: number
  value: FieldValue
}

/** Every field in wire order, as the decoder itself met it. Throws the DecodeError of a malformed packet. */
export function fieldRows(bytes: Buffer, isPing = false): FieldRow[] {
  const rows: FieldRow[] = []
  const sink = (structure: string, field: string, offset: number, size: number, value: FieldValue): void => {
    rows.push({ structure, field, offset, size, value })
  }
  if (isPing) decodePing(bytes, sink)
  else decodePacket(bytes, sink)
  return rows
}

const BYTES_SHOWN_MAX = 32

/** Lines of `offset size structure.field value`, aligned; a change of structure starts with its name. */
export function formatFieldRows(rows: readonly FieldRow[]): string {
  const lines: string[] = []
  let structure = ''
  for (const row of rows) {
    if (row.structure !== structure) {
      structure = row.structure
      lines.push(structure)
    }
    const place = `${String(row.offset).padStart(8)} ${String(row.size).padStart(7)}`
    lines.push(`${place}  ${row.field.padEnd(44)} ${valueText(row)}`)
  }
  return lines.join('\n')
}

function valueText(row: FieldRow): string {
  if (typeof row.value === 'number') return `${row.value} (0x${row.value.toString(16).padStart(2 * row.size, '0')})`
  if (typeof row.value === 'string') return row.size === 16 ? row.value : JSON.stringify(row.value)
  const shown = row.value.subarray(0, BYTES_SHOWN_MAX).toString('hex')
  return row.value.length > BYTES_SHOWN_MAX ? `${shown}… (${row.value.length} bytes)` : shown
}
