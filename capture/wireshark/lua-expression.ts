import { type Expression, flagMasks, type Operator } from '../../protocol/binary/layout.js'
import type { LayoutContents } from './filter-names.js'

/* Expressions of layouts as Lua that both 5.2 and 5.4 understand alike: no operators on bits, no integer division. */

/** Where a flag stands: the word's full name, and the bits. */
interface FlagPlace {
  readonly field: string
  readonly mask: number
}

export type FlagPlaces = ReadonlyMap<string, FlagPlace>

/** By full name, such as `UserHeader.Flags.TH`. */
export function flagPlaces({ fields }: LayoutContents): FlagPlaces {
  const places = new Map<string, FlagPlace>()
  for (const { structure, field } of fields) {
    const name = `${structure.structure}.${field.field}`
    for (const [flag, mask] of flagMasks(field.flags ?? {})) places.set(`${name}.${flag}`, { field: name, mask })
  }
  return places
}

const COMPARISONS: Partial<Record<Operator, string>> = { '=': '==', '<': '<', '>': '>', and: 'and', or: 'or' }
const SUMS: Partial<Record<Operator, string>> = { '+': '+', '-': '-', '*': '*' }

/** Lua that yields a number. */
export function luaNumber(expression: Expression, flags: FlagPlaces): string {
  if (typeof expression === 'number') return String(expression)
  if (typeof expression === 'string') {
    const flag = flags.get(expression)
    return flag === undefined ? `number_of(${key(expression)})` : bitsOf(`number_of(${quoted(flag.field)})`, flag.mask)
  }
  if (expression[0] === 'is' || expression[0] === 'endsWith') return `(${luaCondition(expression, flags)} and 1 or 0)`
  const [operator, ...operands] = expression
  const sum = SUMS[operator]
  if (sum !== undefined) return `(${operands.map(operand => luaNumber(operand, flags)).join(` ${sum} `)})`
  const [operand = 0] = operands
  switch (operator) {
    case 'left':
      return '(limit - at)'
    case 'limit':
      return 'limit'
    case 'given':
      return 'given'
    case 'offset':
      return `(offsets[${key(String(operand))}] or 0)`
    case 'size':
      return `(sizes[${key(String(operand))}] or 0)`
    case 'peek32':
      return `peek32(${luaNumber(operand, flags)})`
    case 'nullWithin':
      return `null_within(${luaNumber(operand, flags)})`
    default:
      return `(${luaCondition(expression, flags)} and 1 or 0)`
  }
}

/** Lua that yields true or false. */
export function luaCondition(expression: Expression, flags: FlagPlaces): string {
  if (typeof expression === 'number' || typeof expression === 'string') return `${luaNumber(expression, flags)} ~= 0`
  if (expression[0] === 'is') return `values[${key(expression[1])}] == ${quoted(expression[2])}`
  if (expression[0] === 'endsWith') return `ends_with(values[${key(expression[1])}], ${quoted(expression[2])})`
  const [operator, ...operands] = expression
  const [first = 0, second = 0] = operands
  const comparison = COMPARISONS[operator]
  if (operator === 'and' || operator === 'or') {
    return `(${operands.map(operand => luaCondition(operand, flags)).join(` ${operator} `)})`
  }
  if (comparison !== undefined) return `${luaNumber(first, flags)} ${comparison} ${luaNumber(second, flags)}`
  switch (operator) {
    case 'not':
      return `not (${luaCondition(first, flags)})`
    case 'in': {
      const number = luaNumber(first, flags)
      return `is_one_of(${[number, ...operands.slice(1).map(operand => luaNumber(operand, flags))].join(', ')})`
    }
    case 'bits': {
      if (typeof first !== 'number') throw new RangeError('a mask is a constant')
      const number = luaNumber(second, flags)
      return `(${runsOf(first)
        .map(run => `${bitsOf(number, run)} ~= 0`)
        .join(' or ')})`
    }
    case 'sid':
      return `is_sid(${luaNumber(first, flags)})`
    default:
      return `${luaNumber(expression, flags)} ~= 0`
  }
}

/** One field of a flags word, shifted down. */
function bitsOf(number: string, mask: number): string {
  const low = lowestBit(mask)
  const shifted = low === 1 ? number : `floor(${number} / ${low})`
  return `(${shifted} % ${mask / low + 1})`
}

/** The mask in pieces without gaps. */
function runsOf(mask: number): number[] {
  const runs: number[] = []
  let rest = mask
  while (rest > 0) {
    const low = lowestBit(rest)
    let run = 0
    for (let bit = low; Math.floor(rest / bit) % 2 === 1; bit *= 2) run += bit
    runs.push(run)
    rest -= run
  }
  return runs
}

function lowestBit(mask: number): number {
  return (mask & -mask) >>> 0
}

/** A field's name as the tables of the dissector have it: turns of a loop are not told apart. */
function key(name: string): string {
  return quoted(name.replace('#.', ''))
}

/** A text as Lua writes it. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`
}
