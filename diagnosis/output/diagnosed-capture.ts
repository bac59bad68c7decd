import type { FileReport } from '../../capture/files/reading-report.js'
import type { Translation } from '../balancer-sides.js'
import type { CaptureFinding } from '../finding.js'
import type { Machine } from './machines.js'

/** A capture that was read and judged: what every form of output is made from. */
export interface DiagnosedCapture {
  /** Of mqlab. */
  readonly version: string
  /** In the order of FrameRef's `fileIndex`. */
  readonly files: readonly FileReport[]
  /** Bytes of the files as they came, compressed or not. */
  readonly storedBytes: number
  /** Microseconds since 1970 of the earliest and the latest frame; null without one. */
  readonly period: { readonly firstUs: number; readonly lastUs: number } | null
  readonly counts: CaptureCounts
  readonly machines: readonly Machine[]
  readonly translations: readonly Translation[]
  /** By severity and count. */
  readonly findings: readonly CaptureFinding[]
  /** What the capture lacks, so that silence proves nothing: a sentence each. */
  readonly limits: readonly string[]
  /** Which findings were asked for, for people; empty: all. */
  readonly filters: readonly string[]
  /** Kinds of findings, but for notices, that the filters leave out. */
  readonly hidden: number
}

export interface CaptureCounts {
  readonly frames: number
  /** Of the captures, after decompression. */
  readonly bytes: number
  /** TCP connections of any kind, and those that speak MSMQ. */
  readonly connections: number
  readonly sessions: number
  readonly machines: number
  /** Sightings; the same on both sides of a balancer counts once. */
  readonly messages: number
  readonly express: number
  readonly recoverable: number
  readonly transactional: number
  readonly sessionAcks: number
  readonly orderAcks: number
  readonly finalAcks: number
  readonly administrationAcks: number
  /** HTTP requests and UDP pings of MSMQ. */
  readonly requests: number
  readonly pings: number
}

/** `unusable`: nothing, or not all, could be read, or nothing of MSMQ is in it. */
export type VerdictState = 'clean' | 'findings' | 'unusable'

export interface CaptureVerdict {
  readonly state: VerdictState
  /** One line. */
  readonly text: string
}

/** What came of it. Notices alone are clean. What could not be read outweighs everything: findings stay listed. */
export function verdictOf(capture: DiagnosedCapture): CaptureVerdict {
  const { files, counts, findings, limits, filters, hidden } = capture
  const grave = findings.filter(({ severity }) => severity !== 'notice')
  const found = grave.length === 0 ? null : findingsText(grave)
  const troubled = files.filter(({ troubles }) => troubles.length > 0)
  if (counts.frames === 0) return { state: 'unusable', text: 'Nothing could be read.' }
  if (troubled.length > 0) {
    const which = files.length === 1 ? 'The capture' : `Of ${files.length} files, ${troubled.length}`
    const not = `${which} ${shortfallOf(troubled)}`
    return {
      state: 'unusable',
      text: found === null ? `${not}; in what was read nothing is wrong.` : `${not}; ${found}.`,
    }
  }
  if (counts.sessions === 0 && counts.pings === 0)
    return {
      state: 'unusable',
      text: 'Nothing of MSMQ is in it: nobody speaks its protocol on port 1801 or any other, or posts to /msmq.',
    }
  if (found !== null) return { state: 'findings', text: `${capital(found)}.` }
  if (!isTelling(counts))
    return {
      state: 'unusable',
      text: 'Nothing is known: connections of MSMQ are in it, and not one handshake or message that could be read.',
    }
  const asked = filters.length === 0 ? '' : ' of what was asked for'
  const but = limits.length === 0 ? '' : ', as far as the capture shows'
  const rest = hidden === 0 ? '' : `; ${hidden === 1 ? '1 finding is' : `${hidden} findings are`} hidden by the filter`
  return { state: 'clean', text: `Nothing${asked} is wrong${but}${rest}.` }
}

function shortfallOf(troubled: readonly FileReport[]): string {
  if (troubled.every(({ frames }) => frames === 0))
    return `${troubled.length === 1 ? 'has' : 'have'} nothing that could be read`
  const isCut = troubled.some(({ troubles }) => troubles.some(({ kind }) => kind === 'truncated'))
  return isCut ? 'could not be read to the end' : 'could not be read whole'
}

/** Frames that were cut when they were captured, and connections on which nothing is said, show nothing to be well. */
function isTelling({ machines, messages, orderAcks, finalAcks, administrationAcks, requests, pings }: CaptureCounts) {
  return machines + messages + orderAcks + finalAcks + administrationAcks + requests + pings > 0
}

function findingsText(grave: readonly CaptureFinding[]): string {
  const [worst] = grave
  const others = grave.length - 1
  const more = others === 0 ? '' : `; ${others === 1 ? '1 other finding' : `${others} other findings`}`
  const proven = grave.some(finding => finding.proven > 0) ? '' : '; none is proven by this capture alone'
  return `${worst!.title}: ${worst!.count.toLocaleString('en-US')} seen${more}${proven}`
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
