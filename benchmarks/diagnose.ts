import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, statfsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DISSECTOR_FILE } from '../capture/wireshark/dissector-file.js'
import { findProgram } from '../gateway/planes/kernel/programs.js'
import { type Benchmark, interleave } from './benchmark.js'
import { type CaptureTruth, DEFAULT_TRAFFIC, generateCapture } from './capture-generator.js'
import type { DiagnoseMeasurement } from './diagnose-child.js'
import { createFigure, type Figure, type Sample, type Verdict } from './figure.js'
import { withStoreFolder } from './store-folder.js'

const SIZE_BYTES = 200e6
/** tshark is slow: it gets the same traffic for a shorter time. */
const TSHARK_BYTES = 10e6
const READ_BYTES = 1 << 20
const SPEED_GOAL = { at: 'least', of: 'value', value: 200 } as const
const TSHARK_GOAL = { at: 'least', of: 'ratio', value: 12 } as const
const MEMORY_GOAL = { at: 'most', of: 'value', value: 256 * 1.048576 } as const
const FIRST_FINDING_GOAL = { at: 'most', of: 'value', value: 1 } as const
const MISROUTED = ['order-ack-misrouted', 'order-ack-to-another-sender', 'order-ack-to-a-clone']
/** What the generated faults lead to, beside themselves. */
const CONSEQUENCES = ['acked-but-resent', 'resend-ladder']

interface Measured {
  readonly sample: Sample
  readonly child: DiagnoseMeasurement
}

/** A generated capture, read and diagnosed by a process of its own each time; every figure with what was found in it. */
export const diagnoseBenchmark: Benchmark = {
  name: 'diagnose',
  about: 'a generated capture (--size) read and diagnosed, MB/s of a core; beside tshark, and reading the file alone',
  roles: [],
  run: context =>
    withStoreFolder(async folder => {
      const { captureBytes = SIZE_BYTES } = context
      const { bavail, bsize } = statfsSync(folder.path)
      if (bavail * bsize < 2 * captureBytes)
        throw new Error(
          `${folder.path}: a capture of ${captureBytes} bytes does not fit well; set TMPDIR to another disk`,
        )
      const file = folder.child('capture.pcapng')
      const slice = folder.child('slice.pcapng')
      const truth = generateCapture(file, { ...DEFAULT_TRAFFIC, seed: context.seed, bytes: captureBytes })
      const tshark = findProgram('tshark')
      const sliceTruth =
        tshark === null
          ? null
          : generateCapture(slice, {
              ...DEFAULT_TRAFFIC,
              seed: context.seed,
              bytes: Math.min(TSHARK_BYTES, captureBytes),
            })
      const measured: Measured[] = []
      const samples = await interleave(context.repetitions, {
        file: async () => readAlone(file),
        diagnosis: async () => {
          const child = await diagnosed(file)
          const sample = { value: child.bytes / child.processorUs, verdict: verdictOf(child, truth) }
          measured.push({ sample, child })
          return sample
        },
        tshark: sliceTruth === null ? undefined : async () => dissected(tshark!, slice, sliceTruth),
      })
      return {
        figures: figuresOf(samples.file, measured, sliceTruth === null ? null : samples.tshark),
        skipped: [
          ...(tshark === null ? ['no tshark here: the same capture is not read by it'] : []),
          ...(measured.some(({ child }) => child.peakBytes === null)
            ? ['the peak of resident memory: only Linux tells it']
            : []),
        ],
        remarks: [remarkOf(truth)],
      }
    }),
}

function figuresOf(file: readonly Sample[], measured: readonly Measured[], tshark: readonly Sample[] | null): Figure[] {
  const benchmark = 'diagnose'
  const of = (pick: (child: DiagnoseMeasurement) => number | null): Sample[] =>
    measured.flatMap(({ child, sample: { verdict } }) => {
      const value = pick(child)
      return value === null ? [] : [{ value, verdict }]
    })
  const speed = measured.map(({ sample }) => sample)
  const peak = of(({ peakBytes }) => (peakBytes === null ? null : peakBytes / 1e6))
  const first = of(({ firstFindingMs }) => (firstFindingMs === null ? null : firstFindingMs / 1000))
  const plain = { name: 'the file read alone', samples: file }
  return [
    createFigure({
      benchmark,
      name: 'read and diagnosed',
      unit: 'MB/CPU s',
      samples: speed,
      ceiling: plain,
      goal: SPEED_GOAL,
    }),
    createFigure({
      benchmark,
      name: 'by the clock',
      unit: 'MB/s',
      samples: of(({ bytes, endMs }) => bytes / endMs / 1000),
    }),
    ...(tshark === null
      ? []
      : [
          createFigure({
            benchmark,
            name: 'against tshark -T fields',
            unit: 'MB/CPU s',
            samples: speed,
            ceiling: { name: 'tshark with the dissector', samples: tshark },
            goal: TSHARK_GOAL,
          }),
        ]),
    ...(peak.length === 0
      ? []
      : [createFigure({ benchmark, name: 'peak resident memory', unit: 'MB', samples: peak, goal: MEMORY_GOAL })]),
    ...(first.length === 0
      ? []
      : [createFigure({ benchmark, name: 'first finding', unit: 's', samples: first, goal: FIRST_FINDING_GOAL })]),
  ]
}

/** Processor time is what counts: on a machine with other things to do it says more than the clock. */
function readAlone(file: string): Sample {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  const descriptor = openSync(file, 'r')
  let bytes = 0
  const before = process.cpuUsage()
  try {
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) bytes += read
  } finally {
    closeSync(descriptor)
  }
  const { user, system } = process.cpuUsage(before)
  return { value: bytes / (user + system), verdict: { ok: true, says: 'read to its end', counts: { bytes } } }
}

async function diagnosed(file: string): Promise<DiagnoseMeasurement> {
  const child = fileURLToPath(new URL('./diagnose-child.js', import.meta.url))
  return JSON.parse(await outputOf(process.execPath, [child, file])) as DiagnoseMeasurement
}

/** Every packet with its message id, as people would list them; the shell says what processor time its child took. */
async function dissected(tshark: string, file: string, truth: CaptureTruth): Promise<Sample> {
  const fields = [
    'frame.number',
    'mqqb.user.messageid',
    'mqqb.transaction.txsequencenumber',
    'mqqb.session.acksequencenumber',
  ]
  const args = [
    '-r',
    file,
    '-X',
    `lua_script:${fileURLToPath(DISSECTOR_FILE)}`,
    '-T',
    'fields',
    ...fields.flatMap(field => ['-e', field]),
  ]
  const lines = (await outputOf('/bin/sh', ['-c', '"$0" "$@" && times', tshark, ...args])).trimEnd().split('\n')
  const [minutes = 0, seconds = 0, systemMinutes = 0, systemSeconds = 0] = lines
    .at(-1)!
    .match(/[\d.]+/g)!
    .map(Number)
  const processorS = 60 * (minutes + systemMinutes) + seconds + systemSeconds
  const packets = lines.reduce((sum, line) => sum + (line.split('\t')[1]?.match(/\d+/g)?.length ?? 0), 0)
  const expected = truth.messages + truth.duplicates + truth.orderAcks
  const ok = packets === expected
  const says = ok ? 'tshark read every message' : `tshark read ${packets} of ${expected} messages`
  return { value: truth.bytes / (processorS * 1e6), verdict: { ok, says, counts: { packets } } }
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    const pieces: Buffer[] = []
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
    child.on('error', reject)
    child.on('close', code =>
      code === 0
        ? resolve(Buffer.concat(pieces).toString('latin1'))
        : reject(new Error(`${program} ended with ${code}`)),
    )
  })
}

/** What was put into the capture must have been found, and nothing but that and what follows from it. */
export function verdictOf(child: DiagnoseMeasurement, truth: CaptureTruth): Verdict {
  const { findings } = child
  const misrouted = MISROUTED.reduce((sum, kind) => sum + (findings[kind] ?? 0), 0)
  const duplicates = findings['duplicate-delivery'] ?? 0
  const others = Object.keys(findings).filter(
    kind => ![...MISROUTED, 'duplicate-delivery', ...CONSEQUENCES].includes(kind),
  )
  const complaints = [
    ...differs('messages', child.messages, truth.messages + truth.duplicates),
    ...differs('order acks', child.orderAcks, truth.orderAcks),
    ...differs('misrouted order acks', misrouted, truth.misroutedAcks),
    ...differs('duplicates', duplicates, truth.duplicates),
    ...(others.length === 0 ? [] : [`found what is not there: ${others.join(', ')}`]),
  ]
  return {
    ok: complaints.length === 0,
    says:
      complaints.length === 0 ? 'all that was put into the capture was found, and nothing else' : complaints.join('; '),
    counts: { messages: child.messages, misroutedAcks: misrouted, duplicates },
  }
}

function differs(what: string, found: number, there: number): string[] {
  return found === there ? [] : [`${found} of ${there} ${what}`]
}

function remarkOf({ bytes, frames, messages, seconds, misroutedAcks, duplicates }: CaptureTruth): string {
  return (
    `${(bytes / 1e6).toFixed(0)} MB: ${frames} frames, ${messages} messages of ${DEFAULT_TRAFFIC.bodyBytes} bytes in ` +
    `${seconds.toFixed(0)} s, ${misroutedAcks} order acks misrouted, ${duplicates} messages delivered twice`
  )
}
