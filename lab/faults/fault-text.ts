import type { ScenarioFault } from './fault-schema.js'

/** What stands behind what the fault is about, in this order. */
const ORDER = [
  ...['with', 'before', 'after', 'between', 'byS', 'offset', 'message', 'of', 'class', 'sequence', 'number'],
  ...['at', 'from', 'to', 'nth', 'every', 'atS', 'fromS', 'forS', 'onceAcknowledged', 'drain', 'backAfterS'],
]

/** A fault as one line of a scenario file: `{ drop: order-ack, to: S1, nth: 2 }`. */
export function faultText(fault: ScenarioFault): string {
  const words = Object.entries(fault)
    .filter(([key, value]) => value !== undefined && !isDefault(key, value))
    .sort(([one], [other]) => ORDER.indexOf(one) - ORDER.indexOf(other))
  return flowText(Object.fromEntries(words))
}

const isDefault = (key: string, value: unknown) => key === 'onceAcknowledged' && value === false

function flowText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? flowText(value[0]) : `[${value.map(flowText).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return `{ ${entries.map(([key, each]) => `${key}: ${flowText(each)}`).join(', ')} }`
}
