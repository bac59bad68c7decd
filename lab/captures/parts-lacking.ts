import { basename } from 'node:path'
import type { FileReport } from '../../capture/files/reading-report.js'
import { counted } from '../finding.js'

/**
 * What a capture lacks of its run, a clause for each part of it: what could not be read of it, whole parts, and packets
 * that nobody captured.
 * @param machines those that had to write a part of their own: `NAME-…`
 * @param parts what came of those that are there
 */
export function partsLacking(
  machines: readonly string[],
  parts: readonly FileReport[],
  droppedOf: (part: string) => number,
): string[] {
  const names = parts.map(({ file }) => basename(file))
  const without = [...new Set(machines)].filter(machine => !names.some(name => ofMachine(name) === machine))
  return [
    ...without.map(machine => `nothing of what ${machine} recorded is there`),
    ...parts.flatMap(({ file, format, troubles }) => {
      const [first] = troubles
      // a machine that did nothing
      if (first === undefined || (first.kind === 'empty' && format !== null)) return []
      return [`what ${ofMachine(basename(file))} recorded is ${first.kind} at byte ${first.offset} (${first.what})`]
    }),
    ...parts.flatMap(({ file }) => {
      const dropped = droppedOf(file)
      return dropped === 0 ? [] : [`tcpdump dropped ${counted(dropped, 'packet')} of ${ofMachine(basename(file))}`]
    }),
  ]
}

/** `R1-4711-0.pcapng`, one for each of its lives, or `R1.pcap`. */
const ofMachine = (part: string) => part.replace(/(?:-\d+-\d+)?\.pcapng$|\.pcap$/, '')
