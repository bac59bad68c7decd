import type { Link } from '../../transport/wire-tap.js'

/** Names of machines by address, in the order in which links are named by them. */
export type MachineNames = ReadonlyMap<string, readonly string[]>

/** `sender-1–nlb`: the same whoever of the two began. A machine that has no name has its address. */
export function linkName(ends: Link, names: MachineNames): string {
  const order = [...names.keys()]
  const placeOf = (address: string) => (names.has(address) ? order.indexOf(address) : order.length)
  return ends
    .toSorted((one, other) => placeOf(one) - placeOf(other) || (one < other ? -1 : 1))
    .map(address => names.get(address)?.[0] ?? address)
    .join('–')
}
