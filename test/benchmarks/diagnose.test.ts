import t from 'tap'
import type { CaptureTruth } from '../../benchmarks/capture-generator.js'
import { diagnoseBenchmark, verdictOf } from '../../benchmarks/diagnose.js'
import type { DiagnoseMeasurement } from '../../benchmarks/diagnose-child.js'
import { quickContext } from '../fixtures/bench-context.js'

t.test('what is put into a generated capture is found, whoever reads it', async t => {
  const { figures, skipped, remarks } = await diagnoseBenchmark.run({ ...quickContext(), captureBytes: 6e6 })
  t.ok(figures.length >= 3, 'speed, by the processor and by the clock, and the first finding')
  for (const { name, value, verdict } of figures) {
    t.ok(verdict.ok, `${name}: ${verdict.says}`)
    t.ok(value > 0)
  }
  const [speed] = figures
  t.match(speed, { name: 'read and diagnosed', ceiling: { name: 'the file read alone' } })
  t.ok(speed!.verdict.counts.messages! > 1000)
  t.match(remarks, [/^6 MB: \d+ frames/])
  t.equal(figures.some(({ name }) => name.includes('tshark')) || skipped.some(line => line.includes('tshark')), true)
})

t.test('a figure fails whose diagnosis is wrong', async t => {
  const truth: CaptureTruth = {
    bytes: 1000,
    frames: 10,
    connections: 2,
    messages: 8,
    duplicates: 4,
    orderAcks: 3,
    misroutedAcks: 1,
    holes: 0,
    missingBytes: 0,
    seconds: 1,
  }
  const right: DiagnoseMeasurement = {
    bytes: 1000,
    firstFindingMs: 1,
    endMs: 2,
    processorUs: 1000,
    peakBytes: null,
    messages: 12,
    orderAcks: 3,
    findings: { 'order-ack-to-another-sender': 1, 'duplicate-delivery': 4, 'acked-but-resent': 4 },
  }
  t.equal(verdictOf(right, truth).ok, true)
  const findings = right.findings
  for (const [wrong, says] of [
    [{ messages: 11 }, '11 of 12 messages'],
    [{ orderAcks: 4 }, '4 of 3 order acks'],
    [{ findings: { ...findings, 'order-ack-misrouted': 1 } }, '2 of 1 misrouted order acks'],
    [{ findings: { ...findings, 'duplicate-delivery': 3 } }, '3 of 4 duplicates'],
    [{ findings: { ...findings, 'transaction-torn': 1 } }, 'found what is not there: transaction-torn'],
  ] as const)
    t.match(verdictOf({ ...right, ...wrong }, truth), { ok: false, says })
})
