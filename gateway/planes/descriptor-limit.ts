import { readFileSync } from 'node:fs'

/** Left for the process's other needs: standard streams, the event loop, listeners, logs, a channel to the lab. */
const DESCRIPTORS_RESERVED = 64

/**
 * How many connections a proxy can carry before the process runs out of descriptors, or infinity where the system does
 * not tell (no /proc). Past that limit node:net drops connections without a word; a count of our own can be reported.
 */
export function connectionsWithinDescriptors(perConnection = 2): number {
  let limits: string
  try {
    limits = readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return Number.POSITIVE_INFINITY
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  if (soft === undefined) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((Number(soft) - DESCRIPTORS_RESERVED) / perConnection))
}
