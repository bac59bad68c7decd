/** Why a finding about what a machine took over HTTP is not proven. */
export function passingOn(address: string): string {
  return `${address} acknowledged nothing in this capture: a front end that only passes messages on looks the same`
}

/** Why it is not proven who took something. */
export function unknownMachine(address: string): string {
  return `the capture does not show who answers at ${address}: its connection began before`
}

/** Why it is not proven that somebody took what reached it. */
export function unacknowledgedBy(name: string): string {
  return `${name} acknowledged it to nobody in this capture, and could take it when it came`
}
