import type { FrameRef } from '../capture/frame.js'
import type { Direction } from '../capture/tcp/seen-connection.js'
import type { ConnectionParametersPacket } from '../protocol/binary/connection-parameters.js'
import type { EstablishConnectionPacket } from '../protocol/binary/establish-connection.js'
import { INTERNAL_FLAGS } from '../protocol/binary/internal-header.js'
import type { BalancerSides } from './balancer-sides.js'
import type { Parties } from './parties.js'
import type { Session } from './session.js'

/** Learns from the packets that open a session who is at its ends. */
export class Handshakes {
  readonly #parties: Parties
  readonly #sides: BalancerSides

  constructor(parties: Parties, sides: BalancerSides) {
    this.#parties = parties
    this.#sides = sides
  }

  packet(
    session: Session,
    direction: Direction,
    packet: EstablishConnectionPacket | ConnectionParametersPacket,
    at: FrameRef,
  ): void {
    if ((packet.internal.flags & INTERNAL_FLAGS.CS) !== 0) session.refused = true
    if (packet.packetType === 'ConnectionParameters') {
      session.parameters[direction] ??= at.timeUs
      session.ackTimeoutMs = packet.ackTimeout
      session.recoverableAckTimeoutMs = packet.recoverableAckTimeout
    } else if (session.established[direction] === null) {
      session.established[direction] = at.timeUs
      if (direction === 0) this.#request(session, packet, at)
      else this.#response(session, packet, at)
    }
  }

  #request(session: Session, { clientGuid, timeStamp }: EstablishConnectionPacket, at: FrameRef): void {
    session.qmIds[0] = clientGuid
    session.clientUptimeMs = timeStamp
    this.#sides.established(session, clientGuid, timeStamp)
    const { front, back } = session
    if (front !== null) return
    const { client } = session.connection
    const place = this.#parties.seen(clientGuid, client.address, at, 'opens', client.mac)
    if (place !== null) place.startedUs = at.timeUs - timeStamp * 1000
    // the side that was captured first turns out to be the one beyond the balancer
    if (back !== null && back.connection.client.address !== client.address)
      this.#parties.unsee(clientGuid, back.connection.client.address)
  }

  #response(session: Session, { clientGuid, serverGuid }: EstablishConnectionPacket, at: FrameRef): void {
    session.qmIds[0] ??= clientGuid
    session.qmIds[1] = serverGuid
    for (const other of this.#sides.answered(session)) {
      const { server } = other.connection
      this.#parties.seen(other.qmIds[1]!, server.address, at, 'answers', server.mac)
    }
    if (session.front !== null) session.front.qmIds[1] ??= serverGuid
    if (session.back !== null) return
    const { server } = session.connection
    this.#parties.seen(serverGuid, server.address, at, 'answers', server.mac)
  }
}
