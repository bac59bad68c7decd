import t from 'tap'
import { describeDiagnosis, megabytes } from '../../cli/diagnose-text.js'
import {
  CAPTURE_STARTED_US,
  captureFinding,
  evidence,
  frameRef,
  handMadeCapture,
  MISROUTED,
} from '../fixtures/diagnosed-capture.js'

const text = (given: Parameters<typeof handMadeCapture>[0] = {}, columns = 100, limit?: number) =>
  describeDiagnosis(handMadeCapture(given), { columns, ...(limit === undefined ? {} : { limit }) })

t.test('first and worst of each finding, or as many as are asked for', async t => {
  const told = text()
  t.match(told, /\n {2}first {5}frame 12, 2026-11-22T13:25:21\.413214Z \(\+2\.413214 s\), 10\.0\.1\.11:50123 →/)
  t.match(told, /\n {12}message \S+\\17, number 9 of sequence\s+5f620480:00000001,\s+with frame 4\n/)
  t.match(told, /\n {2}worst {5}frame 15, .*\n {12}the worst of them\n {12}with frames 16 and 17\n/)
  t.notMatch(told, /HYPERLINK/)
  t.match(told, /\n {2}Wireshark frame\.number in \{4, 12, 15\.\.17\}\n/)
  t.match(told, /\nerror {2}3 {2}order acks went to the wrong machine \(2 proven\) {2}order-ack-misrouted\n/)
  const all = text({}, 100, 3)
  t.match(all, /\n {2}3 {9}frame 30, /)
  t.match(all, /\n {12}not proven: the capture has a hole here\n/)
  t.match(all, /\n {2}2, worst {2}frame 15/)
})

t.test('what is told of a finding keeps to the width of the terminal', async t => {
  for (const columns of [60, 80, 160]) {
    const long = text({}, columns)
      .split('\n')
      .filter(line => line.startsWith('  ') && line.length > columns)
    t.ok(
      long.every(line => !line.slice(12).trim().includes(' ')),
      `${columns}: only words that are longer stand out: ${long.join(' / ')}`,
    )
  }
  t.ok(text({}, 60).split('\n').length > text({}, 160).split('\n').length)
})

t.test('the table of findings and their heads keep to it too; ids stand in full', async t => {
  const long = captureFinding('resend-ladder', [evidence([frameRef(3, 1)], 'x', { reservations: ['a hole'] })])
  const told = text({ findings: [MISROUTED, long] }, 80)
  t.ok(
    told.split('\n').every(line => line.length <= 80),
    told,
  )
  t.match(
    told,
    /\nwarning {2}1 {2}transactional messages were sent again for want {2}resend-ladder\n {12}of an order ack \(not proven\)\n/,
  )
  t.match(
    told,
    /\nresend-ladder {2}1 x transactional messages were sent again for want of an order\n {15}ack \(NLB-9\)\n/,
  )
})

t.test('numbers stay with what they count', async t => {
  const period = { firstUs: CAPTURE_STARTED_US, lastUs: CAPTURE_STARTED_US + 301e6 }
  const counts = { ...handMadeCapture().counts, frames: 1_234_567, machines: 2 }
  const told = text({ period, counts }, 80)
  t.match(told, /Z to \S+Z,\n {12}5 min 1 s\n/)
  t.match(told, /\n {2}read {6}1,234,567 frames, 52 kB, 3 TCP connections, of which 2 with MSMQ;\n {12}2 machines\n/)
  t.notOk(told.includes('\u00a0'))
})

t.test('of what was compressed both sizes are told', async t => {
  const [file] = handMadeCapture().files
  const told = text({ files: [{ ...file!, compression: 'gzip' }], storedBytes: 9_000 })
  t.match(told, / 40 frames, 52 kB \(9 kB compressed\), 3 TCP/)
})

t.test('several files: each frame with its own; what the capture lacks; what was asked for', async t => {
  const [file] = handMadeCapture().files
  const files = [file!, { ...file!, file: 'b.pcap', format: 'pcap' as const, compression: 'zstd' as const, dropped: 3 }]
  const instances = [evidence([frameRef(3, 1, 1), frameRef(9, 2)], 'x')]
  const finding = { ...MISROUTED, count: 1, proven: 0, instances, first: instances[0]!, worst: instances[0]! }
  const told = text({ files, findings: [finding], limits: ['one side of 2 connections'], filters: ['of S1'] })
  t.match(
    told,
    /files {5}captures\/a\.pcapng \(pcapng\), b\.pcap \(pcap, zstd, 3 frames dropped by the capturing\s+machine\)/,
  )
  t.match(told, /\n {2}first {5}b\.pcap frame 3, /)
  t.match(told, /with a\.pcapng frame 9/)
  t.match(told, /\n {2}Wireshark frame\.number == 3 \(b\.pcap\)\n {2}Wireshark frame\.number == 9 \(a\.pcapng\)\n/)
  t.match(told, /\n {2}lacks {5}one side of 2 connections\n {2}filter {4}of S1\n/)
  t.match(told, /\(not proven\)/)
})

t.test('nothing from the network steers the terminal', async t => {
  const instances = [evidence([frameRef(3, 1)], 'queue \u001b[2J\u001b]0;x\u0007')]
  const finding = { ...MISROUTED, count: 1, instances, first: instances[0]!, worst: instances[0]! }
  const told = text({ findings: [finding] })
  t.notOk(told.includes('\u001b') || told.includes('\u0007'))
  t.match(told, /queue \\u001b\[2J/)
})

t.test('sizes', async t => {
  t.equal(megabytes(203_608), '204 kB')
  t.equal(megabytes(12_345_678), '12.3 MB')
  t.equal(megabytes(4_000_000_000), '4,000 MB')
})
