import { flagMasks } from './layout.js'

/** Dotted specification names to values: integers, GUIDs in lower case, byte strings as hexadecimal text, texts without
 *  terminator. `X.Flags.Raw` is a whole flags word, `X.Flags.NAME` one field of it. */
export type FlatFields = Record<string, number | string | readonly string[]>

// Each mask becomes one field, shifted down to its lowest bit.
export function flattenFlags(
  out: FlatFields,
  name: string,
  raw: number,
  masks: Readonly<Record<string, number>>,
): void {
  out[`${name}.Raw`] = raw
  for (const [field, mask] of flagMasks(masks)) {
    out[`${name}.${field}`] = Math.floor(((raw & mask) >>> 0) / lowestBit(mask))
  }
}

function lowestBit(mask: number): number {
  return (mask & -mask) >>> 0
}
