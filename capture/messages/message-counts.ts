import type { Packet } from '../../protocol/binary/packet.js'

/** What a capture had of MSMQ, and what it had besides. */
export interface MessageCounts {
  /** Connections that spoke MS-MQQB, and HTTP to MSMQ. */
  msmqConnections: number
  httpConnections: number
  /** Packets by what they are. */
  readonly packets: Record<Packet['packetType'], number>
  requests: number
  responses: number
  pings: number
  malformed: number
  resynchronised: number
  /** Captured bytes of MSMQ connections that could not be read: behind what is missing or wrong. */
  skippedBytes: number
  /** Captured bytes that were let go because too much waited. */
  letGoBytes: number
}

export function newMessageCounts(): MessageCounts {
  return {
    msmqConnections: 0,
    httpConnections: 0,
    packets: {
      EstablishConnection: 0,
      ConnectionParameters: 0,
      SessionAck: 0,
      UserMessage: 0,
      OrderAck: 0,
      FinalAck: 0,
    },
    requests: 0,
    responses: 0,
    pings: 0,
    malformed: 0,
    resynchronised: 0,
    skippedBytes: 0,
    letGoBytes: 0,
  }
}
