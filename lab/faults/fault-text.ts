import type { ScenarioFault } from './fault-schema.js'

/** A fault as one line of a scenario file: `{ drop: order-ack, to: S1, nth: 2 }`. */
export function faultText(fault: ScenarioFault): string {
  const words = Object.entries(fault).filter(([key, value]) => value !== undefined && !isDefault(key, value))
  return flowText(Object.fromEntries(words))
}

const isDefault = (key: string, value: unknown) => key === 'onceAcknowledged' && value === false

function flowText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? flowText(value[0]) : `[${value.map(flowText).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return `{ ${entries.map(([key, each]) => `${key}: ${flowText(each)}`).join(', ')} }`
}
