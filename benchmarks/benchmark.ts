import type { Figure, Sample } from './figure.js'
import type { RoleName } from './roles.js'

export interface BenchmarkContext {
  /** Time the benchmark may spend measuring, in all; starting processes and warming up come on top. */
  readonly seconds: number
  /** How often each part is measured, in turns with the others. */
  readonly repetitions: number
  readonly seed: number
  /** For benchmarks of a counted number of messages, instead of the number that each has by itself. */
  readonly messages?: number | undefined
  /** Size of generated captures, for the benchmark that reads one. */
  readonly captureBytes?: number | undefined
  /** Trials and what goes before the measuring are left out: for whoever wants to see that everything arrives, and no
   *  figures. */
  readonly cold?: boolean
  readonly inProcess: RoleName | undefined
  /** Progress for a person, one line. Never data. */
  readonly note: (line: string) => void
}

export interface Benchmark {
  readonly name: string
  /** One line: what is measured against what. */
  readonly about: string
  /** Roles whose process can be profiled; the first is the interesting one. Empty: it all happens in one process. */
  readonly roles: readonly RoleName[]
  /** Figures, and a line for each thing that could not be measured and why. */
  run(context: BenchmarkContext): Promise<BenchmarkResult>
}

export interface BenchmarkResult {
  readonly figures: readonly Figure[]
  readonly skipped: readonly string[]
  /** What a reader of the figures must know: settings other than the defaults. */
  readonly remarks?: readonly string[]
}

const LOOK_AGAIN_MS = 5

/** Milliseconds for one sample when `parts` things are measured in turns. */
export function sampleMs(context: BenchmarkContext, parts: number): number {
  return Math.max(20, Math.round((context.seconds * 1000) / (context.repetitions * parts)))
}

/** Runs subjects for a while before they are measured: the compiler needs a second or two of the real load to be done with
 *  it. */
export async function warmUp(
  context: BenchmarkContext,
  ...subjects: readonly ((durationMs: number) => Promise<unknown>)[]
): Promise<void> {
  if (context.cold) return
  for (const run of subjects) await run(warmUpMs(context))
}

export function warmUpMs(context: BenchmarkContext): number {
  return Math.min(3000, Math.max(20, Math.round(context.seconds * 200)))
}

type Parts = Record<string, (() => Promise<Sample>) | undefined>
type SampleOf<Measure> = Measure extends () => Promise<infer S> ? S : never

/** Measures each part once, then each again, and so on: what disturbs the machine for a while disturbs all alike. */
export async function interleave<P extends Parts>(
  repetitions: number,
  parts: P,
): Promise<{ [K in keyof P]: SampleOf<P[K]>[] }> {
  const rows = Object.entries(parts).flatMap(([name, measure]) =>
    measure === undefined ? [] : [{ name, measure, samples: [] as Sample[] }],
  )
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const row of rows) row.samples.push(await row.measure())
  }
  return Object.fromEntries(rows.map(({ name, samples }) => [name, samples])) as unknown as {
    [K in keyof P]: SampleOf<P[K]>[]
  }
}

/** Looks again and again until what is seen will do, or until it has looked in vain for so long; gives what it saw last. */
export async function lookUntil<Seen>(
  look: () => Promise<Seen>,
  willDo: (seen: Seen) => boolean,
  timeoutMs: number,
): Promise<Seen> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (willDo(seen) || Date.now() > deadline) return seen
    await sleep(LOOK_AGAIN_MS)
  }
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, durationMs))
}
