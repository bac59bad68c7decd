/**
 * What is known of message queuing behind a balancer (NLB) and on cloned machines (QMID), a statement each. A scenario
 * claims some of them; lab/behaviour-evidence.ts says what proves one in a run.
 */
export const BEHAVIOURS = {
  'NLB-1': 'Plain messages to DIRECT=TCP:<cluster address> each reach one receiver, with nothing configured.',
  'NLB-2': 'Plain messages to DIRECT=OS:<cluster name> arrive when receivers ignore the machine name.',
  'NLB-3': 'A receiver that checks the machine name discards what is addressed to the cluster name, and says so.',
  'NLB-4': 'Plain messages to DIRECT=HTTP://<cluster address> arrive with nothing configured.',
  'NLB-5': 'Transactions work over HTTP when all nodes forward to one back-end queue.',
  'NLB-6': 'Transactions over HTTP to queues on the balanced nodes fail as they do over TCP.',
  'NLB-7': 'Only private queues can be addressed: the cluster name has no directory object.',
  'NLB-8': 'An order ack goes to the source address in a new session, and frees the message at the sender.',
  'NLB-9': 'Without an order ack within the resend interval the sender sends again.',
  'NLB-10': 'A receiver that has logged the message rejects the resend and acknowledges again.',
  'NLB-11': 'Behind source translation order acks go to the balancer, and on to the wrong machine.',
  'NLB-12': 'With several senders order acks reach the wrong one, and outgoing queues fill up.',
  'NLB-13': 'A resend reaches another receiver, which takes it as new: a duplicate.',
  'NLB-14': 'A transaction is not delivered whole, or not in order, on one receiver.',
  'NLB-15': 'A receiver that lacks the predecessor refuses a transactional message, which stays stuck.',
  'NLB-16': 'Balanced nodes that send get their order acks at their own address or at the balancer.',
  'QMID-1': 'The QMId, and neither name nor address, tells queue managers apart.',
  'QMID-2': 'Receivers address order acks by a cache QMId -> address, whose rows expire.',
  'QMID-3': 'Clones share one row, so that order acks for one go to another.',
  'QMID-4': 'A machine that gets an order ack for messages it does not have discards it.',
  'QMID-5': 'Few, slow clones: rows expire in between, and nothing is noticed.',
  'QMID-6': 'Busy clones: an outgoing queue stalls until the row expires, then empties as if by itself.',
  'QMID-7': 'Messages disappear: their time runs out, or an order ack meant for another frees them.',
  'QMID-8': 'With a fresh QMId for each machine the misrouting stops.',
  'QMID-9': 'In a directory the QMId is in the computer object, and the remedy is to install anew.',
} as const satisfies Readonly<Record<string, string>>

export type BehaviourId = keyof typeof BEHAVIOURS

export const BEHAVIOUR_IDS = Object.keys(BEHAVIOURS) as BehaviourId[]

/** Those that no scenario can show, and why. */
export const NOT_SHOWN: Readonly<Partial<Record<BehaviourId, string>>> = {
  'QMID-9':
    'machines that are in a directory keep their QMId in its computer object, and have to be installed anew; mqlab has no directory',
}
