import type { SeenConnection, SeenEnding } from '../capture/tcp/seen-connection.js'
import type { Guid } from '../protocol/guid.js'
import type { MachineEnd } from './seen-message.js'
import type { Sequence } from './sequences.js'

/** A connection that speaks MSMQ, and what its packets said of its two ends. Grows while the capture is read. */
export class Session {
  readonly connection: SeenConnection
  protocol: 'msmq' | 'http' | 'unknown' = 'unknown'
  /** QMIds of [client, server], by the handshake; null until known. */
  readonly qmIds: [Guid | null, Guid | null] = [null, null]
  /** Microseconds of EstablishConnection and ConnectionParameters: [request, response]; null until seen. */
  readonly established: [number | null, number | null] = [null, null]
  readonly parameters: [number | null, number | null] = [null, null]
  /** What the response said: the connection is refused. */
  refused = false
  /** Agreed in ConnectionParameters, milliseconds; null until seen. */
  ackTimeoutMs: number | null = null
  recoverableAckTimeoutMs: number | null = null
  /** EstablishConnection's TimeStamp: milliseconds since the client's system started; null until seen. */
  clientUptimeMs: number | null = null
  /** Bytes are missing in [client to server, server to client]. */
  readonly holes: [boolean, boolean] = [false, false]
  /** User messages seen on it in each direction. */
  readonly messages: [number, number] = [0, 0]
  ending: SeenEnding | null = null
  /** Of the latest transactional message: a session serves one outgoing queue, and so one sequence. */
  sequence: Sequence | null = null
  /** Of the first user packet that the client sent: the same on both sides of a balancer. */
  firstPacketHash: number | null = null
  /** The same bytes on the balancer's other side: towards the client, or towards the server. See BalancerSides. */
  front: Session | null = null
  back: Session | null = null
  readonly #ends: [MachineEnd | null, MachineEnd | null] = [null, null]

  constructor(connection: SeenConnection) {
    this.connection = connection
  }

  /** The end of the chain that is nearest to the client, and to the server. */
  get frontmost(): Session {
    let at: Session = this
    while (at.front !== null) at = at.front
    return at
  }

  get backmost(): Session {
    let at: Session = this
    while (at.back !== null) at = at.back
    return at
  }

  /** Client or server as the outer sides show it. The same object as long as nothing new is known. */
  end(side: 0 | 1): MachineEnd {
    const qmId = this.qmIds[side]
    const { address } = side === 0 ? this.frontmost.connection.client : this.backmost.connection.server
    const known = this.#ends[side]
    if (known !== null && known.qmId === qmId && known.address === address) return known
    const end: MachineEnd = { qmId, address }
    this.#ends[side] = end
    return end
  }

  /** `10.0.0.7:49152 → 10.0.0.5:1801` */
  get name(): string {
    const { client, server } = this.connection
    return `${client.address}:${client.port} → ${server.address}:${server.port}`
  }
}
