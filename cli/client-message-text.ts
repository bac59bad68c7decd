import type { Message } from '../control/client.js'
import { styled } from './output.js'

/* Messages for people and for scripts. */

export type BodyFormat = 'text' | 'hex' | 'raw'

/** VARIANT types of text in UTF-16. */
const WIDE_TEXT_TYPES: ReadonlySet<number> = new Set([8, 31])
const PREVIEW_BYTES_MAX = 2000
const HEX_ROW_BYTES = 16
const COLUMNS_WITHOUT_TERMINAL = 100

/** The body as text, or null when it is none. */
export function bodyText({ body, bodyType }: Message): string | null {
  if (WIDE_TEXT_TYPES.has(bodyType)) return printable(body.toString('utf16le').replace(/\0+$/, ''))
  try {
    return printable(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return null
  }
}

function printable(text: string): string | null {
  return /^[^\p{Cc}\p{Co}\p{Cn}]*$/u.test(text.replace(/[\t\r\n]/g, '')) ? text : null
}

/** One object: times in ISO 8601, the body as `text`, or where it is none as base64; `body` asks for one form. */
export function messageJson(message: Message, queue: string, format: BodyFormat | undefined): Record<string, unknown> {
  const { body, extension, http, sentTime, arrivedTime, ...rest } = message
  const text = format === undefined || format === 'text' ? bodyText(message) : null
  return {
    queue,
    ...rest,
    sentTime: sentTime.toISOString(),
    arrivedTime: arrivedTime.toISOString(),
    bodyBytes: body.length,
    ...(text !== null
      ? { text }
      : format === 'hex'
        ? { bodyHex: body.toString('hex') }
        : { body: body.toString('base64') }),
    ...(extension.length > 0 && { extension: extension.toString('base64') }),
    ...(http !== null && { http: { ...http, compoundMessage: http.compoundMessage.toString('base64') } }),
  }
}

/** Everything about a message that is worth saying, and its body. */
export function messageText(message: Message, format: BodyFormat, nowMs: number): string {
  const rows: [string, string | null][] = [
    ['label', message.label === '' ? null : message.label],
    ['id', message.id],
    ['class', message.classCode === 0 ? null : message.class],
    ['sent', `${message.sentTime.toISOString()} (${age(nowMs - message.sentTime.getTime())} ago)`],
    ['arrived', `${message.arrivedTime.toISOString()} (${age(nowMs - message.arrivedTime.getTime())} ago)`],
    ['delivery', `${message.delivery}, priority ${message.priority}`],
    ['to', message.destination],
    ['correlation', message.correlationId],
    ['response to', message.responseQueue],
    ['acks to', message.adminQueue],
    ['acks wanted', message.acknowledgements.length === 0 ? null : message.acknowledgements.join(', ')],
    ['journal', journalText(message)],
    ['to be received', message.timeToBeReceivedS === null ? null : `within ${age(message.timeToBeReceivedS * 1000)}`],
    ['transaction', message.transaction === null ? null : transactionText(message.transaction)],
    ['application tag', message.applicationTag === 0 ? null : String(message.applicationTag)],
    ['sender', message.senderId === null ? null : message.senderId + (message.authenticated ? ', authenticated' : '')],
    ['encrypted', message.encrypted ? 'yes' : null],
    [
      'over HTTP',
      message.http === null ? null : `${message.http.compoundMessage.length.toLocaleString('en-US')} bytes`,
    ],
    [
      'aborts, moves',
      message.abortCount + message.moveCount === 0 ? null : `${message.abortCount}, ${message.moveCount}`,
    ],
    ['lookup id', String(message.lookupId)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const head = rows
    .filter((row): row is [string, string] => row[1] !== null)
    .map(([name, value]) => `${styled('dim', name.padEnd(width))}  ${oneLine(value)}\n`)
  const size = `${message.body.length.toLocaleString('en-US')} bytes${message.bodyType === 0 ? '' : `, type ${message.bodyType}`}`
  return `${head.join('')}${styled('dim', 'body'.padEnd(width))}  ${size}\n${bodyLines(message, format)}`
}

function journalText({ journalNegative, journalPositive }: Message): string | null {
  const wanted = [...(journalPositive ? ['journal'] : []), ...(journalNegative ? ['dead letter'] : [])]
  return wanted.length === 0 ? null : wanted.join(', ')
}

function transactionText({ first, last, number, sequence }: NonNullable<Message['transaction']>): string {
  const place = first && last ? 'alone in it' : first ? 'first of it' : last ? 'last of it' : 'inside it'
  return `${place}; number ${number} of sequence ${sequence}`
}

/** The body alone, ending in a line break if there is any. */
export function bodyLines(message: Message, format: BodyFormat): string {
  const text = format === 'text' ? bodyText(message) : null
  if (text !== null) return text === '' || text.endsWith('\n') ? text : `${text}\n`
  return hexDump(message.body)
}

/** Offsets, bytes and letters. */
function hexDump(bytes: Buffer): string {
  let dump = ''
  for (let at = 0; at < bytes.length; at += HEX_ROW_BYTES) {
    const row = bytes.subarray(at, at + HEX_ROW_BYTES)
    const hex = row
      .toString('hex')
      .replace(/../g, '$& ')
      .padEnd(HEX_ROW_BYTES * 3)
    dump += `${at.toString(16).padStart(6, '0')}  ${hex} ${row.toString('latin1').replace(/[^ -~]/g, '.')}\n`
  }
  return dump
}

/** The start of the body on one line. */
export function bodyPreview(message: Message): string {
  const head = { ...message, body: message.body.subarray(0, PREVIEW_BYTES_MAX) }
  const text = bodyText(message.body.length > PREVIEW_BYTES_MAX ? wholeCharacters(head) : head)
  if (text !== null) return oneLine(text)
  return `${message.body.subarray(0, 16).toString('hex')}${message.body.length > 16 ? '…' : ''}`
}

/** A cut may have gone through a character of UTF-8. */
function wholeCharacters(message: Message): Message {
  let end = message.body.length
  while (end > 0 && (message.body[end - 1]! & 0xc0) === 0x80) end -= 1
  return { ...message, body: message.body.subarray(0, Math.max(end - 1, 0)) }
}

/** Text from others on one line, without what a terminal would obey. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
}

/** `text` in so many columns, with a sign that some of it is missing. */
export function trimmed(text: string, columns: number): string {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(columns - 1, 0)).join('')}…`
}

export function terminalColumns(): number {
  return process.stdout.columns ?? COLUMNS_WITHOUT_TERMINAL
}

/** A time span in its largest unit, to two or three places: `3.2 s`, `12 min`, `2 d`. */
export function age(ms: number): string {
  const units: readonly [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ]
  for (const [unit, size] of units) {
    if (ms < size) continue
    const value = ms / size
    return `${value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)} ${unit}`
  }
  return `${Math.max(0, Math.floor(ms))} ms`
}

/** Bytes in the unit that fits. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`
  if (bytes < 1024 ** 3) return `${(bytes / 1024 / 1024).toFixed(1)} MB`
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`
}
