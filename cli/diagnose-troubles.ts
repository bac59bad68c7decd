import type { CaptureTrouble, FileReport } from '../capture/files/reading-report.js'
import { printable } from '../diagnosis/output/printable.js'
import { counted } from '../lab/finding.js'
import { EXIT_COULD_NOT_RUN, fail, log } from './output.js'

/** Lines of stderr for one file. */
const LINES_MAX = 3

/** Ends the command where nothing could be read at all. @throws CliError */
export function endUnreadable(files: readonly FileReport[]): void {
  if (files.some(({ frames }) => frames > 0)) return
  const troubles = files.flatMap(({ troubles }) => troubles.slice(0, 1))
  fail(troubles.map(troubleText).join('; '))
}

/** Says what could not be read, where; whatever else came out, the command did not do all that was asked. */
export function tellTroubles(files: readonly FileReport[]): void {
  for (const { file, troubles, moreTroubles } of files) {
    for (const trouble of troubles.slice(0, LINES_MAX)) log(`mqlab: ${troubleText(trouble)}`)
    const more = Math.max(0, troubles.length - LINES_MAX) + moreTroubles
    if (more > 0) log(`mqlab: ${nameOf(file)}: ${counted(more, 'more place')} that could not be read`)
    if (troubles.length > 0) process.exitCode = EXIT_COULD_NOT_RUN
  }
}

function troubleText({ file, kind, offset, what }: CaptureTrouble): string {
  const where = isOfAll(kind) ? '' : ` at byte ${offset}`
  return `${nameOf(file)}: ${kind}${where}: ${printable(what)}`
}

/** Whether such a trouble is of a whole file, and not of a place in it. */
export function isOfAll(kind: CaptureTrouble['kind']): boolean {
  return kind === 'unreadable' || kind === 'empty' || kind === 'foreign'
}

const nameOf = (file: string) => (file === '-' ? 'standard input' : printable(file))
