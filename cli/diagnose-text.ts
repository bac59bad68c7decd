import type { FileReport } from '../capture/files/reading-report.js'
import type { CaptureFinding, Evidence, Severity } from '../diagnosis/finding.js'
import { sinceText, utcText } from '../diagnosis/output/capture-times.js'
import { type DiagnosedCapture, type VerdictState, verdictOf } from '../diagnosis/output/diagnosed-capture.js'
import { FrameNames } from '../diagnosis/output/frame-names.js'
import { printable } from '../diagnosis/output/printable.js'
import { counted } from '../lab/finding.js'
import { timeText } from '../lab/report/time-text.js'
import { isOfAll } from './diagnose-troubles.js'
import { type Style, styled, table } from './output.js'
import { NO_BREAK, wrapped } from './wrapped-text.js'

const SEVERITY_STYLES: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', notice: 'dim' }
const STATE_STYLES: Readonly<Record<VerdictState, Style>> = { clean: 'green', findings: 'red', unusable: 'yellow' }

/** Labels of a finding's parts stand in this many columns. */
const LABEL_WIDTH = 10
/** Places of one file that are listed. */
const TROUBLES_MAX = 8
const COLUMNS_DEFAULT = 100
const COLUMNS_MIN = 60

/** What the terminal shows of a text at most. */
export function terminalColumns(stream: NodeJS.WriteStream = process.stdout): number {
  return Math.max(COLUMNS_MIN, Math.min(stream.columns ?? COLUMNS_DEFAULT, 160))
}

export interface DiagnosisTextOptions {
  readonly columns: number
  /** Instances of each finding that are told; the first and the worst where it is undefined. */
  readonly limit?: number
}

/** The whole report for people: what was read, the verdict, a line for each finding, then each in detail. */
export function describeDiagnosis(capture: DiagnosedCapture, options: DiagnosisTextOptions): string {
  const names = new FrameNames(capture.files.map(({ file }) => file))
  return [
    describeCapture(capture, options.columns),
    ...capture.findings.map(finding => `\n${describeFinding(finding, capture, names, options)}`),
  ].join('')
}

/** The summary. */
function describeCapture(capture: DiagnosedCapture, columns: number): string {
  const { files, period, counts, findings, limits, filters } = capture
  const verdict = verdictOf(capture)
  const kinds = [
    counts.express === 0 ? null : `${number(counts.express)} express`,
    counts.recoverable === 0 ? null : `${number(counts.recoverable)} recoverable`,
    counts.transactional === 0 ? null : `${number(counts.transactional)} transactional`,
  ].filter(text => text !== null)
  const acks = [
    amount(counts.sessionAcks, 'session ack'),
    amount(counts.orderAcks, 'order ack'),
    ...(counts.finalAcks === 0 ? [] : [amount(counts.finalAcks, 'final ack')]),
    ...(counts.administrationAcks === 0 ? [] : [amount(counts.administrationAcks, 'administration ack')]),
  ]
  const others = [
    ...(counts.requests === 0 ? [] : [amount(counts.requests, 'HTTP request')]),
    ...(counts.pings === 0 ? [] : [amount(counts.pings, 'ping')]),
  ]
  return [
    part('files', files.map(fileText).join(', '), columns),
    period === null
      ? ''
      : part(
          'time',
          `${utcText(period.firstUs)} to ${utcText(period.lastUs)}, ${unbroken(timeText((period.lastUs - period.firstUs) / 1000))}`,
          columns,
        ),
    part(
      'read',
      `${amount(counts.frames, 'frame')}, ${sizeText(capture)}, ${amount(counts.connections, 'TCP connection')}, of which ${number(counts.sessions)} with MSMQ; ${amount(counts.machines, 'machine')}`,
      columns,
    ),
    part(
      'messages',
      [
        `${number(counts.messages)}${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`,
        ...acks.filter(text => !text.startsWith(`0${NO_BREAK}`)),
        ...others,
      ].join('; '),
      columns,
    ),
    ...files.flatMap(file => describeTroubles(file, columns)),
    ...limits.map(limit => part('lacks', printable(limit), columns, 'yellow')),
    ...filters.map(filter => part('filter', printable(filter), columns)),
    part('verdict', verdict.text, columns, STATE_STYLES[verdict.state], 'bold'),
    findings.length === 0 ? '' : `\n${findingTable(findings, columns)}`,
  ].join('')
}

/** How much was read; where it was compressed, how much there was of that. */
function sizeText({ files, storedBytes, counts }: DiagnosedCapture): string {
  const size = unbroken(megabytes(counts.bytes))
  return files.some(({ compression }) => compression !== null)
    ? `${size} (${unbroken(megabytes(storedBytes))} compressed)`
    : size
}

/** A line for each, or more where titles would not leave room for the ids. */
function findingTable(findings: readonly CaptureFinding[], columns: number): string {
  const widest = (cells: readonly string[]) => cells.reduce((most, { length }) => Math.max(most, length), 0)
  const others = [
    findings.map(({ severity }) => severity),
    findings.map(({ count }) => number(count)),
    findings.map(({ id }) => id),
  ]
  const room = columns - others.reduce((sum, cells) => sum + widest(cells) + 2, 0)
  const rows = findings.flatMap(({ id, severity, count, proven, title }) => {
    const all = proven === 0 ? `${title} (not proven)` : proven < count ? `${title} (${number(proven)} proven)` : title
    const [first, ...more] = wrapped(all, '', room).trimEnd().split('\n')
    return [
      [styled(SEVERITY_STYLES[severity], severity), count, first, styled('dim', id)],
      ...more.map(line => ['', '', line, '']),
    ]
  })
  return table(rows)
}

function describeTroubles({ file, troubles, moreTroubles, notes }: FileReport, columns: number): string[] {
  const shown = troubles.slice(0, TROUBLES_MAX)
  const more = moreTroubles + troubles.length - shown.length
  return [
    ...shown.map(({ kind, offset, compressedOffset, what }) => {
      const packed = compressedOffset === null ? '' : ` (near byte ${number(compressedOffset)} of the compressed file)`
      const where = isOfAll(kind) ? '' : `, byte ${number(offset)}${packed}`
      return part(kind, `${nameOf(file)}${where}: ${printable(what)}`, columns, 'red')
    }),
    ...(more === 0
      ? []
      : [part('', `${nameOf(file)}: ${amount(more, 'more place')} could not be read`, columns, 'red')]),
    ...notes.map(note => part('note', `${nameOf(file)}: ${printable(note)}`, columns)),
  ]
}

const nameOf = (file: string) => (file === '-' ? 'standard input' : printable(file))

function fileText({ file, format, compression, dropped }: FileReport): string {
  const how = [format ?? 'unknown', ...(compression === null ? [] : [compression])].join(', ')
  const lost = dropped === 0 ? '' : `, ${amount(dropped, 'frame')} dropped by the capturing machine`
  return `${nameOf(file)} (${how}${lost})`
}

/** One finding with its first and its worst instance, or more of them. */
function describeFinding(
  finding: CaptureFinding,
  capture: DiagnosedCapture,
  names: FrameNames,
  { columns, limit }: DiagnosisTextOptions,
): string {
  const { id, severity, title, count, first, worst, instances, cause, behaviour, remedy } = finding
  const what = `${number(count)}${NO_BREAK}x ${title}${behaviour === null ? '' : ` (${behaviour})`}`
  const indent = ' '.repeat(id.length + 2)
  const head = `${styled('bold', styled(SEVERITY_STYLES[severity], id))}  ${wrapped(what, indent, columns).slice(indent.length)}`
  const told: readonly (readonly [string, Evidence])[] =
    limit === undefined
      ? worst === first
        ? [['first', first]]
        : [
            ['first', first],
            ['worst', worst],
          ]
      : instances
          .slice(0, limit)
          .map((one, index) => [one === worst && index > 0 ? `${index + 1}, worst` : `${index + 1}`, one])
  const look = names.filters(told.flatMap(([, { frames }]) => frames))
  return [
    head,
    ...told.map(([label, evidence]) => describeEvidence(label, evidence, capture, names, columns)),
    part('why', cause, columns),
    part('change', remedy, columns),
    ...look.map(({ file, filter }) =>
      part('Wireshark', `${filter}${capture.files.length > 1 ? ` (${printable(file)})` : ''}`, columns),
    ),
  ].join('')
}

function describeEvidence(
  label: string,
  evidence: Evidence,
  { period }: DiagnosedCapture,
  names: FrameNames,
  columns: number,
): string {
  const { frames, from, to, text, message, sequence, number, reservations } = evidence
  const [at, ...others] = frames
  const way = [from, to].filter(end => end !== null).join(' → ')
  const when = at === undefined ? '' : `${utcText(at.timeUs)} (${sinceText(at.timeUs, period?.firstUs ?? at.timeUs)})`
  const place = sequence === null ? null : `${number === null ? '' : `number ${number} of `}sequence ${sequence}`
  const about = [
    message === null ? null : `message ${message}`,
    place,
    others.length === 0 ? null : `with ${names.list(others)}`,
  ].filter(one => one !== null)
  const where = at === undefined ? [] : [names.frame(at)]
  return [
    part(label, [...where, when, printable(way)].filter(one => one !== '').join(', '), columns),
    part('', printable(text), columns),
    about.length === 0 ? '' : part('', about.join(', '), columns),
    ...reservations.map(reservation => part('', `not proven: ${printable(reservation)}`, columns, 'yellow')),
  ].join('')
}

/** A label and what stands beside it, in lines of the terminal's width. */
export function part(label: string, text: string, columns: number, ...styles: Style[]): string {
  const indent = ' '.repeat(LABEL_WIDTH + 2)
  const body = wrapped(text, indent, columns).slice(indent.length)
  const shown = styles.reduce((styledText, style) => styled(style, styledText), body.trimEnd())
  return `  ${label.padEnd(LABEL_WIDTH - 1)} ${shown}\n`.replace(/^ {2}$/gm, '')
}

const number = (value: number) => value.toLocaleString('en-US')
const unbroken = (text: string) => text.replaceAll(' ', NO_BREAK)
/** `1,234 frames`, in one line. */
const amount = (count: number, noun: string) => unbroken(counted(count, noun).replace(/^\d+/, number(count)))

/** `12.3 MB`, `41 kB` */
export function megabytes(bytes: number): string {
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB']
  return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 100 && unit === 'MB' ? 1 : 0 })} ${unit}`
}
