import { messageIdOf } from '../senders/sender-ledger.js'
import { type EventOf, eventsOf, type RunRecord } from './history.js'
import type { SenderFacts } from './message-facts.js'

/** Kinds of events that the sending machine notes of its own messages. */
type DepartureKind = 'accepted' | 'sent' | 'session-acked' | 'given-up'
/** Kinds of events that other machines note of messages that came. */
type ArrivalKind = 'arrived' | 'discarded' | 'forwarded' | 'consumed' | 'removed'

/** What the sender itself noted of its message `number`, in order; nothing when its MessageIDs were not kept. */
function departures<Kind extends DepartureKind>(
  run: RunRecord,
  sender: SenderFacts,
  number: number,
  kind: Kind,
): EventOf<Kind>[] {
  const noted: readonly EventOf<DepartureKind>[] = ofMessage<DepartureKind>(run, sender, number, kind)
  return noted.filter(({ node }) => node === sender.node.name) as EventOf<Kind>[]
}

/** What other machines noted of it. Of clones, whose MessageIDs may be the same, it may be another's message. */
export function arrivals<Kind extends ArrivalKind>(
  run: RunRecord,
  sender: SenderFacts,
  number: number,
  kind: Kind,
): EventOf<Kind>[] {
  const noted: readonly EventOf<ArrivalKind>[] = ofMessage<ArrivalKind>(run, sender, number, kind)
  return noted.filter(({ source }) => source === sender.node.guid) as EventOf<Kind>[]
}

/** Whoever's messages have that MessageID. */
function ofMessage<Kind extends DepartureKind | ArrivalKind>(
  run: RunRecord,
  { ledger }: SenderFacts,
  number: number,
  kind: Kind,
): EventOf<Kind>[] {
  const id = ledger === null ? null : messageIdOf(ledger, number)
  if (id === null) return []
  return eventsOf<DepartureKind | ArrivalKind>(run, kind).filter(({ messageId }) => messageId === id) as EventOf<Kind>[]
}

/** When the message was first seen to be in its sender's hands: accepted, or sent. Null where nothing was noted of it. */
export function departedMs(run: RunRecord, sender: SenderFacts, number: number): number | null {
  const [accepted] = departures(run, sender, number, 'accepted')
  const [sent] = departures(run, sender, number, 'sent')
  return accepted?.atMs ?? sent?.atMs ?? null
}
