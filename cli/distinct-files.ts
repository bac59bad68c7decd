import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail } from './output.js'

/** A file that a command uses. */
export interface UsedFile {
  /** As it was given; undefined: none. */
  readonly file: string | undefined
  /** To a person: `the scenario`; of one that is written its flag, `--report`. */
  readonly what: string
}

/**
 * What is written over before it is read, or by the next of them, is lost. None of what is written is for standard output.
 * @throws {CliError} for the first that would be
 */
export function checkDistinct(read: readonly UsedFile[], written: readonly UsedFile[]): void {
  const taken = new Map<string, string>()
  for (const { file, what } of read) {
    const at = placeOf(file)
    if (at !== null) taken.set(at, what)
  }
  for (const { file, what } of written) {
    if (file === '-') fail(`${what} -: it is not written to standard output; give ${what} a file`)
    const at = placeOf(file)
    if (at === null) continue
    const other = taken.get(at)
    if (other !== undefined) fail(`${what} ${file}: it is ${other}, which would be written over; name another file`)
    taken.set(at, `the file of ${what}`)
  }
}

/** The same for every name of a file; null: none, or a pipe or a device, where nothing is lost. */
function placeOf(file: string | undefined): string | null {
  if (file === undefined) return null
  const found = statSync(file, { throwIfNoEntry: false, bigint: true })
  if (found === undefined) return resolve(file)
  return found.isFile() ? `${found.dev}:${found.ino}` : null
}
