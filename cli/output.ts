/**
 * What every command says, and where: data on stdout, progress and complaints on stderr, exit codes 0, 1 and 2.
 */
import { styleText } from 'node:util'

export const EXIT_AS_EXPECTED = 0
/** The command ran, and what it saw was not as expected: findings, a verdict. */
export const EXIT_NOT_AS_EXPECTED = 1
/** The command could not run: bad input, no such file, no port. */
export const EXIT_COULD_NOT_RUN = 2

/** A command's end by its own decision. The message is printed as one line after `mqlab: `, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(line: string, exitCode: number = EXIT_COULD_NOT_RUN, options?: ErrorOptions) {
    super(line, options)
    this.exitCode = exitCode
  }
}

/**
 * Ends the command with exit code 2 and one line: what is wrong, where (file, line, field), what is allowed, the remedy.
 * @throws {CliError} always
 */
export function fail(line: string, options?: ErrorOptions): never {
  throw new CliError(line, EXIT_COULD_NOT_RUN, options)
}

/** One JSON value on one line of stdout. Resolves once more can be written, so that a slow reader holds us back. */
export function writeJson(value: unknown): Promise<void> {
  return writeText(`${JSON.stringify(value)}\n`)
}

/** Text on stdout, exactly as given. Resolves once more can be written. */
export function writeText(text: string): Promise<void> {
  if (process.stdout.write(text) || process.stdout.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      process.stdout.off('drain', done)
      process.stdout.off('close', done)
      resolve()
    }
    process.stdout.on('drain', done)
    process.stdout.on('close', done)
  })
}

export type Style = Parameters<typeof styleText>[0]

/** `text` in a style such as 'red' or 'bold' where `stream` is a terminal that can show it; NO_COLOR is heeded. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream })
}

export type Cell = string | number | bigint | boolean | null | undefined

/**
 * Rows as aligned text, two spaces between columns, without trailing blanks, ending in a line break. Numbers are set to
 * the right with thousands separated, null and undefined are `-`. With `header`, its names come first.
 */
export function table(rows: readonly (readonly Cell[])[], header?: readonly string[]): string {
  const body = rows.map(row => row.map(cell => ({ text: cellText(cell), right: isNumber(cell) })))
  const head = header?.map((text, column) => ({ text, right: body.some(row => row[column]?.right === true) }))
  const all = head === undefined ? body : [head, ...body]
  const widths: number[] = []
  for (const row of all) {
    for (const [column, { text }] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, shownWidth(text))
  }
  return all
    .map(row => {
      const line = row.map(({ text, right }, column) => {
        const blanks = ' '.repeat((widths[column] ?? 0) - shownWidth(text))
        return right ? blanks + text : text + blanks
      })
      return `${line.join('  ').trimEnd()}\n`
    })
    .join('')
}

const isNumber = (cell: Cell): cell is number | bigint => typeof cell === 'number' || typeof cell === 'bigint'

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '-'
  return isNumber(cell) ? cell.toLocaleString('en-US') : String(cell)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour is a control character
const COLOUR = /\u001b\[[0-9;]*m/g

/** Columns on the screen: colours take none. */
const shownWidth = (text: string) => [...text.replace(COLOUR, '')].length

/** Off a terminal, progress is for a log: a line now and then. */
const PROGRESS_LOG_INTERVAL_MS = 5_000
const ERASE_LINE = '\r\u001b[K'

let progressShown = false
let progressLoggedAtMs = Number.NEGATIVE_INFINITY

/** Says on stderr how far things are: rewrites one line on a terminal, writes at most a line each 5 s elsewhere. */
export function progress(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(ERASE_LINE + text.slice(0, (process.stderr.columns ?? 80) - 1))
    progressShown = true
    return
  }
  const nowMs = performance.now()
  if (nowMs - progressLoggedAtMs < PROGRESS_LOG_INTERVAL_MS) return
  progressLoggedAtMs = nowMs
  process.stderr.write(`${text}\n`)
}

/** Takes the progress line off the terminal. Call it before other output. */
export function progressDone(): void {
  if (progressShown) process.stderr.write(ERASE_LINE)
  progressShown = false
}

/** A line for people on stderr. */
export function log(line: string): void {
  progressDone()
  process.stderr.write(`${line}\n`)
}
