import type { EventOf, LabEvent } from '../history.js'
import { FAULT_TEXTS } from '../journey-text.js'

/**
 * What befell machines, by time: each fault, and each recovery of a machine that a fault had befallen. When a run heals,
 * it makes all well, also what was. Stands alone but for `FAULT_TEXTS`: the report's script has it too.
 */
export function runFaults(events: readonly LabEvent[]): (EventOf<'fault'> | EventOf<'injected'>)[] {
  const struck = new Set<string>()
  return events.filter(event => {
    if (event.kind === 'injected') return true
    if (event.kind !== 'fault') return false
    if (!FAULT_TEXTS[event.fault].isGood) struck.add(event.node)
    return struck.has(event.node)
  }) as (EventOf<'fault'> | EventOf<'injected'>)[]
}
