import { isIP } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { FINDING_KINDS, type FindingKindId } from '../diagnosis/finding-kinds.js'
import { type FollowTarget, parseFollowTarget } from '../diagnosis/output/followed-connection.js'
import { type JourneyTarget, parseJourneyTarget } from '../diagnosis/output/journey-target.js'
import { nearestName } from '../lab/nearest-name.js'

/** Thirty years: further off no calendar need go, whenever the capture was made. */
const SINCE_S_MAX = 1e9

/** A moment, or a time since the first frame. */
export type CaptureMoment = { readonly utcUs: number } | { readonly sinceUs: number }

/** `2026-11-22T13:25:19.5Z`, a date alone, or `+12.5` seconds since the first frame. @throws InvalidArgumentError */
export function captureMoment(text: string): CaptureMoment {
  const [, seconds] = /^\+(\d+(?:\.\d+)?)\s*s?$/.exec(text) ?? []
  if (seconds !== undefined && Number(seconds) <= SINCE_S_MAX) return { sinceUs: Number(seconds) * 1e6 }
  const [, day, time = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const ms =
    day === undefined ? Number.NaN : Date.parse(time === '' ? `${day}T00:00:00${zone}` : `${day}T${time}${zone}`)
  if (Number.isNaN(ms))
    throw new InvalidArgumentError(
      '2026-11-22T13:25:19.5Z (UTC if no zone is given), or +12.5: seconds since the first frame, at most 1000000000',
    )
  return { utcUs: ms * 1000 + microsecondsOf(time) }
}

/** What Date leaves out. */
function microsecondsOf(time: string): number {
  const [, fraction = ''] = /\.\d{3}(\d{1,3})/.exec(time) ?? []
  return Number(fraction.padEnd(3, '0'))
}

/** @throws InvalidArgumentError */
export function followTarget(text: string): FollowTarget {
  const target = parseFollowTarget(text)
  if (target === null)
    throw new InvalidArgumentError(
      'the number of a connection (tcp.stream in Wireshark), or 10.0.0.7:49152-10.0.0.5:1801',
    )
  return target
}

/** @throws InvalidArgumentError */
export function journeyTarget(text: string): JourneyTarget {
  const target = parseJourneyTarget(text)
  if (target === null)
    throw new InvalidArgumentError(
      'QMID\\number, a number alone if one machine used it, or 5f620480:00000001#9: SEQUENCE#number',
    )
  return target
}

/** One more of those given before. @throws InvalidArgumentError */
export function findingId(text: string, before: readonly FindingKindId[] = []): readonly FindingKindId[] {
  const known = Object.keys(FINDING_KINDS)
  if (!known.includes(text)) {
    const near = nearestName(text, known)
    throw new InvalidArgumentError(
      near === null ? 'there is no such finding' : `did you mean ${near}? mqlab diagnose --help lists them`,
    )
  }
  return [...before, text as FindingKindId]
}

/** An address, a QMId or a computer name. @throws InvalidArgumentError */
export function hostName(text: string, before: readonly string[] = []): readonly string[] {
  const isName = isIP(text) !== 0 || /^\{?[0-9a-z][0-9a-z_.-]*\}?$/i.test(text)
  if (!isName) throw new InvalidArgumentError('an address, a QMId or a computer name')
  return [...before, text]
}

/** @throws InvalidArgumentError */
export function instanceLimit(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000) throw new InvalidArgumentError('1 to 1000000')
  return value
}
