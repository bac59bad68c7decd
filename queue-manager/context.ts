import type { Guid } from '../protocol/guid.js'
import type { Acknowledgements } from './acknowledgements.js'
import type { ActionLog } from './action-log.js'
import type { PacketSource } from './actions.js'
import type { Now } from './clock.js'
import type { Counters } from './counters.js'
import type { Destinations } from './destinations.js'
import type { HttpNames } from './http/names.js'
import type { StreamReceipts } from './http/stream-receipts.js'
import type { IdentifierMemory } from './identifier-memory.js'
import type { IncomingSequences } from './incoming-sequence.js'
import type { LocalQueues } from './local-queues.js'
import type { OutgoingQueues } from './outgoing-queues.js'
import type { PacketMemory } from './packet-memory.js'
import type { PacketResidency } from './packet-residency.js'
import type { QmIdCache } from './qmid-cache.js'
import type { Reads } from './reads.js'
import type { MessageSecurity } from './security/message-security.js'
import type { Sessions } from './sessions.js'
import type { Settings } from './settings.js'
import type { StoreBatch } from './store-batch.js'
import type { Timers } from './timers.js'
import type { Transactions } from './transactions.js'

/** What the parts of one engine share. `now` is the reading given with the input being worked on. */
export interface Context {
  readonly name: string
  readonly guid: Guid
  readonly settings: Settings
  readonly counters: Counters
  readonly timers: Timers
  readonly log: ActionLog
  readonly batch: StoreBatch
  readonly memory: PacketMemory
  /** Where packets of durable messages are read again. */
  readonly packets: PacketSource
  readonly residency: PacketResidency
  readonly cache: QmIdCache
  readonly identifiers: IdentifierMemory
  readonly destinations: Destinations
  readonly httpNames: HttpNames
  readonly localQueues: LocalQueues
  readonly outgoingQueues: OutgoingQueues
  readonly reads: Reads
  readonly transactions: Transactions
  readonly security: MessageSecurity
  readonly sessions: Sessions
  readonly incomingSequences: IncomingSequences
  readonly acknowledgements: Acknowledgements
  readonly streamReceipts: StreamReceipts
  now: Now
  /** Number of the next request of an application: what its answer is found by. */
  nextRequest(): number
}
