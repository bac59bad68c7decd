import type { FixedLayout } from './byte-reader.js'

/* What a header holds, as data: for programs that are made out of it, such as the dissector for Wireshark. The decoders
 * are code, for speed; where they read a fixed part by a table, it is taken from here, and tests hold everything else
 * against them (decision 0042). */

/** A number computed from what was read before. Truth is 1 and 0; what is not in the packet counts as 0.
 *
 *  A text is a field by its full name, `UserHeader.MessageID`, or one field of its flags, `UserHeader.Flags.TH`.
 *  Operators: `+`, `-`, `*`, `=`, `<`, `>`, `and`, `or`, `not`; `in` (is the first one of the others); and
 *    bits mask x       is any bit of the mask set in x
 *    left              bytes from here to the limit
 *    given             bytes there are, of the packet and behind it
 *    limit             offset of the limit
 *    offset f, size f  where the field f lies, from the start of the packet
 *    peek32 x          the number of 32 bits at offset x, 0 where there is none
 *    nullWithin x      bytes up to and with the first null character in the next x bytes; 0 when there is none
 *    sid x             are the next x bytes a SID */
export type Expression =
  | number
  | string
  | readonly [Operator, ...Expression[]]
  | readonly ['is' | 'endsWith', field: string, text: string]

export type Operator =
  | ('+' | '-' | '*' | '=' | '<' | '>' | 'and' | 'or' | 'not' | 'in' | 'bits')
  | ('left' | 'given' | 'limit' | 'offset' | 'size' | 'peek32' | 'nullWithin' | 'sid')

/** 2^size-bit numbers are little-endian and unsigned; `text` is UTF-16LE whose last character, and only that, is null. */
export type FieldType = 'u8' | 'u16' | 'u24' | 'u32' | 'guid' | 'bytes' | 'text'

export interface Field {
  /** Within its structure. `#` stands for the number of the turn in an {@link Each}. */
  readonly field: string
  readonly type: FieldType
  /** Bytes; of `bytes` and `text` only. Nothing is there when it is 0. */
  readonly size?: Expression
  /** Masks by the names of the specification. */
  readonly flags?: Readonly<Record<string, number>>
  /** What fields of the flags mean, and the names of their values. */
  readonly about?: Readonly<Record<string, string>>
  readonly flagValues?: Readonly<Record<string, ValueNames>>
  readonly values?: ValueNames
  readonly unit?: 's' | 'ms' | 'bytes' | 'characters' | 'packets'
  /** A number that people read in hexadecimal. */
  readonly hex?: true
}

/** Names of values as constants of ours have them. */
export type ValueNames = Readonly<Record<string, number>>

/** Bytes up to the next multiple of 4, which may hold anything. */
export interface Padding {
  readonly padding: 4
}

export interface When {
  readonly when: Expression
  readonly parts: readonly LayoutPart[]
}

/** Parts that repeat. */
export interface Each {
  readonly each: Expression
  readonly parts: readonly LayoutPart[]
}

/** Parts that end at an offset from the start of the packet. */
export interface Within {
  readonly within: Expression
  readonly parts: readonly LayoutPart[]
}

/** From here on, the limit is this offset from the start of the packet, or where the bytes end. */
export interface Limit {
  readonly limit: Expression
}

/** A header; or, `inside` a field of bytes that is there already, what these bytes mean. */
export interface Structure {
  readonly structure: string
  readonly section: string
  readonly inside?: string
  readonly parts: readonly LayoutPart[]
}

/** `refuse`: a packet of which it is true is malformed, and nothing after it is read. The others are worth a remark. */
export interface Rule {
  readonly rule: 'refuse' | 'warn' | 'note'
  readonly when: Expression
  /** As the decoder's errors, or those of warnings.ts, or a name of its own. */
  readonly code: string
  /** Where it shows: a field, or one of its flags, by its full name. */
  readonly field: string
  readonly why: string
}

export type LayoutPart = Field | Padding | When | Each | Within | Limit | Structure | Rule

const SIZES: Partial<Record<FieldType, number>> = { u8: 1, u16: 2, u24: 3, u32: 4, guid: 16 }

/** Bytes of a field whose size is fixed; undefined of others. */
export function fixedSizeOf({ type, size }: Field): number | undefined {
  return typeof size === 'number' ? size : SIZES[type]
}

/** The fixed part that these fields make up, for ByteReader.fixed. */
export function fixedLayoutOf(fields: readonly Field[]): FixedLayout {
  return fields.map(field => {
    const size = fixedSizeOf(field)
    if (size === undefined) throw new RangeError(`${field.field} has no fixed size`)
    return [field.field, size] as const
  })
}

export function refuse(code: string, field: string, when: Expression, why: string): Rule {
  return { rule: 'refuse', when, code: `MSMQ_DECODE_${code}`, field, why }
}

/** The fields of a flags word by name, with their masks: shifts and derived constants are left out. */
export function flagMasks(masks: Readonly<Record<string, number>>): [name: string, mask: number][] {
  return Object.entries(masks).filter(([name]) => !/_SHIFT$|^RESERVED$|^RECOVERABLE$/.test(name))
}
