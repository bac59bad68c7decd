import { type Finding, finding } from './finding.js'
import { addressFindings } from './lint-addresses.js'
import { machineFindings } from './lint-machines.js'
import { receiptFindings } from './lint-receipts.js'
import { ruleFindings } from './lint-rules.js'
import { Machine, type MachineNames } from './machine.js'
import type { Mapping } from './mapping.js'

/** One machine's files, in the order in which they count, and what is known of the machine. */
export interface LintedMachine {
  readonly mappings: readonly Mapping[]
  readonly names: MachineNames
}

/** Everything that is wrong with mapping files, by file in the order given, then by line. Pure, and linear but for wildcards. */
export function lintMappings(machines: readonly LintedMachine[]): Finding[] {
  const everybody = machines.flatMap(({ mappings }) => mappings)
  const known = machines.map(({ mappings, names }) => ({ mappings, machine: new Machine(names) }))
  const findings = known.flatMap(({ mappings, machine }) => [
    ...mappings.flatMap(mapping => [
      ...mapping.faults.map(({ id, reason, remedy, ...place }) => finding(id, place, reason, remedy)),
      ...addressFindings(mapping, machine),
    ]),
    ...ruleFindings(mappings, machine),
    ...receiptFindings(mappings, everybody, machine),
  ])
  const order = new Map(everybody.map(({ file }, index) => [file, index]))
  return [...findings, ...machineFindings(known)].sort(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  )
}
