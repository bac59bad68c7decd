import { EncodeError } from '../errors.js'
import { type Guid, isGuid } from '../guid.js'
import type { TxSequenceId } from '../sequence-id.js'
import type { SrmpMessageId, StreamId } from './message.js'

/* Values as elements hold them. What is read is null when the text is no such value. Source: [MC-MQSRM] 2.2.1, 2.2.4.3,
 * 2.2.5.3.1, 2.2.6.5. */

export const U32_MAX = 0xffffffff
const U64_MAX = 0xffff_ffff_ffff_ffffn
const U64_DIGITS_MAX = 20
const SAFE_DIGITS_MAX = 15
const ZERO = 0x30
const NINE = 0x39

/** Taken off both ends of an element's text. */
export function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}

function areDigits(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const unit = text.charCodeAt(i)
    if (unit < ZERO || unit > NINE) return false
  }
  return to > from
}

/** An xs:unsignedLong that is not above `max`, which fits a double. */
export function readNumber(text: string, max: number): number | null {
  if (!areDigits(text, 0, text.length)) return null
  const digits = withoutLeadingZeros(text)
  if (digits.length > SAFE_DIGITS_MAX) return null
  const value = Number(digits)
  return value <= max ? value : null
}

function withoutLeadingZeros(digits: string): string {
  let start = 0
  while (start < digits.length - 1 && digits.charCodeAt(start) === ZERO) start++
  return digits.slice(start)
}

/** An xs:unsignedLong of 64 bits as a sequence identifier, TimeStamp high. */
function readSequence(text: string): TxSequenceId | null {
  if (!areDigits(text, 0, text.length)) return null
  const digits = withoutLeadingZeros(text)
  if (digits.length > U64_DIGITS_MAX) return null
  const value = BigInt(digits)
  if (value > U64_MAX) return null
  return { ordinal: Number(value & 0xffff_ffffn), timeStamp: Number(value >> 32n) }
}

export function sequenceNumberText({ ordinal, timeStamp }: TxSequenceId): string {
  return ((BigInt(timeStamp) << 32n) | BigInt(ordinal)).toString()
}

export function readGuid(text: string): Guid | null {
  return isGuid(text) ? detached(text).toLowerCase() : null
}

const detachedTexts = new Map<string, string>()
const DETACHED_TEXTS_MAX = 1024
const DETACHED_LENGTH_MAX = 256

/** The same text, without a hold on the envelope that it was cut from: a name that is kept would keep a megabyte. The few
 *  names that are met again and again are the same strings. */
export function detached(text: string): string {
  const known = detachedTexts.get(text)
  if (known !== undefined) return known
  const copy = Buffer.from(text).toString()
  if (copy.length <= DETACHED_LENGTH_MAX) {
    if (detachedTexts.size >= DETACHED_TEXTS_MAX) detachedTexts.clear()
    detachedTexts.set(copy, copy)
  }
  return copy
}

/** `uuid:index@guid`. */
export function readMessageId(text: string): SrmpMessageId | null {
  const at = text.indexOf('@')
  if (at < 0 || !text.startsWith('uuid:')) return null
  const index = readNumber(text.slice('uuid:'.length, at), U32_MAX)
  const guid = readGuid(text.slice(at + 1))
  return index === null || guid === null ? null : { index, guid }
}

export function messageIdText({ index, guid }: SrmpMessageId): string {
  return `uuid:${index}@${guid}`
}

/** `uid:guid\number`. */
export function readStreamId(text: string): StreamId | null {
  const at = text.indexOf('\\')
  if (at < 0 || !text.startsWith('uid:')) return null
  const guid = readGuid(text.slice('uid:'.length, at))
  const sequence = readSequence(text.slice(at + 1))
  return guid === null || sequence === null ? null : { guid, sequence }
}

export function streamIdText({ guid, sequence }: StreamId): string {
  return `uid:${guid}\\${sequenceNumberText(sequence)}`
}

const DATE_LENGTH = 'YYYYMMDDThhmmss'.length
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** `YYYYMMDDThhmmss`, in seconds since 1970 UTC; null also for days that do not exist and years before 1970. */
export function readDate(text: string): number | null {
  if (text.length !== DATE_LENGTH || text[8] !== 'T' || !areDigits(text, 0, 8) || !areDigits(text, 9, 15)) return null
  const year = Number(text.slice(0, 4))
  const month = Number(text.slice(4, 6))
  const day = Number(text.slice(6, 8))
  const hour = Number(text.slice(9, 11))
  const minute = Number(text.slice(11, 13))
  const second = Number(text.slice(13, 15))
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return null
  if (hour > 23 || minute > 59 || second > 59) return null
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000
}

function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && isLeap ? 29 : DAYS[month - 1]!
}

const LAST_DATE_S = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000

/** `MSMQ_ENCODE_SRMP_DATE` outside of 1970 to 9999. */
export function dateText(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > LAST_DATE_S) {
    throw new EncodeError('MSMQ_ENCODE_SRMP_DATE', 'Envelope', 'date', `${seconds} s are no moment from 1970 to 9999`)
  }
  const iso = new Date(seconds * 1000).toISOString()
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}`
}

const CORRELATION_SIZE = 20
const CORRELATION_BASE64 = /^[A-Za-z0-9+/]{27}=$/

/** 20 bytes in base64; white space inside is not counted. */
export function readCorrelation(text: string): Buffer | null {
  const digits = text.length > 28 ? text.replace(/[ \t\r\n]/g, '') : text
  if (!CORRELATION_BASE64.test(digits)) return null
  const bytes = Buffer.from(digits, 'base64')
  return bytes.length === CORRELATION_SIZE ? bytes : null
}

/** Text as element content. Characters that XML 1.0 has no room for become U+FFFD, as lone surrogates do in UTF-8. */
export function escaped(text: string): string {
  for (let i = 0; i < text.length; i++) if (isSpecial(text.charCodeAt(i))) return escapedFrom(text, i)
  return text
}

function isSpecial(unit: number): boolean {
  if (unit >= 0x40) return unit >= 0xfffe
  return unit === 0x26 || unit === 0x3c || unit === 0x3e || (unit < 0x20 && unit !== 0x09 && unit !== 0x0a)
}

function escapedFrom(text: string, first: number): string {
  let result = text.slice(0, first)
  for (let i = first; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    result += isSpecial(unit) ? escapeOf(unit) : text[i]!
  }
  return result
}

function escapeOf(unit: number): string {
  switch (unit) {
    case 0x26:
      return '&amp;'
    case 0x3c:
      return '&lt;'
    case 0x3e:
      return '&gt;'
    // A bare one would be read as the end of a line.
    case 0x0d:
      return '&#13;'
    default:
      return '\ufffd'
  }
}
