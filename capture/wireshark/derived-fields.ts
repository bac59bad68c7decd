/** What parts of the dissector add to the fields of the specification, because people look for it. */
export interface DerivedField {
  readonly filter: string
  readonly type: 'string' | 'uint16' | 'uint32' | 'bytes' | 'time'
  readonly title: string
  /** For the documentation. */
  readonly about: string
}

const field = (filter: string, type: DerivedField['type'], title: string, about: string): DerivedField => ({
  filter,
  type,
  title,
  about,
})

export const MQQB_DERIVED: readonly DerivedField[] = [
  field(
    'mqqb.type',
    'string',
    'Packet type',
    'UserMessage, OrderAck, FinalAck, SessionAck, EstablishConnection, ConnectionParameters or Ping',
  ),
  field('mqqb.length', 'uint32', 'Length', 'bytes in the stream, with a SessionHeader that follows PacketSize'),
  field(
    'mqqb.message',
    'string',
    'Message',
    'identifier of a message, SourceQueueManager\\MessageID, as applications see it',
  ),
  field(
    'mqqb.acknowledged',
    'string',
    'Acknowledged message',
    'the message that an administration acknowledgement or a final acknowledgement is about',
  ),
  field(
    'mqqb.txseq',
    'string',
    'Sequence',
    'transactional sequence, TimeStamp:Ordinal in hexadecimal, in messages and in acknowledgements alike',
  ),
  field('mqqb.user.txseq', 'string', 'Sequence of the message', 'the same, in messages only'),
  field('mqqb.orderack.txseq', 'string', 'Sequence acknowledged', 'the same, in order acknowledgements only'),
  field('mqqb.finalack.txseq', 'string', 'Sequence of the message', 'the same, in final acknowledgements only'),
  field('mqqb.destination', 'string', 'Destination', 'format name of the queue that the message is for'),
  field('mqqb.admin', 'string', 'Administration queue', 'format name of the queue that acknowledgements go to'),
  field('mqqb.response', 'string', 'Response queue', 'format name of the queue that responses go to'),
  field('mqqb.sent', 'time', 'Sent', 'UserHeader.SentTime as a date'),
  field(
    'mqqb.security.securitydata.securityid.sid',
    'string',
    'Security identifier of the sender',
    'SecurityID as text, where it is a SID',
  ),
  field(
    'mqqb.session.ackedrecoverable',
    'uint16',
    'Recoverable message acknowledged',
    'each number that RecoverableMsgAckFlags acknowledges',
  ),
  field(
    'mqqb.skipped',
    'bytes',
    'No packet',
    'bytes that belong to no packet: the capture starts in the middle of one, or misses a piece',
  ),
]
