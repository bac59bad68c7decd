import { type Field, flagMasks, type ValueNames } from '../../protocol/binary/layout.js'
import type { DerivedField } from './derived-fields.js'
import { expertName, filterName, type LayoutContents } from './filter-names.js'
import { quoted } from './lua-expression.js'

/* Declarations of fields and of expert infos for Wireshark's Lua. */

const BITS: Partial<Record<Field['type'], number>> = { u8: 8, u16: 16, u24: 24, u32: 32 }
const DERIVED: Readonly<Record<DerivedField['type'], (name: string) => string>> = {
  string: name => `ProtoField.string(${name})`,
  uint16: name => `ProtoField.uint16(${name})`,
  uint32: name => `ProtoField.uint32(${name})`,
  bytes: name => `ProtoField.bytes(${name})`,
  time: name => `ProtoField.absolute_time(${name}, base.UTC)`,
}

/** `F`, fields by filter name; `M`, for a flags word the fields of its masks. */
export function luaFields({ fields, padded }: LayoutContents): string {
  const lines: string[] = []
  for (const { structure, field } of fields) {
    const filter = filterName(structure.structure, field.field)
    const title = field.field.replace('#.', '')
    lines.push(`F[${quoted(filter)}] = ${protoField(filter, title, field)}`)
    const masks = flagMasks(field.flags ?? {})
    if (masks.length === 0) continue
    lines.push(`M[${quoted(filter)}] = {`)
    for (const [flag, mask] of masks)
      lines.push(`  ${maskField(`${filter}.${flag.toLowerCase()}`, flag, mask, field)},`)
    lines.push('}')
  }
  for (const { structure } of padded) {
    const filter = filterName(structure, 'Padding')
    lines.push(`F[${quoted(filter)}] = ProtoField.bytes(${quoted(filter)}, "Padding")`)
  }
  return `${lines.join('\n')}\n`
}

export function luaDerivedFields(fields: readonly DerivedField[]): string {
  return fields
    .map(
      ({ filter, type, title }) => `F[${quoted(filter)}] = ${DERIVED[type](`${quoted(filter)}, ${quoted(title)}`)}\n`,
    )
    .join('')
}

/** What parts/reading.lua refuses by itself. */
const REFUSED_BY_READERS = ['TRUNCATED', 'NAME_SIZE', 'STRING_UNTERMINATED', 'STRING_NULL'].map(
  code => ({ rule: 'refuse', code: `MSMQ_DECODE_${code}` }) as const,
)

/** `E`, expert infos by name. */
export function luaExperts({ rules }: LayoutContents): string {
  const lines = new Map<string, string>()
  for (const rule of [...REFUSED_BY_READERS, ...rules]) {
    const name = expertName(rule)
    if (lines.has(name)) continue
    const title = rule.rule === 'refuse' ? `Malformed: ${wordsOf(name)}` : wordsOf(name)
    const group = rule.rule === 'refuse' ? 'MALFORMED' : 'PROTOCOL'
    const severity = rule.rule === 'refuse' ? 'ERROR' : rule.rule === 'warn' ? 'WARN' : 'NOTE'
    lines.set(
      name,
      `E[${quoted(name)}] = ProtoExpert.new(${quoted(name)}, ${quoted(title)}, expert.group.${group}, expert.severity.${severity})\n`,
    )
  }
  return [...lines.values()].join('')
}

function wordsOf(expert: string): string {
  return expert.slice(expert.lastIndexOf('.') + 1).replaceAll('_', ' ')
}

function protoField(filter: string, title: string, field: Field): string {
  const name = `${quoted(filter)}, ${quoted(title)}`
  const bits = BITS[field.type]
  if (bits === undefined) {
    const kinds: Partial<Record<Field['type'], string>> = { guid: 'guid', bytes: 'bytes', text: 'string' }
    return `ProtoField.${kinds[field.type]}(${name})`
  }
  if (field.unit !== undefined) {
    return `ProtoField.uint${bits}(${name}, base.UNIT_STRING, { ${quoted(` ${field.unit}`)}, ${quoted(` ${field.unit}`)} })`
  }
  const base = field.hex || field.flags !== undefined ? 'base.HEX' : 'base.DEC'
  const values = field.values === undefined ? '' : `, ${luaValues(field.values)}`
  return `ProtoField.uint${bits}(${name}, ${base}${values})`
}

function maskField(filter: string, flag: string, mask: number, field: Field): string {
  const about = field.about?.[flag]
  const title = about === undefined ? flag : `${flag}: ${about}`
  const name = `${quoted(filter)}, ${quoted(title)}`
  const bits = BITS[field.type] ?? 32
  if ((mask & (mask - 1)) === 0) return `ProtoField.bool(${name}, ${bits}, nil, ${hex(mask)})`
  const values = field.flagValues?.[flag]
  const valueText = values === undefined ? 'nil' : luaValues(values)
  return `ProtoField.uint${bits}(${name}, base.DEC, ${valueText}, ${hex(mask)})`
}

function luaValues(values: ValueNames): string {
  const entries = Object.entries(values).map(([name, value]) => `[${hex(value)}] = ${quoted(name)}`)
  return `{ ${entries.join(', ')} }`
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
