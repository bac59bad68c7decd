import type { MachineEnd } from './seen-message.js'

/** The QMId decides; where clones share one, or no packet told it, the address does. */
export function isSameMachine(a: MachineEnd, b: MachineEnd): boolean {
  if (a.qmId !== null && b.qmId !== null && a.qmId !== b.qmId) return false
  return a.address === b.address
}

/** What evidence names a machine by: its QMId, or its address where none is known. */
export function machineId({ qmId, address }: MachineEnd): string {
  return qmId ?? address
}
