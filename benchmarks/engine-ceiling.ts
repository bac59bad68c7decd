import type { BenchmarkContext } from './benchmark.js'
import { ceilingName, type RawCeiling, startRawCeiling, trialMs } from './ceiling-raw.js'
import { createFigure, type Figure, type Goal, type Sample } from './figure.js'
import type { StartRole } from './processes.js'

/** Frames to a write: the default window of a session. */
const BATCH_FRAMES = 64
const NAME = `raw, frame by frame, ${BATCH_FRAMES} corked, ordinary reads`

/** Ceiling (a) as the goals for whole queue managers mean it: one process writes pre-built frames, each by a
 *  write of its own as anything that sends messages must, a window of them corked; another, listening as any server does,
 *  counts them. The best that any batch and a preallocated buffer reach is shown beside it: one large buffer written
 *  over and over from the processor's cache, which no sender of messages can do. */
export interface EngineCeiling {
  ordinary(durationMs: number): Promise<Sample>
  best(durationMs: number): Promise<Sample>
  readonly bestName: string
}

export async function startEngineCeiling(
  context: BenchmarkContext,
  start: StartRole,
  sampleDurationMs: number,
): Promise<EngineCeiling> {
  const raw: RawCeiling = await startRawCeiling(start, { trialMs: trialMs(context, sampleDurationMs) })
  context.note(`ceiling: ${NAME}; best: preallocated reads, ${raw.batchFrames} to a write`)
  return {
    ordinary: durationMs => raw.sampleSeparate(durationMs, BATCH_FRAMES),
    best: durationMs => raw.sample(durationMs),
    bestName: `${ceilingName(raw)}, preallocated reads`,
  }
}

export interface Subject {
  readonly name: string
  readonly samples: readonly Sample[]
  readonly goal?: Goal
}

/** The ceiling, the best raw rate, each subject's rate, and the processor time of a message for all of them. */
export function throughputFigures(
  benchmark: string,
  raw: readonly Sample[],
  best: Subject,
  subjects: readonly Subject[],
): Figure[] {
  const unit = 'messages/s'
  const against = { name: NAME, samples: raw }
  const rate = ({ name, samples, goal }: Subject) =>
    createFigure({ benchmark, name, unit, samples, ceiling: against, goal })
  const cost = (side: 'sendUs' | 'receiveUs', what: string) => (subject: Subject) =>
    createFigure({
      benchmark,
      name: `${subject.name}: ${what}`,
      unit: 'us/message',
      samples: costSamples(subject.samples, side),
      ceiling: { name: 'raw', samples: costSamples(raw, side) },
    })
  return [
    createFigure({ benchmark, name: NAME, unit, samples: raw }),
    rate(best),
    ...subjects.map(rate),
    ...subjects.map(cost('sendUs', "sender's processor time")),
    ...subjects.map(cost('receiveUs', "receiver's processor time")),
  ]
}

function costSamples(samples: readonly Sample[], side: 'sendUs' | 'receiveUs'): Sample[] {
  return samples.map(({ cost, verdict }) => ({ value: cost?.[side] ?? Number.NaN, verdict }))
}
