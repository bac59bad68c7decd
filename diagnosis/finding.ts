import type { FrameRef } from '../capture/frame.js'
import type { FindingKindId } from './finding-kinds.js'

/** `error`: messages are lost, doubled, torn or stuck by it. `warning`: they may be. `notice`: worth knowing. */
export type Severity = 'error' | 'warning' | 'notice'

/** One instance, for people and for `--extract`. */
export interface Evidence {
  /** The frames that show it, in order; the first is where it is. */
  readonly frames: readonly FrameRef[]
  /** `address:port`, or an address alone; null where it has none. */
  readonly from: string | null
  readonly to: string | null
  /** One sentence with names, addresses, sequence ids and numbers. */
  readonly text: string
  /** `guid\id` of the message that it is about; null without one. */
  readonly message: string | null
  /** Sequence id as sequenceIdText writes it; null without one. */
  readonly sequence: string | null
  /** Number in the sequence. */
  readonly number: number | null
  /** QMIds, or addresses where none is known, of the machines that it is about: who did it first, who suffered last. */
  readonly machines: readonly string[]
  /** What makes one instance worse than another: copies, seconds, … Default 0; the worst is the first of the greatest. */
  readonly weight: number
  /** Why it is not proven: what the capture does not show. Empty: proven. */
  readonly reservations: readonly string[]
}

/** All instances of one kind. */
export interface CaptureFinding {
  readonly id: FindingKindId
  readonly severity: Severity
  readonly title: string
  readonly count: number
  /** Instances that nothing the capture lacks could explain away. */
  readonly proven: number
  readonly first: Evidence
  readonly worst: Evidence
  /** The first ones, at most {@link INSTANCES_MAX}; what `--json`, `--csv` and `--extract` give. */
  readonly instances: readonly Evidence[]
  readonly cause: string
  /** Behaviour that it shows, such as `NLB-11`; null where the source documents name none. */
  readonly behaviour: string | null
  readonly remedy: string
}

/** Kept of each kind. */
export const INSTANCES_MAX = 1_000
