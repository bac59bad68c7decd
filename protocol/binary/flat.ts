import { BASE_FLAGS, type BaseHeader } from './base-header.js'
import { type EstablishConnectionPacket, OPERATING_SYSTEM_FLAGS } from './establish-connection.js'
import { type FlatFields, flattenFlags } from './flat-fields.js'
import { flattenSession, flattenUserMessage } from './flat-user-message.js'
import { INTERNAL_FLAGS, type InternalHeader } from './internal-header.js'
import { type Packet, wireSizeOf } from './packet.js'
import { PING_FLAGS, PING_SIZE, type PingPacket } from './ping.js'
import { warningsOf } from './warnings.js'

/** Everything a packet says, in wire order. */
export function flatFields(packet: Packet): FlatFields {
  const out: FlatFields = { PacketType: packet.packetType, WireLength: wireSizeOf(packet) }
  flattenBase(out, packet.base)
  switch (packet.packetType) {
    case 'EstablishConnection':
      flattenInternal(out, packet.internal)
      flattenEstablishConnection(out, packet)
      break
    case 'ConnectionParameters': {
      flattenInternal(out, packet.internal)
      const prefix = 'ConnectionParametersHeader'
      out[`${prefix}.RecoverableAckTimeout`] = packet.recoverableAckTimeout
      out[`${prefix}.AckTimeout`] = packet.ackTimeout
      out[`${prefix}.Reserved`] = packet.reserved
      out[`${prefix}.WindowSize`] = packet.windowSize
      break
    }
    case 'SessionAck':
      flattenInternal(out, packet.internal)
      flattenSession(out, packet.session)
      break
    default:
      flattenUserMessage(out, packet)
  }
  const warnings = warningsOf(packet)
  if (warnings.length > 0) out.Warnings = warnings
  return out
}

/** The fields of a ping, whose names have no prefix. */
export function flatPing(ping: PingPacket): FlatFields {
  const out: FlatFields = { PacketType: 'Ping', WireLength: PING_SIZE }
  flattenFlags(out, 'Flags', ping.flags, PING_FLAGS)
  out.Signature = ping.signature
  out.Cookie = ping.cookie
  out.QMGuid = ping.qmGuid
  return out
}

function flattenBase(out: FlatFields, base: BaseHeader): void {
  out['BaseHeader.VersionNumber'] = base.versionNumber
  out['BaseHeader.Reserved'] = base.reserved
  flattenFlags(out, 'BaseHeader.Flags', base.flags, BASE_FLAGS)
  out['BaseHeader.Signature'] = base.signature
  out['BaseHeader.PacketSize'] = base.packetSize
  out['BaseHeader.TimeToReachQueue'] = base.timeToReachQueue
}

function flattenInternal(out: FlatFields, internal: InternalHeader): void {
  out['InternalHeader.Reserved'] = internal.reserved
  flattenFlags(out, 'InternalHeader.Flags', internal.flags, INTERNAL_FLAGS)
}

function flattenEstablishConnection(out: FlatFields, packet: EstablishConnectionPacket): void {
  const prefix = 'EstablishConnectionHeader'
  out[`${prefix}.ClientGuid`] = packet.clientGuid
  out[`${prefix}.ServerGuid`] = packet.serverGuid
  out[`${prefix}.TimeStamp`] = packet.timeStamp
  flattenFlags(out, `${prefix}.OperatingSystem`, packet.operatingSystem, OPERATING_SYSTEM_FLAGS)
  out[`${prefix}.Reserved`] = packet.reserved
  const fill = packet.padding[0]!
  if (packet.padding.every(byte => byte === fill)) out[`${prefix}.PaddingFill`] = fill
  else out[`${prefix}.Padding`] = packet.padding.toString('hex')
}

export type NestedFields = {
  [name: string]: number | string | readonly string[] | NestedFields | NestedFields[] | number[]
}

/** The same fields as objects within objects; members named 0, 1, 2… become an array. */
export function nestFields(flat: FlatFields): NestedFields {
  const root: NestedFields = {}
  for (const [name, value] of Object.entries(flat)) {
    const steps = name.split('.')
    const last = steps.pop()!
    let at = root
    for (const step of steps) {
      at[step] ??= {}
      at = at[step] as NestedFields
    }
    at[last] = value
  }
  return withArrays(root) as NestedFields
}

function withArrays(value: NestedFields[string]): NestedFields[string] {
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const entries = Object.entries(value as NestedFields).map(([name, member]) => [name, withArrays(member)] as const)
  if (entries.length > 0 && entries.every(([name], index) => name === String(index))) {
    return entries.map(([, member]) => member) as NestedFields[]
  }
  return Object.fromEntries(entries)
}
