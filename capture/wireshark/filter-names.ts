import type { Field, LayoutPart, Rule, Structure } from '../../protocol/binary/layout.js'

/* What fields are called in display filters. */

/** `mqqb.user.destinationqueue.count` of `UserHeader` and `DestinationQueue.Count`: the name in the specification in lower
 *  case, its structure without `Header` or `Body`. Fields that repeat have one name. */
export function filterName(structure: string, field: string): string {
  return `mqqb.${structure.replace(/(?:Header|Body)$/, '')}.${field.replace('#.', '')}`.toLowerCase()
}

/** `mqqb.malformed.packet_size`, `mqqb.warning.hop_count`, `mqqb.note.nack`: what a rule of a layout says about a packet. */
export function expertName({ code }: Pick<Rule, 'code'>): string {
  const [, kind, name = code] = /^(MSMQ_DECODE|W)_(.*)$/.exec(code) ?? []
  const group = kind === undefined ? 'note' : kind === 'W' ? 'warning' : 'malformed'
  return `mqqb.${group}.${name.toLowerCase()}`
}

/** A field and the structure it stands in. */
interface PlacedField {
  readonly structure: Structure
  readonly field: Field
}

export interface LayoutContents {
  /** In wire order, each once. */
  readonly fields: readonly PlacedField[]
  readonly rules: readonly Rule[]
  /** Structures that have padding somewhere. */
  readonly padded: readonly Structure[]
}

/** Everything that stands in layouts, however deep. */
export function contentsOf(layouts: readonly LayoutPart[]): LayoutContents {
  const fields = new Map<string, PlacedField>()
  const rules: Rule[] = []
  const padded = new Map<string, Structure>()
  const visit = (parts: readonly LayoutPart[], structure: Structure | null): void => {
    for (const part of parts) {
      if ('rule' in part) rules.push(part)
      else if ('structure' in part) visit(part.parts, part)
      else if ('parts' in part) visit(part.parts, structure)
      else if (structure === null) continue
      else if ('padding' in part) padded.set(structure.structure, structure)
      else if ('field' in part) fields.set(filterName(structure.structure, part.field), { structure, field: part })
    }
  }
  visit(layouts, null)
  return { fields: [...fields.values()], rules, padded: [...padded.values()] }
}
