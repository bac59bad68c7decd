import type { FrameRef } from '../../capture/frame.js'
import type { SeenEnding } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import type { Culprit } from './culprit.js'
import { countText, endsOf, spanText } from './ends.js'

/** Shorter silences are no idleness. */
const IDLE_MIN_US = 1_000_000
/** Idle times of one timer are this alike: within a second, or 2 % where they are short. */
const ALIKE_US = 1_000_000
const ALIKE_PART = 0.02
/** So many sessions alike are a timer. */
const ALIKE_MIN = 3
/** MSMQ's shortest idle limit is CleanupInterval of a routing server, 120 s; a session's last bytes may be an ack that came up to 60 s after its last message. */
const MSMQ_LIMIT_US = 119_000_000
/** Idle limits below this are no balancer's: somebody shortened MSMQ's own. */
const BALANCER_LIMIT_MIN_US = 5_000_000
/** What a machine that stops ends, it ends within this. */
const ONE_MOMENT_US = 2_000_000
/** Among more periods than these there is always one that fits. */
const PERIODS_MAX = 1_000
const GROUPS_MAX = 10_000
const SAMPLES_MAX = 64

const OWN_LIMIT =
  'MSMQ closes an idle session itself only after 5 to 10 minutes (CleanupInterval; 2 to 4 on a routing server)'

interface Sample {
  readonly session: Session
  readonly at: FrameRef
  readonly idleUs: number
  /** Not a number where the begin was not captured. */
  readonly lifeUs: number
  readonly culprit: Culprit
  reported: boolean
}

/**
 * Sessions that ended in silence with nothing in flight, and not by MSMQ's own idle limit: a third party ended them, or
 * several ended after the same idle time, to the second. MSMQ's timer looks different: it is set when a session opens and
 * runs in periods, so that sessions live for whole periods and are idle for one to two. Sessions that end at the same
 * moment have the same idle time by the stop of a machine, and count as one.
 */
export class IdleCuts {
  readonly #context: DiagnosisContext
  /** By server, and by which end they were ended. */
  readonly #groups = new BoundedMap<string, Sample[]>(GROUPS_MAX)
  /** Ended by a balancer, by their routes, until one of them shows that it was not stopped. */
  readonly #balanced = new BoundedMap<string, Sample>(GROUPS_MAX)

  constructor(context: DiagnosisContext) {
    this.#context = context
  }

  /** A session was answered: whatever stands in its way is at work. */
  established(route: string): void {
    const sample = this.#balanced.take(route)
    if (sample !== undefined) this.#report(sample, [sample], [])
  }

  /** @param again its client has opened another session since. */
  ended(session: Session, ending: SeenEnding, culprit: Culprit, route: string, again: boolean): void {
    const { connection } = session
    if (ending.idleUs < IDLE_MIN_US || connection.frames[0] === 0 || connection.frames[1] === 0) return
    const key = `${connection.server.address}:${connection.server.port} ${ending.by}`
    const samples = this.#groups.get(key) ?? []
    const lifeUs = connection.opening === 'none' ? Number.NaN : ending.at.timeUs - connection.first.timeUs
    const sample = { session, at: ending.at, idleUs: ending.idleUs, lifeUs, culprit, reported: false }
    samples.push(sample)
    if (samples.length > SAMPLES_MAX) samples.shift()
    this.#groups.set(key, samples)

    const alike = samples.filter(({ idleUs }) => areAlike(idleUs, sample.idleUs))
    const moments = momentsOf(alike)
    if (culprit.isThirdParty && (ending.forged || again || moments > 1)) this.#report(sample, alike, [])
    else if (culprit.isThirdParty) this.#balanced.set(route, sample)
    if (moments < ALIKE_MIN) return
    const reservations = doubtsOf(alike)
    if (reservations !== null) for (const each of alike) this.#report(each, alike, reservations)
  }

  #report(sample: Sample, alike: readonly Sample[], reservations: readonly string[]): void {
    if (sample.reported) return
    sample.reported = true
    const { session, idleUs, culprit } = sample
    const idle = alike.map(each => each.idleUs).sort((a, b) => a - b)
    const timer =
      idle.length < 2
        ? ''
        : `; ${countText(idle.length, 'session')} to it ended after the same idle time (shortest ${spanText(idle[0]!)}, median ${spanText(idle[idle.length >> 1]!)}): a timer`
    this.#context.book.add('idle-session-cut', {
      ...endsOf(session, 0),
      frames: culprit.frames,
      text: `${session.name} was ended by ${culprit.name} after ${spanText(idleUs)} of silence${timer}; ${OWN_LIMIT}`,
      // the shorter the limit, the more often it strikes
      weight: 1e6 / idleUs,
      reservations: culprit.isThirdParty ? [] : reservations,
    })
  }
}

/** How many different moments they ended at. */
function momentsOf(samples: readonly Sample[]): number {
  const times = samples.map(({ at }) => at.timeUs).sort((a, b) => a - b)
  return times.filter((timeUs, index) => index === 0 || timeUs - times[index - 1]! > ONE_MOMENT_US).length
}

function areAlike(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.min(ALIKE_US, ALIKE_PART * b)
}

/** Why sessions of the same idle time may have been closed by MSMQ itself; null: as good as certainly. */
function doubtsOf(alike: readonly Sample[]): readonly string[] | null {
  const idleUs = alike[0]!.idleUs
  const isBalancers = idleUs >= BALANCER_LIMIT_MIN_US && idleUs < MSMQ_LIMIT_US
  const lives = alike.map(({ lifeUs }) => lifeUs).filter(lifeUs => !Number.isNaN(lifeUs))
  if (lives.length < ALIKE_MIN) return isBalancers ? ['the capture does not show when these sessions began'] : null
  const periodUs = commonPeriod(lives, idleUs)
  if (periodUs === null) return []
  const periodMs = Math.round(periodUs / 1000)
  return isBalancers
    ? [`queue managers whose CleanupInterval is set to ${periodMs} ms would end these sessions just so`]
    : null
}

/** A CleanupInterval by which sessions that were idle for `idleUs` would have lived for so long; null when none fits. */
function commonPeriod(lives: readonly number[], idleUs: number): number | null {
  const shortest = Math.min(...lives)
  const slackUs = Math.min(ALIKE_US, ALIKE_PART * idleUs)
  // the last byte may be a session ack, so that less of the last period is silent
  const fewest = Math.ceil(shortest / (2 * idleUs))
  if (fewest > PERIODS_MAX) return idleUs
  for (let periods = Math.max(1, fewest); ; periods += 1) {
    const periodUs = shortest / periods
    if (periodUs < idleUs / 2 - slackUs) return null
    const isWhole = (lifeUs: number) => Math.abs(lifeUs - Math.round(lifeUs / periodUs) * periodUs) <= slackUs
    if (lives.every(isWhole)) return periodUs
  }
}
