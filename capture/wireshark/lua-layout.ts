import { type Field, fixedSizeOf, type LayoutPart, type Structure } from '../../protocol/binary/layout.js'
import { expertName, filterName } from './filter-names.js'
import { type FlagPlaces, luaCondition, luaNumber, quoted } from './lua-expression.js'

/* Layouts as Lua functions, which call the readers of parts/reading.lua. */

/** A function for each structure, and `name`, which calls them. */
export function luaFunctions(name: string, layout: readonly LayoutPart[], flags: FlagPlaces): string {
  const writer = new FunctionWriter(flags)
  const body = writer.lines(layout, null, 1)
  return `${writer.functions.map(text => `${text}\n`).join('')}local function ${name}()\n${body}end\n`
}

class FunctionWriter {
  readonly functions: string[] = []
  readonly #flags: FlagPlaces
  readonly #names = new Set<string>()

  constructor(flags: FlagPlaces) {
    this.#flags = flags
  }

  lines(parts: readonly LayoutPart[], structure: Structure | null, depth: number): string {
    return parts.map(part => this.#part(part, structure, depth)).join('')
  }

  #part(part: LayoutPart, structure: Structure | null, depth: number): string {
    const indent = '  '.repeat(depth)
    const inner = (parts: readonly LayoutPart[]): string => this.lines(parts, structure, depth + 1)
    if ('rule' in part) return this.#rule(part, indent)
    if ('structure' in part) return `${indent}${this.#call(part)}\n`
    if ('each' in part) {
      const count = luaNumber(part.each, this.#flags)
      return `${indent}each(${count}, function()\n${inner(part.parts)}${indent}end)\n`
    }
    if ('within' in part) {
      const end = luaNumber(part.within, this.#flags)
      return `${indent}within(${end}, function()\n${inner(part.parts)}${indent}end)\n`
    }
    if ('when' in part) {
      return `${indent}if ${luaCondition(part.when, this.#flags)} then\n${inner(part.parts)}${indent}end\n`
    }
    if ('limit' in part) return `${indent}limit = math.min(${luaNumber(part.limit, this.#flags)}, given)\n`
    if (structure === null) throw new RangeError('a field outside of every structure')
    if ('padding' in part) {
      return `${indent}padding(${quoted(structure.structure)}, ${fieldOf(structure.structure, 'padding')})\n`
    }
    return `${indent}${this.#field(structure.structure, part)}\n`
  }

  #rule(rule: Extract<LayoutPart, { rule: string }>, indent: string): string {
    const condition = luaCondition(rule.when, this.#flags)
    const place = this.#flags.get(rule.field)?.field ?? rule.field
    const action =
      rule.rule === 'refuse'
        ? `refuse(${quoted(rule.code)}, ${quoted(rule.field.replace('#.', ''))}, ${quoted(rule.why)}, ${quoted(place)})`
        : `remark(${quoted(place)}, E[${quoted(expertName(rule))}], ${quoted(rule.why)})`
    return `${indent}if ${condition} then ${action} end\n`
  }

  #call(part: Structure): string {
    const wanted = part.inside === undefined ? part.structure : `${part.structure}In${part.inside}`
    const name = `read_${wanted
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .replace(/\./g, '_')
      .toLowerCase()}`
    if (!this.#names.has(name)) {
      this.#names.add(name)
      const body = this.lines(part.parts, part, 1)
      this.functions.push(`-- ${part.structure}, ${part.section}\nlocal function ${name}()\n${body}end\n`)
    }
    return part.inside === undefined
      ? `structure(${quoted(part.structure)}, ${name})`
      : `inside(${quoted(part.structure)}, ${quoted(part.inside)}, ${name})`
  }

  #field(structure: string, field: Field): string {
    const name = quoted(`${structure}.${field.field}`.replace('#.', ''))
    const place = fieldOf(structure, field.field)
    const size = fixedSizeOf(field)
    switch (field.type) {
      case 'guid':
        return `guid(${name}, ${place})`
      case 'bytes':
        return `bytes(${name}, ${place}, ${size ?? luaNumber(field.size!, this.#flags)})`
      case 'text':
        return `text(${name}, ${place}, ${luaNumber(field.size!, this.#flags)})`
      default: {
        const masked = field.flags === undefined ? '' : `, M[${quoted(filterName(structure, field.field))}]`
        return `number(${name}, ${place}, ${size}${masked})`
      }
    }
  }
}

function fieldOf(structure: string, field: string): string {
  return `F[${quoted(filterName(structure, field))}]`
}
