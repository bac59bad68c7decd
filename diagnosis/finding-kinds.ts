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
  'duplicate-delivery': kind(
    'error',
    'messages were delivered twice',
    'NLB-13',
    'A message whose acknowledgement did not come back is sent again, and the balancer gives the repetition to another machine, which has not seen it before and takes it as new.',
    'Let acknowledgements come back (keep the source address), and let one client’s sessions always go to one host; exactly once behind a balancer takes HTTP front ends that store and forward to one back end.',
  ),
  'transaction-torn': kind(
    'error',
    'transactions were torn apart',
    'NLB-14',
    'The messages of one transaction went to different machines, as the session was opened anew in the middle and the balancer chose again. No machine has all of it.',
    'Transactional messages behind a balancer are supported over HTTP only, with front ends that store and forward to one back end. Longer affinity and idle limits make it rarer, and do not prevent it.',
  ),
  'outgoing-queue-stuck': kind(
    'error',
    'outgoing queues cannot drain',
    'NLB-12',
    'A transactional message stays in its sender’s outgoing queue until the order ack for it comes home. It is sent again and again in vain.',
    'See to it that order acks reach their sender: at the address that receivers see, TCP port 1801, straight and not through a balancer.',
  ),
  'order-ack-never-sent': kind(
    'error',
    'order acks were never sent',
    'NLB-8',
    'A receiver that takes a transactional message sends an order ack to its sender, in a session of its own. This one did not, or could not connect.',
    'Look for connections from the receiver to port 1801 of the sender’s address as it sees it: a firewall, a route, or a balancer that does not take them. If there are none, look at the receiver’s own outgoing queues.',
  ),
  'sequence-broken': kind(
    'error',
    'a receiver cannot take a sequence that it has the middle of',
    'NLB-15',
    'Transactional messages are taken in order: each names the one before it. A machine that was given a sequence from the middle lacks that one and waits for it, for ever.',
    'Keep a sender’s sessions at one receiver: affinity by client address and no balancing of port 1801 in the middle of a sequence, or HTTP front ends that store and forward to one back end.',
  ),
  'acked-but-resent': kind(
    'error',
    'acknowledged messages were sent again',
    'NLB-9',
    'The receiver sent the order ack, but it did not reach the sender, who sends the message again after each resend interval: 3 times 30 s, 3 times 5 minutes, 3 times 30 minutes, then every 6 hours.',
    'Follow the order ack in the named frame: where its connection goes is where it was lost. Let the balancer keep the source address.',
  ),
  'qmid-at-several-addresses': kind(
    'error',
    'one QMId at several addresses: cloned machines',
    'QMID-3',
    'The queue manager’s identity was copied with the machine’s image. Receivers keep one address for it, so acknowledgements for one clone go to another.',
    'Give each clone a QMId of its own: stop the Message Queuing service, delete the registry value QMId, set SysPrep to 1, start the service.',
  ),
  'name-validation-discard': kind(
    'error',
    'receivers discard messages that name the cluster',
    'NLB-3',
    'A receiver compares the computer name in DIRECT=OS: with its own. Behind a balancer the name is the cluster’s, and it discards the message.',
    'Set the registry value IgnoreOSNameValidation to 1 on every receiver (not for transactional messages, which are not supported so), or address the cluster as DIRECT=TCP:address.',
  ),
  'negative-acknowledgement': kind(
    'warning',
    'messages were refused',
    'MQ-10',
    'The receiving queue manager says why it did not take a message, or why nobody read it.',
    'See the class of each: NACK_BAD_DST_Q no such queue, NACK_Q_EXCEED_QUOTA full, NACK_ACCESS_DENIED no permission, NACK_REACH_QUEUE_TIMEOUT too late, NACK_NOT_TRANSACTIONAL_Q and _MSG the wrong kind of queue.',
  ),
  'source-translated': kind(
    'notice',
    'receivers see another address than the sender’s',
    'NLB-11',
    'A balancer or router puts its own address in place of the client’s. Harmless for express and recoverable messages; order acks of transactional ones go to that address.',
    'For transactional messages over TCP the receivers must see the senders’ own addresses.',
  ),
} as const satisfies Record<string, FindingKind>

export type FindingKindId = keyof typeof FINDING_KINDS
