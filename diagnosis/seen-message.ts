import type { FrameRef } from '../capture/frame.js'
import type { Direction } from '../capture/tcp/seen-connection.js'
import type { Guid } from '../protocol/guid.js'
import type { Session } from './session.js'

/** A machine as the capture shows it at one end of a connection. */
export interface MachineEnd {
  /** Null where no packet told. */
  readonly qmId: Guid | null
  readonly address: string
}

/** What travels on a session, over TCP or HTTP alike. Nothing in it is a view. */
interface Travelling {
  readonly session: Session
  readonly direction: Direction
  readonly first: FrameRef
  readonly last: FrameRef
  /** Seen before on the side of the balancer that is nearer to its sender: this is the same one, passed on. */
  readonly relayed: boolean
  /** Who put it on the wire where it was seen first, and so on the sender's side of a balancer. */
  readonly from: MachineEnd
  /** QMId that the packet names as its origin; null over HTTP where the envelope has none. */
  readonly source: Guid | null
  /** Counter of its origin: with `source` it names the message. */
  readonly messageId: number
}

/** A message of an application, an administration ack or a report, on one of its ways. */
export interface SeenMessage extends Travelling {
  readonly source: Guid
  /** Its sender passes it on for another: a routing server, or a front end. */
  readonly forwarded: boolean
  readonly messageClass: number
  readonly recoverable: boolean
  /** As the packet has it, such as `TCP:10.0.0.5\private$\orders`; a URL over HTTP. */
  readonly destination: string
  /** Null when it is not transactional. */
  readonly transaction: {
    /** Sequence id as sequenceIdText writes it. */
    readonly sequence: string
    readonly number: number
    readonly previous: number
    /** FM, LM and ID of the TransactionHeader. */
    readonly isFirst: boolean
    readonly isLast: boolean
    readonly index: number
  } | null
  /** Of user messages on the wire of this session and direction, counted from 1; 0 over HTTP, and where the start was not seen. */
  readonly sessionNumber: number
  /** Seconds since 1970, of the sender's clock. */
  readonly sentTimeS: number
  /** Seconds; 0xFFFFFFFF is for ever. */
  readonly timeToReachQueueS: number
  readonly bodySize: number
  /** Priority 0 to 7. */
  readonly priority: number
  /** In administration acks and final acks: the message that it is about, `guid\id`. */
  readonly about: string | null
  readonly adminQueue: string | null
  /** Routing servers passed. */
  readonly hops: number
}

export interface SeenOrderAck extends Travelling {
  readonly sequence: string
  /** Whose sequence it is; null over TCP, where the packet does not say. */
  readonly forSource: Guid | null
  /** Highest number taken in order. */
  readonly number: number
  /** As the packet addresses it. */
  readonly destination: string
}

export interface SeenFinalAck extends Travelling {
  readonly sequence: string | null
  readonly number: number | null
  readonly messageClass: number
  /** `guid\id` of the message that it is about. */
  readonly about: string
  readonly destination: string
}
