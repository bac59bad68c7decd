import { z } from 'zod'
import { MessageClass } from '../../protocol/message-class.js'
import { machineName, milliseconds, SECONDS_MAX, seconds } from '../scenario-fields.js'
import { oneOrMany } from '../yaml-file.js'

/**
 * Packets as a fault script calls them. `session-ack` is one on its own; a header that a message carries along belongs to
 * that message. `admin-ack`: positive or negative, of whatever class. `http-post` and `http-answer`: an SRMP message and the
 * status that answers it; `stream-receipt` is a post that acknowledges in order.
 */
const SESSION_PACKETS = [
  'establish',
  'connection-parameters',
  'user-message',
  'session-ack',
  'order-ack',
  'final-ack',
  'admin-ack',
] as const
export const HTTP_PACKETS = ['http-post', 'http-answer', 'stream-receipt'] as const
const PACKET_KINDS = [...SESSION_PACKETS, 'ping', ...HTTP_PACKETS] as const
export type PacketKind = (typeof PACKET_KINDS)[number]

/** `persisted`: the disk has a message of an application. `logged`: that, and its place in a transactional sequence. */
export const MOMENTS = ['persisted', 'logged'] as const
type Moment = (typeof MOMENTS)[number]
export type Instant = PacketKind | Moment

const chance = z.number().min(0).max(1)
const count = z.number().int().min(1)
const atS = z.number().min(0).max(SECONDS_MAX)

/** Traffic between two machines, as long as it lasts; what is not said is as on a quiet local network. */
const link = z.strictObject({
  /** Two machines, or the gateway. */
  between: z.tuple([machineName, machineName]).optional(),
  /** All links of this machine. */
  at: machineName.optional(),
  /** Nothing passes and nobody is told. */
  partition: z.literal(true).optional(),
  /** Connections are reset as it begins. */
  cut: z.literal(true).optional(),
  /** One way. */
  latencyMs: milliseconds.optional(),
  /** Up to so much more. */
  jitterMs: milliseconds.optional(),
  /** Of TCP: segments that have to be sent again. */
  lossChance: chance.optional(),
  bytesPerS: z.number().min(1).optional(),
  /** Little that is written waits so long for more to go with it. */
  coalesceMs: milliseconds.optional(),
  /** How long an end repeats what does not get through before it breaks off. */
  giveUpMs: milliseconds.optional(),
  /** Per segment: that it ends at some byte. */
  splitChance: chance.optional(),
  stallChance: chance.optional(),
  stallMaxMs: milliseconds.optional(),
  /** Per segment: that its connection is reset at some byte of it. */
  cutChance: chance.optional(),
  /** Per segment: that one end breaks off. */
  resetChance: chance.optional(),
  /** Per connect. */
  refuseChance: chance.optional(),
  /** Per connect: that no SYN is answered. */
  blackHoleChance: chance.optional(),
  datagramLossChance: chance.optional(),
  datagramDuplicateChance: chance.optional(),
  datagramSpreadMs: milliseconds.optional(),
})

/**
 * A write fails because there is no room, or for no reason; or each takes so much longer. Packets cannot be read. Or the disk
 * lies: what it reports as durable is lost with the power for so long after.
 */
const disk = z.strictObject({
  of: machineName,
  full: z.literal(true).optional(),
  failing: z.literal(true).optional(),
  slowMs: milliseconds.optional(),
  unreadable: z.literal(true).optional(),
  unflushedMs: milliseconds.optional(),
})

const CLASS = `a number up to 65535 or one of ${Object.keys(MessageClass).join(', ')}`

/**
 * Something that goes wrong while the scenario runs: one of the first three groups, and what belongs to it. docs/faults.md
 * explains each; fault-checks.ts knows what goes together.
 */
export const faultSchema = z.strictObject({
  // machines
  /** The process ends at once, as in a power failure; a host of an NLB cluster falls silent. */
  kill: oneOrMany(machineName).optional(),
  /** In order, as a service is stopped; a host stays in the cluster and refuses connections. */
  stop: oneOrMany(machineName).optional(),
  /** Out of the cluster, at once or draining; it runs on. */
  leave: oneOrMany(machineName).optional(),
  /** Simulated world: nothing of it runs, and nobody is told. */
  pause: oneOrMany(machineName).optional(),
  /** Simulated world: a wall clock is set forward or back. */
  clock: z.strictObject({ of: machineName, jumpS: z.number().min(-SECONDS_MAX).max(SECONDS_MAX) }).optional(),
  /** Simulated world. */
  disk: disk.optional(),

  // networks
  /** The hosts of an NLB cluster hear only their own group. */
  partition: z.array(oneOrMany(machineName)).min(2).optional(),
  /** A switch has learned the cluster's MAC address and gives all frames to one host. */
  learnMac: machineName.optional(),
  /** Simulated world. */
  link: link.optional(),

  // by meaning
  /** The packet is taken out of its stream; what follows from that follows by the protocol. */
  drop: z.enum(PACKET_KINDS).optional(),
  /** It is held for `byS`, and with it all that follows on its connection that way: TCP keeps the order. */
  delay: z.enum(PACKET_KINDS).optional(),
  /** It goes twice. */
  duplicate: z.enum(PACKET_KINDS).optional(),
  /** All bits of its byte `offset` are turned. */
  corrupt: z.enum(PACKET_KINDS).optional(),
  /** The connection is reset `before`, `after` or `between`. */
  cut: z.literal('session').optional(),
  /** The machine ends at that instant. */
  crash: machineName.optional(),
  /** On the wire the machine has the QMId of the one that it is swapped `with`. */
  swapQmId: machineName.optional(),

  // when
  /** From the beginning of the load. A fault by meaning befalls the first packet that fits from then on. */
  atS: atS.optional(),
  /** Not before each sender of transactions has had an order ack: on a slow machine that takes longer. */
  onceAcknowledged: z.boolean().default(false),
  /** After so long it starts again with what is on its disk, joins again, or is as it was. Default: never. */
  backAfterS: seconds.optional(),
  /** How long it lasts, or how long packets fall under it. Default: as long as the run. */
  forS: seconds.optional(),
  /** Packets from then on, counted from the beginning of the load. */
  fromS: atS.optional(),
  /** With `leave`: connections that it has go on. */
  drain: z.boolean().optional(),

  // which packets
  before: z.enum(PACKET_KINDS).optional(),
  after: z.enum([...PACKET_KINDS, ...MOMENTS]).optional(),
  /** After the first has come about, just before the second next passes. */
  between: z.tuple([z.enum([...PACKET_KINDS, ...MOMENTS]), z.enum(PACKET_KINDS)]).optional(),
  byS: seconds.optional(),
  offset: z.number().int().min(0).max(4_194_303).optional(),
  with: machineName.optional(),
  /** The machine at whose end of the connection it happens. Default: `from`, else `to`, else whoever writes the packet. */
  at: machineName.optional(),
  /** The queue manager that writes the packet. */
  from: machineName.optional(),
  /** The one that it gets to. */
  to: machineName.optional(),
  /** Messages of an application by their numbers, from 1 with each sender. */
  message: oneOrMany(count).optional(),
  /** Their sender. */
  of: machineName.optional(),
  class: z
    .union([z.enum(Object.keys(MessageClass) as ClassName[]), z.number().int().min(0).max(0xffff)], CLASS)
    .optional(),
  /** Ordinal of the transactional sequence, from 1 with each sender. */
  sequence: count.optional(),
  /** Numbers in the transactional sequence; of an order ack, up to which it acknowledges. */
  number: oneOrMany(count).optional(),
  /** Of all that fit, the n-th; counted from 1 by each machine that looks, anew when it starts again. */
  nth: oneOrMany(count).optional(),
  /** Of all that fit, every n-th. */
  every: count.optional(),
})
type ClassName = keyof typeof MessageClass

export type ScenarioFault = z.infer<typeof faultSchema>
export type LinkFault = NonNullable<ScenarioFault['link']>
/** What befalls a link: without `partition` and `cut`, the fields of a link profile that differ from a quiet one. */
export type LinkChange = Omit<LinkFault, 'between' | 'at'>
export type DiskCondition = Omit<NonNullable<ScenarioFault['disk']>, 'of'>

/** What random faults may be about. */
export const CHAOS_KINDS = [
  'kill',
  'stop',
  'leave',
  'pause',
  'clock',
  'disk',
  'link',
  'partition',
  'drop',
  'delay',
  'duplicate',
  'corrupt',
  'cut',
  'crash',
  'swapQmId',
] as const
export type ChaosKind = (typeof CHAOS_KINDS)[number]

/** Without weights: what may happen to machines that are set up right. */
const WEIGHTS: Partial<Record<ChaosKind, number>> = {
  kill: 1,
  leave: 1,
  pause: 1,
  clock: 1,
  disk: 1,
  link: 3,
  partition: 1,
  drop: 3,
  delay: 2,
  duplicate: 1,
  corrupt: 1,
  cut: 3,
  crash: 1,
}

/** Simulated world: faults that each seed draws for itself, on top of those in the list. See draw-faults.ts. */
export const chaosSchema = z.strictObject({
  /** They begin from the beginning of the load until then. */
  untilS: seconds,
  /** On average so far apart. */
  everyS: seconds,
  /** Of all seeds, how many have none. */
  quietChance: chance.default(0.1),
  /** How often each kind comes, against the others. */
  weights: z.partialRecord(z.enum(CHAOS_KINDS), z.number().min(0).max(1000)).default(WEIGHTS),
})
