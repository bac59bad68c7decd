import { buildConnectionParameters, buildEstablishConnection, buildSessionAck } from '../protocol/binary/build.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import type { CaptureConnection } from './capture-connection.js'

const SERVER_SYSTEM = 0x0210
const RECOVERABLE_ACK_TIMEOUT_MS = 500
const ACK_TIMEOUT_MS = 20_000
const WINDOW = 64
/** Of messages between two flushes, at most. */
const STAGE_BYTES = 1 << 16

/** A session of the binary protocol on such a connection: handshake, counts, session acks. Only its client sends messages. */
export class CaptureSession {
  readonly connection: CaptureConnection
  /** Messages on it up to now. */
  messages = 0
  #recoverable = 0
  #recoverableAcknowledged = 0
  readonly #stage = Buffer.alloc(STAGE_BYTES)
  #staged = 0

  constructor(connection: CaptureConnection) {
    this.connection = connection
  }

  /** @param uptimeMs since the client's system started */
  open(client: Guid, server: Guid, uptimeMs: number): void {
    this.connection.open()
    const establish = { clientGuid: client, timeStamp: uptimeMs, operatingSystem: SERVER_SYSTEM }
    const parameters = buildConnectionParameters({
      recoverableAckTimeout: RECOVERABLE_ACK_TIMEOUT_MS,
      ackTimeout: ACK_TIMEOUT_MS,
      windowSize: WINDOW,
    })
    this.#write(0, buildEstablishConnection({ ...establish, response: false, serverGuid: NIL_GUID }))
    this.#write(1, buildEstablishConnection({ ...establish, response: true, serverGuid: server }))
    this.#write(0, parameters)
    this.#write(1, parameters)
  }

  /** Takes a copy of a user message, to be written with the next {@link flush}. */
  message(packet: Buffer, recoverable: boolean): void {
    this.#staged += packet.copy(this.#stage, this.#staged)
    this.messages += 1
    if (recoverable) this.#recoverable += 1
  }

  /** All messages since the last one, in as few segments as they fit in. */
  flush(): void {
    this.connection.write(0, this.#stage, this.#staged)
    this.#staged = 0
  }

  /** A session ack for all there is: at most 32 recoverable messages. */
  acknowledge(): void {
    const pending = this.#recoverable - this.#recoverableAcknowledged
    const first = (this.#recoverableAcknowledged + 1) & 0xffff
    this.#write(
      1,
      buildSessionAck({
        ackSequenceNumber: this.messages & 0xffff,
        recoverableMsgAckSeqNumber: pending === 0 ? 0 : first,
        recoverableMsgAckFlags: 2 ** pending - 1,
        userMsgSequenceNumber: 0,
        recoverableMsgSeqNumber: 0,
        windowSize: WINDOW,
        reserved: 0,
      }),
    )
    this.#recoverableAcknowledged = this.#recoverable
    this.connection.acknowledge(0)
  }

  close(): void {
    this.connection.close()
  }

  #write(direction: 0 | 1, bytes: Buffer): void {
    this.connection.write(direction, bytes, bytes.length)
  }
}
