import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, openSync, realpathSync, renameSync, rmSync, type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What a folder answers that takes no new files; anything else, as a full disk, would be met in place, too. */
const TAKES_NO_FILES: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS'])

/**
 * A file that is there under its name only when all of it is written: it lies beside it until then, and what was there stays.
 * What is no plain file, as a pipe, or was mounted by itself, or lies in a folder that takes no new files, is written in place.
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
    this.path = isPlain ? draftBeside(this.#target, before) : file
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

function draftBeside(target: string, before: Stats | undefined): string {
  const folder = dirname(target)
  // a file that a container was given, say: nothing can take its place
  if (before !== undefined && before.dev !== statSync(folder).dev) return target
  const draft = join(folder, `.mqlab-${randomBytes(6).toString('hex')}.part`)
  try {
    const descriptor = openSync(draft, 'wx')
    // what openSync is given is only what the umask leaves of it
    if (before !== undefined) fchmodSync(descriptor, before.mode & 0o7777)
    closeSync(descriptor)
    return draft
  } catch (error) {
    if (before === undefined || !TAKES_NO_FILES.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    return target
  }
}
