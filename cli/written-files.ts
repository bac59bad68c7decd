import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { WholeFile } from '../lab/whole-file.js'
import { beforeSignalEnds } from './ended-by-signal.js'
import { makeFolder } from './report-file.js'

/** Files that a command has been asked for: there when it is done, and not a trace of those that it did not write. */
export class WrittenFiles {
  readonly #files = new Map<string, WholeFile>()
  readonly #stopWatching: () => void

  /**
   * Makes sure that each can be written, folders made.
   * @param files undefined and `-`, standard output, are none
   * @throws the system's error
   */
  constructor(files: readonly (string | undefined)[]) {
    this.#stopWatching = beforeSignalEnds(() => this.close())
    try {
      for (const file of files) {
        if (file === undefined || file === '-') continue
        makeFolder(dirname(file))
        this.#files.set(file, new WholeFile(file))
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Where to write it, until it is kept. */
  pathOf(file: string): string {
    return this.#files.get(file)?.path ?? file
  }

  write(file: string, text: string): void {
    try {
      writeFileSync(this.pathOf(file), text)
    } catch (error) {
      // the system does not say which, once it is open
      throw Object.assign(error as Error, { path: file })
    }
    this.keep(file)
  }

  keep(file: string): void {
    this.#files.get(file)?.keep()
  }

  close(): void {
    this.#stopWatching()
    for (const file of this.#files.values()) file.discard()
  }
}
