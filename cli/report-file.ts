import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes sure before a long job that what it writes will have a place: folders made, file there. */
export function reportFile(file: string): void {
  makeFolder(dirname(file))
  writeFileSync(file, '', { flag: 'a' })
}

/** One folder after the other: mkdir's own recursion does not come back where a parent refuses children, as /proc does. */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder)
}
