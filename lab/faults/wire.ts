import { decodePacket } from '../../protocol/binary/packet.js'
import { type Guid, NIL_GUID } from '../../protocol/guid.js'
import type { ConnectionId } from '../../queue-manager/actions.js'
import { PacketLane } from './packet-lane.js'

/** A connection as rules see it. */
export class Wire {
  readonly id: ConnectionId
  readonly peer: { readonly address: string; readonly isMachine: boolean; guid: Guid | null }
  readonly in = new PacketLane()
  readonly out = new PacketLane()
  /** A rule has cut it: nothing passes any more, and the engine is to hear of a reset. */
  severed = false

  constructor(id: ConnectionId, address: string, isMachine: boolean) {
    this.id = id
    this.peer = { address, isMachine, guid: null }
  }

  /** Each side of the handshake says who it is: the client in the request, the server in the response. */
  learnPeer(establish: Buffer, own: Guid): void {
    const packet = decodePacket(establish)
    if (packet.packetType !== 'EstablishConnection') return
    // a response repeats the client's
    this.peer.guid = packet.clientGuid === own && packet.serverGuid !== NIL_GUID ? packet.serverGuid : packet.clientGuid
  }

  drop(): void {
    this.in.clear()
    this.out.clear()
  }
}
