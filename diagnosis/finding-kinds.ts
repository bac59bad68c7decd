import type { Severity } from './finding.js'

/** What is the same in every finding of a kind. */
export interface FindingKind {
  readonly severity: Severity
  /** A few words: the heading. */
  readonly title: string
  /** Why it happens, in plain language. */
  readonly cause: string
  readonly behaviour: string | null
  /** What to change. */
  readonly remedy: string
}

const kind = (
  severity: Severity,
  title: string,
  behaviour: string | null,
  cause: string,
  remedy: string,
): FindingKind => ({ severity, title, behaviour, cause, remedy })

/** Every kind of finding by its stable id, in the order in which they are shown: the worst news first. */
export const FINDING_KINDS = {
  'order-ack-misrouted': kind(
    'error',
    'order acks went to the wrong machine',
    'NLB-11',
    'A receiver sends the order ack in a new session to the address that the message came from. Behind a balancer that puts its own address in place of the sender’s, that session is one more connection to the balancer, which gives it to any host.',
    'Let the balancer keep the source address (NLB, DSR, transparent mode) so that order acks go straight to the sender, or use the supported configuration: HTTP front ends that store and forward to one back end.',
  ),
} as const satisfies Record<string, FindingKind>

export type FindingKindId = keyof typeof FINDING_KINDS
