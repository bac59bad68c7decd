import { buildConnectionParameters, buildEstablishConnection } from '../protocol/binary/build.js'
import type { ConnectionParametersPacket } from '../protocol/binary/connection-parameters.js'
import type { EstablishConnectionPacket } from '../protocol/binary/establish-connection.js'
import { INTERNAL_FLAGS } from '../protocol/binary/internal-header.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import type { Now } from './clock.js'
import type { Settings } from './settings.js'

/* What the packets of a handshake say, on both sides ([MS-MQQB] 3.1.5.2.3 to 3.1.5.4). The states are the session's. */

/** EstablishConnection OperatingSystem ([MS-MQQB] 2.2.3.1): 0x10 always, SE "no ping came first", OS "server edition". */
const OPERATING_SYSTEM = 0x0010
const OS_NO_PING = 0x0100
const OS_SERVER = 0x0200

/** Ranges of ConnectionParameters, ms ([MS-MQQB] 2.2.2.1). */
const RECOVERABLE_ACK_TIMEOUT = { min: 500, max: 120_000 }
const ACK_TIMEOUT = { min: 20_000, max: 120_000 }

/** The two times of ConnectionParameters, ms. The initiator's hold for both sides. */
export interface AckTimes {
  /** Delay of a session ack after a recoverable message. */
  readonly recoverableDelayMs: number
  /** Wait for a session ack before the session is given up. */
  readonly ackWaitTimeoutMs: number
}

export function establishRequest(guid: Guid, wantedGuid: Guid, now: Now, pinged: boolean): Buffer {
  return buildEstablishConnection({
    response: false,
    clientGuid: guid,
    serverGuid: wantedGuid,
    timeStamp: clockMs(now),
    operatingSystem: OPERATING_SYSTEM | OS_SERVER | (pinged ? 0 : OS_NO_PING),
  })
}

/** Says the request that a ping came before it? */
export function claimsPing(request: EstablishConnectionPacket): boolean {
  return (request.operatingSystem & OS_NO_PING) === 0
}

/** Is this the queue manager that the request wants? Zero means whoever is there (decision A3). */
export function isWanted(request: EstablishConnectionPacket, guid: Guid): boolean {
  return request.serverGuid === NIL_GUID || request.serverGuid === guid
}

/** Echoes the request, with our own GUID; CS tells a peer that wanted another queue manager ([MS-MQQB] 3.1.5.3.1). */
export function establishAnswer(request: EstablishConnectionPacket, guid: Guid): Buffer {
  return buildEstablishConnection({
    response: true,
    refused: !isWanted(request, guid),
    clientGuid: request.clientGuid,
    serverGuid: guid,
    timeStamp: request.timeStamp,
    operatingSystem: OPERATING_SYSTEM | (request.operatingSystem & OS_NO_PING) | OS_SERVER,
  })
}

/** What is wrong with an answer, or null ([MS-MQQB] 3.1.5.3.2); any GUID is right when none was wanted (decision A9). */
export function refusalIn(answer: EstablishConnectionPacket, guid: Guid, wantedGuid: Guid): string | null {
  if ((answer.internal.flags & INTERNAL_FLAGS.CS) !== 0) return 'refused by the peer'
  if (wantedGuid !== NIL_GUID && answer.serverGuid !== wantedGuid) return `peer is ${answer.serverGuid}`
  return answer.clientGuid === guid ? null : 'answer to another client'
}

/** Eight round trips, which the echoed TimeStamp measures, within the published range. */
export function recoverableDelayMs(answer: EstablishConnectionPacket, now: Now, settings: Settings): number {
  const roundTripMs = (clockMs(now) - answer.timeStamp) >>> 0
  return Math.min(Math.max(8 * roundTripMs, settings.RecoverableAckSendTimeoutMin), RECOVERABLE_ACK_TIMEOUT.max)
}

export function parametersRequest(times: AckTimes, settings: Settings): Buffer {
  return buildConnectionParameters({
    recoverableAckTimeout: Math.round(times.recoverableDelayMs),
    ackTimeout: Math.round(times.ackWaitTimeoutMs),
    windowSize: settings.MaxUnackedPacket,
  })
}

/** Echoes both times, with our own window ([MS-MQQB] 3.1.5.4.1). */
export function parametersAnswer(request: ConnectionParametersPacket, settings: Settings): Buffer {
  const { recoverableAckTimeout, ackTimeout } = request
  return buildConnectionParameters({ recoverableAckTimeout, ackTimeout, windowSize: settings.MaxUnackedPacket })
}

/** The initiator's times, clamped above (decision A4). */
export function timesIn(request: ConnectionParametersPacket): AckTimes {
  return {
    recoverableDelayMs: Math.min(request.recoverableAckTimeout, RECOVERABLE_ACK_TIMEOUT.max),
    ackWaitTimeoutMs: Math.min(request.ackTimeout, ACK_TIMEOUT.max),
  }
}

/** Are both times within the published ranges? Only a strict queue manager asks (decision A4). */
export function areInRange({ recoverableAckTimeout, ackTimeout }: ConnectionParametersPacket): boolean {
  const within = (value: number, range: { min: number; max: number }) => value >= range.min && value <= range.max
  return within(recoverableAckTimeout, RECOVERABLE_ACK_TIMEOUT) && within(ackTimeout, ACK_TIMEOUT)
}

/** The TimeStamp of EstablishConnection: a millisecond clock of 32 bits. */
function clockMs(now: Now): number {
  return Math.floor(now.monotonicMs) >>> 0
}
