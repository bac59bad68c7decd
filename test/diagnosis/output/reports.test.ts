import t from 'tap'
import { newFileReport } from '../../../capture/files/reading-report.js'
import { sinceText, utcText } from '../../../diagnosis/output/capture-times.js'
import { csvReport } from '../../../diagnosis/output/csv-report.js'
import { verdictOf } from '../../../diagnosis/output/diagnosed-capture.js'
import { FrameNames } from '../../../diagnosis/output/frame-names.js'
import { jsonReport } from '../../../diagnosis/output/json-report.js'
import { printable } from '../../../diagnosis/output/printable.js'
import {
  CAPTURE_STARTED_US,
  frameRef,
  handMadeCapture,
  MISROUTED,
  ofSeverity,
} from '../../fixtures/diagnosed-capture.js'
import { DIAGNOSIS_JSON } from '../../fixtures/diagnosis-json.js'

const trouble = { kind: 'truncated', offset: 51_990, compressedOffset: null, what: 'it ends within a packet' } as const
const [file] = handMadeCapture().files

t.test('times: UTC to the microsecond, and since the first frame as Wireshark counts', async t => {
  t.equal(utcText(CAPTURE_STARTED_US + 413_214.25), '2026-11-22T13:25:19.413214Z')
  t.equal(utcText(CAPTURE_STARTED_US - 0.25), '2026-11-22T13:25:19.000000Z', 'a quarter is rounded away')
  t.equal(sinceText(CAPTURE_STARTED_US + 2_413_214.25, CAPTURE_STARTED_US), '+2.413214 s')
  t.equal(sinceText(CAPTURE_STARTED_US - 1500, CAPTURE_STARTED_US), '-0.001500 s')
})

t.test('frames: of one file by number, of several with the file; display filters', async t => {
  const one = new FrameNames(['captures/a.pcapng'])
  t.equal(one.frame(frameRef(12, 0)), 'frame 12')
  t.equal(one.list([frameRef(15, 0), frameRef(12, 0), frameRef(15, 1)]), 'frames 12 and 15')
  t.strictSame(one.filters([frameRef(12, 0)]), [{ file: 'a.pcapng', filter: 'frame.number == 12' }])
  const run = [3, 4, 9, 10, 11, 1].map(number => frameRef(number, 0))
  t.equal(one.filters(run)[0]?.filter, 'frame.number in {1, 3, 4, 9..11}')
  t.equal(one.list(run, 2), 'frames 3 and 4 and 4 more')

  const several = new FrameNames(['x/a.pcap', 'y/a.pcap', 'y/b.pcap'])
  t.equal(several.frame(frameRef(3, 0, 2)), 'b.pcap frame 3')
  t.equal(several.frame(frameRef(3, 0, 1)), 'y/a.pcap frame 3', 'folders where the name alone is two files')
  t.strictSame(several.filters([frameRef(3, 0, 2), frameRef(1, 0), frameRef(4, 0, 2)]), [
    { file: 'b.pcap', filter: 'frame.number in {3, 4}' },
    { file: 'x/a.pcap', filter: 'frame.number == 1' },
  ])
})

/** Frames of 90 bytes show that there are connections, and session acks. */
const NOTHING_READ = {
  machines: 0,
  messages: 0,
  orderAcks: 0,
  finalAcks: 0,
  administrationAcks: 0,
  requests: 0,
  pings: 0,
}

t.test('verdicts: what could not be read outweighs findings, notices are clean, doubt is told', async t => {
  const rows: [name: string, given: Parameters<typeof handMadeCapture>[0], state: string, text: RegExp][] = [
    ['an error', { findings: [ofSeverity('error')] }, 'findings', /^Order acks went to the wrong machine: 1 seen\.$/],
    ['a warning', { findings: [ofSeverity('warning')] }, 'findings', /seen/],
    ['a notice', { findings: [ofSeverity('notice')] }, 'clean', /^Nothing is wrong\.$/],
    ['nothing', { findings: [] }, 'clean', /^Nothing is wrong\.$/],
    ['nothing, with holes', { findings: [], limits: ['a hole'] }, 'clean', /as far as the capture shows/],
    ['nothing of what was asked for', { findings: [], filters: ['x'] }, 'clean', /of what was asked for/],
    ['two kinds', { findings: [MISROUTED, ofSeverity('warning')] }, 'findings', /3 seen; 1 other finding\.$/],
    ['not proven', { findings: [{ ...MISROUTED, proven: 0 }] }, 'findings', /none is proven by this capture alone/],
    [
      'cut',
      { files: [{ ...file!, troubles: [{ file: 'a', ...trouble }] }] },
      'unusable',
      /not be read to the end; order acks/,
    ],
    [
      'cut, and nothing found',
      { files: [{ ...file!, troubles: [{ file: 'a', ...trouble }] }], findings: [] },
      'unusable',
      /to the end; in what was read nothing is wrong/,
    ],
    [
      'damaged within',
      { files: [{ ...file!, troubles: [{ file: 'a', ...trouble, kind: 'damaged' }] }], findings: [] },
      'unusable',
      /^The capture could not be read whole; in what was read/,
    ],
    [
      'one of two with nothing in it',
      { files: [file!, { ...file!, frames: 0, troubles: [{ file: 'a', ...trouble, kind: 'empty' }] }], findings: [] },
      'unusable',
      /^Of 2 files, 1 has nothing that could be read; in what was read nothing is wrong\.$/,
    ],
    [
      'no MSMQ',
      { findings: [], counts: { ...handMadeCapture().counts, sessions: 0 } },
      'unusable',
      /^Nothing of MSMQ is in it/,
    ],
    [
      'not a handshake, not a message',
      {
        findings: [ofSeverity('notice')],
        counts: { ...handMadeCapture().counts, ...NOTHING_READ },
      },
      'unusable',
      /^Nothing is known/,
    ],
    [
      'no frames',
      { files: [newFileReport('a')], counts: { ...handMadeCapture().counts, frames: 0 } },
      'unusable',
      /^Nothing could be read/,
    ],
  ]
  for (const [name, given, state, text] of rows) t.match(verdictOf(handMadeCapture(given)), { state, text }, name)
})

t.test('JSON is what the documents say, and round trips', async t => {
  const json = JSON.parse(JSON.stringify(jsonReport(handMadeCapture())))
  const parsed = DIAGNOSIS_JSON.parse(json)
  const [finding] = parsed.findings
  t.match(finding, { id: 'order-ack-misrouted', count: 3, proven: 2, behaviour: 'NLB-11' })
  t.match(finding?.first, {
    time: '2026-11-22T13:25:21.413214Z',
    sinceStartS: 2.413214,
    frames: [{ file: 'captures/a.pcapng', number: 12 }, { number: 4 }],
  })
  t.equal(finding?.worst.text, 'the worst of them')
  t.strictSame(finding?.displayFilters, [{ file: 'a.pcapng', filter: 'frame.number in {4, 12, 15..17}' }])
  t.equal(finding?.instances.length, 3)
  t.equal(DIAGNOSIS_JSON.parse(jsonReport(handMadeCapture(), 1)).findings[0]?.instances.length, 1)
  t.equal(DIAGNOSIS_JSON.parse(jsonReport(handMadeCapture({ period: null, findings: [] }))).period, null)
})

t.test('CSV: a row for each instance, quoted, and nothing that a spreadsheet would run', async t => {
  const lines = csvReport(handMadeCapture())
  const rows = parseCsv(lines)
  t.equal(rows.length, 4, 'a header and three instances')
  const [header, first, , third] = rows as [string[], string[], string[], string[]]
  const cell = (row: string[], name: string) => row[header.indexOf(name)]
  t.ok(rows.every(row => row.length === header.length))
  t.equal(cell(first, 'frame'), '12')
  t.equal(cell(first, 'frames'), '12 4')
  t.equal(cell(first, 'since_start_s'), '2.413214')
  t.equal(cell(first, 'message'), String.raw`aaaaaaaa-0000-4000-8000-000000000001\17`)
  t.equal(cell(first, 'proven'), 'true')
  t.equal(cell(third, 'proven'), 'false')
  t.equal(cell(third, 'text'), `'=HYPERLINK("http://x"), "quoted"\nand a second line`)
  t.equal(parseCsv(csvReport(handMadeCapture(), 2)).length, 3)
  const several = handMadeCapture({ files: [file!, { ...file!, file: 'b.pcap' }] })
  t.equal(cell(parseCsv(csvReport(several))[1]!, 'frames'), '1:12 1:4', 'which file')
})

t.test('names from the network cannot steer a terminal', async t => {
  t.equal(printable('a\u001b[31mb\u0007\u202ec\nd\u009b'), 'a\\u001b[31mb\\u0007\\u202ec\\u000ad\\u009b')
  t.equal(printable('Grüße → 漢'), 'Grüße → 漢')
})

/** As RFC 4180 has it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'))
    if (end === '\n') rows.push([])
  }
  return rows.slice(0, -1)
}
