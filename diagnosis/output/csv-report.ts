import { sinceSeconds, utcText } from './capture-times.js'
import type { DiagnosedCapture } from './diagnosed-capture.js'

type Cell = string | number | boolean | null

const HEADER = [
  'finding',
  'severity',
  'behaviour',
  'time',
  'since_start_s',
  'file',
  'frame',
  'frames',
  'from',
  'to',
  'message',
  'sequence',
  'number',
  'machines',
  'weight',
  'proven',
  'reservations',
  'text',
]

/** A row for each instance, at most `limit` of a finding, for spreadsheets and databases: RFC 4180 but for its line ends. */
export function csvReport(capture: DiagnosedCapture, limit = Number.POSITIVE_INFINITY): string {
  const { files, period, findings } = capture
  const firstUs = period?.firstUs ?? 0
  const rows = findings.flatMap(({ id, severity, behaviour, instances }) =>
    instances
      .slice(0, limit)
      .map(({ frames, from, to, message, sequence, number, machines, weight, reservations, text }) => {
        const [at] = frames
        return [
          id,
          severity,
          behaviour,
          at === undefined ? null : utcText(at.timeUs),
          at === undefined ? null : sinceSeconds(at.timeUs, firstUs),
          at === undefined ? null : (files[at.fileIndex]?.file ?? null),
          at?.number ?? null,
          frames.map(frame => (files.length > 1 ? `${frame.fileIndex + 1}:${frame.number}` : frame.number)).join(' '),
          from,
          to,
          message,
          sequence,
          number,
          machines.join(' '),
          weight,
          reservations.length === 0,
          reservations.join('; '),
          text,
        ]
      }),
  )
  return [HEADER, ...rows].map(row => `${row.map(cell).join(',')}\n`).join('')
}

/** Text from the network that a spreadsheet would run as a formula is made plain by an apostrophe. */
function cell(value: Cell): string {
  if (value === null) return ''
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
