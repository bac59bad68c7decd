import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { MqlabError } from '../../protocol/errors.js'
import { EMPTY_MAPPING, type Mapping, type MappingFault, placeText } from './mapping.js'
import { MAPPING_LIMITS, readMapping } from './read-mapping.js'

/** The identifier of the event that Windows logs for a mapping file it ignores. */
export const MAPPING_IGNORED_EVENT_ID = 2156

/** A mapping file cannot be used, and was to be (`MSMQ_MAPPING_FILE`). The message names the place and what is wrong. */
export class MappingFileError extends MqlabError {
  readonly file: string

  constructor(file: string, what: string) {
    super('MSMQ_MAPPING_FILE', what, true)
    this.file = file
  }
}

/** One file that was looked at. */
export interface MappingFile {
  readonly mapping: Mapping
  /** Why it is not used: its first fault. */
  readonly ignored: MappingFault | null
}

/** Files larger than this are not read: in UTF-16 each letter takes two bytes. */
const BYTES_MAX = 2 * MAPPING_LIMITS.bytesMax + 2

/**
 * Reads mapping files: those named, and every file of the directories named, whatever it is called. The order is that of
 * `paths`; a directory's files come in the order of their names, without regard to case. Hidden files (`.name`) and
 * directories inside are passed over.
 * @throws the system's error when a path of `paths` is not there or is a directory that cannot be listed.
 */
export function readMappingFiles(paths: readonly string[]): MappingFile[] {
  return filesIn(paths).map(file => {
    const mapping = readFile(file)
    return { mapping, ignored: mapping.faults[0] ?? null }
  })
}

/** @throws {MappingFileError} for the first that is not used. */
export function refuseIgnored(files: readonly MappingFile[]): void {
  for (const { ignored } of files) {
    if (ignored === null) continue
    const { file, line, column, reason, remedy } = ignored
    throw new MappingFileError(file, `${placeText({ file, line, column })} ${reason}; ${remedy}`)
  }
}

export function filesIn(paths: readonly string[]): string[] {
  return paths.flatMap(path => {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path, { withFileTypes: true })
      .filter(entry => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => join(path, name))
      .sort(byName)
  })
}

/** As directories of Windows are listed. */
function byName(a: string, b: string): number {
  const [x, y] = [basename(a).toUpperCase(), basename(b).toUpperCase()]
  return x < y ? -1 : x > y ? 1 : a < b ? -1 : 1
}

function readFile(file: string): Mapping {
  try {
    const { size } = statSync(file)
    if (size <= BYTES_MAX) return readMapping(readFileSync(file), file)
    return unreadable(file, `${size} bytes, more than ${BYTES_MAX}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return unreadable(file, code)
  }
}

function unreadable(file: string, why: string): Mapping {
  const reason = `the file cannot be read (${why})`
  const fault: MappingFault = {
    id: 'unreadable',
    file,
    line: 1,
    column: 1,
    reason,
    remedy: 'let it be read, or take it away',
  }
  return { ...EMPTY_MAPPING, file, form: null, faults: [fault] }
}

/** Looks now and then whether files are as they were read. They take effect at the next start only. */
export class MappingWatch {
  readonly #paths: readonly string[]
  readonly #onChange: () => void
  readonly #timer: NodeJS.Timeout
  #state: string

  /** `onChange` is called once, at the first change of what `paths` hold. */
  constructor(paths: readonly string[], intervalMs: number, onChange: () => void) {
    this.#paths = paths
    this.#onChange = onChange
    this.#state = stateOf(paths)
    this.#timer = setInterval(() => this.#look(), intervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const state = stateOf(this.#paths)
    if (state === this.#state) return
    this.stop()
    this.#state = state
    this.#onChange()
  }
}

/** Names, sizes and times of the files; an error is a state too. */
function stateOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  try {
    for (const file of filesIn(paths)) {
      const { size, mtimeMs, ino } = statSync(file)
      hash.update(`${file}\n${size} ${mtimeMs} ${ino}\n`)
    }
  } catch (error) {
    hash.update(String((error as NodeJS.ErrnoException).code))
  }
  return hash.digest('hex')
}
