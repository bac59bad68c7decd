import { randomBytes } from 'node:crypto'
import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * A file that is there under its name only when all of it is written: it lies beside it until then, and what was there stays.
 * What is no plain file, as a pipe, or lies in a folder that takes no new files, is written in place.
 */
export class WholeFile {
  /** Where to write. */
  readonly path: string
  /** What the name leads to. */
  readonly #target: string
  #isOpen = true

  /** Makes sure that it can be written. @throws the system's error */
  constructor(file: string) {
    const before = statSync(file, { throwIfNoEntry: false })
    // a pipe is not opened before there is something to write: its reader would take the end of that for the end
    const isPlain = before === undefined || before.isFile() || before.isDirectory()
    if (isPlain) closeSync(openSync(file, 'a'))
    this.#target = isPlain ? realpathSync(file) : file
    if (before === undefined) rmSync(this.#target)
    this.path = isPlain ? draftBeside(this.#target, before?.mode) : file
  }

  /** Whether what was written went straight to its place. */
  get isInPlace(): boolean {
    return this.path === this.#target
  }

  /** All is written: it takes its name. @throws the system's error */
  keep(): void {
    if (this.#isOpen && !this.isInPlace) renameSync(this.path, this.#target)
    this.#isOpen = false
  }

  /** Leaves no trace of it, unless it was kept. */
  discard(): void {
    if (this.#isOpen && !this.isInPlace) rmSync(this.path, { force: true })
    this.#isOpen = false
  }
}

function draftBeside(target: string, mode: number | undefined): string {
  const draft = join(dirname(target), `.mqlab-${randomBytes(6).toString('hex')}.part`)
  try {
    closeSync(openSync(draft, 'wx', mode))
    return draft
  } catch (error) {
    if (mode === undefined) throw error
    return target
  }
}
