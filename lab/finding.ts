import type { AckJourney } from './ack-journeys.js'
import type { RunRecord } from './history.js'
import type { SenderFacts } from './message-facts.js'

/** What a checker saw. */
export interface Finding {
  /** Name of the kind of finding, such as `misrouted-ack`. */
  readonly id: string
  /** Behaviour that it shows, such as `NLB-11`; null where the source documents name none. */
  readonly behaviour: string | null
  readonly severity: Severity
  readonly count: number
  readonly first: Evidence
}

/**
 * `anomaly`: something that the configuration, the queue managers or mqlab itself must not let happen. `notice`: what may
 * happen where all is well, such as a message that goes to a dead-letter queue since its time is over.
 */
export type Severity = 'anomaly' | 'notice'

/** The first instance, for people. `atMs`, of the clock that the events have, is null where no event tells. */
export interface Evidence {
  readonly atMs: number | null
  readonly nodes: readonly string[]
  readonly text: string
}

/** A run with what every checker needs worked out once. */
export interface RunView {
  readonly run: RunRecord
  readonly senders: readonly SenderFacts[]
  readonly acks: readonly AckJourney[]
}

/** Reads a run and names what it saw; an empty list when there was nothing of its kind. */
export type Checker = (view: RunView) => Finding[]

/** `1 message`, `3 messages`, `1 copy`, `2 copies` */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`
}
