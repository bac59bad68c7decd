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
  'order-ack-to-another-sender': kind(
    'error',
    'order acks went to another sender',
    'NLB-12',
    'Several senders share the balancer’s address in the eyes of the receivers, so that the order ack for one is given to another, which has no message that it fits and drops it.',
    'Let the balancer keep the source address, so that each order ack goes straight to its own sender, or use the supported configuration: HTTP front ends that store and forward to one back end.',
  ),
  'order-ack-to-a-clone': kind(
    'error',
    'order acks went to a clone of the sender',
    'QMID-3',
    'Two machines have one QMId, since one was made from the other’s image. A receiver keeps one address for a QMId, so acknowledgements for the one go to the other, which drops them.',
    'Give each clone a QMId of its own: stop the Message Queuing service, delete the registry value QMId, set SysPrep to 1, start the service.',
  ),
} as const satisfies Record<string, FindingKind>

export type FindingKindId = keyof typeof FINDING_KINDS
