import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from './log-levels.js'
import type { Style } from './output.js'
import { styled } from './output.js'

/* The structured log of `mqlab qm` and `mqlab nlb` on stderr: JSON lines for programs, one readable line each on a terminal. */

/** What waits while nobody reads stderr; more is dropped, for nobody must stop because of its log. */
const WAITING_BYTES_MAX = 1_048_576

export interface QmLog {
  readonly logger: Logger
  /** Writes what is left, before the process is ended in the midst of it; one that ends by itself writes all. */
  flush(): void
}

/** `of`: what each line of JSON names, such as `{qm: 'ALPHA'}`. */
export function createLog(level: LogLevel, of: { readonly qm: string } | { readonly nlb: string }): QmLog {
  const stderr = destination({ fd: 2, sync: false, maxLength: WAITING_BYTES_MAX })
  // A reader that is gone takes the log with it, not the queue manager.
  stderr.on('error', () => undefined)
  const out = process.stderr.isTTY ? readable(stderr) : stderr
  const options = { level, base: of, timestamp: stdTimeFunctions.isoTime, formatters: { level: levelName } }
  return {
    logger: pino(options, out),
    flush() {
      try {
        stderr.flushSync()
      } catch {
        // Nobody reads.
      }
    },
  }
}

const levelName = (label: string) => ({ level: label })

function readable(stream: DestinationStream): DestinationStream {
  return {
    write: line => {
      stream.write(readableLine(line, (style, text) => styled(style, text, process.stderr)))
    },
  }
}

const LEVEL_STYLES: Readonly<Record<string, Style>> = { warn: 'yellow', error: 'red', fatal: 'red' }

/** A JSON line of the log as people read it: `12:34:56.789 warn  what happened  name=value …`. The event's name is for
 *  programs, and what is null is not there. */
export function readableLine(json: string, style: (style: Style, text: string) => string): string {
  const { level, time, msg, qm, nlb, event, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = String(time).slice('2000-01-01T'.length, -1)
  const name = String(level)
  const shown = name in LEVEL_STYLES ? style(LEVEL_STYLES[name]!, name.padEnd(5)) : name.padEnd(5)
  const details = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([field, value]) => `  ${style('dim', `${field}=`)}${valueText(value)}`)
  return `${style('dim', clock)} ${shown} ${msg === undefined ? '' : printable(String(msg))}${details.join('')}\n`
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && value !== '' && !/[\s"=]/.test(value)) return printable(value)
  return printable(JSON.stringify(value) ?? 'undefined')
}

/** What a peer chose must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, found => {
    return `\\u${found.codePointAt(0)!.toString(16).padStart(4, '0')}`
  })
}
