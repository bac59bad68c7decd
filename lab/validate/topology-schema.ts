import { z } from 'zod'
import { oneOrMany } from '../yaml-file.js'
import { BALANCER_KINDS } from './balancer-kinds.js'
import { RULE_VERDICTS } from './rule.js'

/**
 * What a topology file may say: who sends what, through which balancer, to which machines. Names are those of the field.
 * Wherever a list is wanted, one item may stand alone, and what is left out is as it is in the common case.
 */

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,14}$/, 'a name of 1 to 15 letters, digits and hyphens')

const queue = z.strictObject({
  /** `private$\orders`, or `orders` for a public queue. */
  name: z
    .string()
    .regex(/^(private\$\\)?[^\\;+,"$/]{1,124}$/i, 'private$\\ and a queue name, or the name of a public queue'),
  transactional: z.boolean().default(false),
  /** Most that it holds, as Windows has it. Default: no limit of its own. */
  quotaKB: z.number().int().min(1).optional(),
})

const queueUrl = z
  .string()
  .regex(/^https?:\/\/[^/\\]+[/\\]msmq[/\\].+$/i, 'a URL such as http://{vip}/msmq/private$/orders')

const machine = {
  /** Default: S1, S2, … for senders, R1, R2, … for nodes, F1, F2, … for nodes that forward, B1, B2, … for back ends. */
  name: name.optional(),
  /** So many alike, without a name of their own. */
  count: z.number().int().min(1).max(1000).default(1),
  /** Its own IP address, if format names carry it. */
  address: z.ipv4().optional(),
  /** Values below HKLM\SOFTWARE\Microsoft\MSMQ\Parameters. */
  registry: z.record(z.string(), z.union([z.number(), z.string()])).default({}),
  /** `own`: message queuing was installed on it. `cloned`: copied with its disk image. `renewed`: copied, QMId deleted, SysPrep = 1. */
  identity: z.enum(['own', 'cloned', 'renewed']).default('own'),
  membership: z.enum(['workgroup', 'directory']).default('workgroup'),
  /** Network addresses that it has of its own, the cluster's aside. */
  addresses: z.number().int().min(1).max(64).default(1),
}

const sender = z.strictObject({
  ...machine,
  /** Whether machines that it sends to can open connections to it: port 1801, over HTTP the HTTP port. */
  reachable: z.boolean().default(true),
  /** It moves to another address now and then, as with DHCP or behind a new NAT. */
  addressChanges: z.boolean().default(false),
  /** Over HTTP: where it has order acks sent, to itself or to the balancer. */
  receiptsTo: z.enum(['itself', 'balancer']).default('itself'),
})

const node = z.strictObject({
  ...machine,
  queues: oneOrMany(queue).default([]),
  /** A store-and-forward server: it maps the queues of that back end to it. */
  forwardTo: name.optional(),
  /** Inbound redirections of its own. */
  mapping: oneOrMany(z.strictObject({ from: queueUrl, to: queueUrl })).default([]),
  /** Further names that it takes for its own. */
  names: oneOrMany(z.string().min(1)).default([]),
})

const backEnd = z.strictObject({ ...machine, queues: oneOrMany(queue) })

const port = z.number().int().min(0).max(65535)

const balancer = z.strictObject({
  kind: z.enum(BALANCER_KINDS),
  /** Name that stands for it, as in `DIRECT=OS:NAME\…`; `{cluster}` stands for it too. */
  name: name.optional(),
  /** Its address, as in `DIRECT=TCP:ADDRESS\…`; `{vip}` stands for it too. */
  address: z.ipv4().optional(),
  /** What nodes see as the source. Default: as the kind has it, where it has one way. */
  source: z.enum(['keep', 'snat', 'proxy-protocol']).optional(),
  /** What nodes see as the destination. Default: as the kind has it. */
  destination: z.enum(['cluster', 'host']).optional(),
  /** Whether the address that nodes see as the source takes connections on 1801; an SNAT pool does not. */
  listens: z.boolean().default(true),
  /** What is given to a node at a time. `request`: of HTTP only. */
  balance: z.enum(['connection', 'request']).default('connection'),
  affinity: z.enum(['none', 'single', 'network']).optional(),
  /** A connection that is silent for so long is forgotten; 0: never. Default: as the kind has it. */
  idleTimeoutS: z.number().min(0).optional(),
  /** How it finds out whether a node works. `tcp`: opens 1801 and closes. `msmq`: says something that message queuing answers. */
  check: z.enum(['none', 'tcp', 'msmq', 'http']).optional(),
  /** Which way nodes answer: back through the balancer, or past it. */
  returnPath: z.enum(['balancer', 'direct']).optional(),
  /** Of Windows NLB. Default: one rule for all ports. */
  portRules: oneOrMany(
    z.strictObject({
      /** One port, or the first and the last. */
      ports: z.union([port, z.tuple([port, port])]),
      protocol: z.enum(['tcp', 'udp', 'both']).default('both'),
      mode: z.enum(['multiple', 'single', 'disabled']).default('multiple'),
      affinity: z.enum(['none', 'single', 'network']).default('single'),
    }),
  ).optional(),
  /** Of Windows NLB. */
  mode: z.enum(['unicast', 'multicast', 'igmp']).default('unicast'),
})

const send = z.strictObject({
  /** Names of machines, or `nodes` for all that are balanced. Default: all senders. */
  from: oneOrMany(name).optional(),
  /** Format names, or path names such as `CLUSTER\orders`. `{vip}`, `{cluster}`, `{R1}`, `{R1.guid}` stand for addresses, names and QMIds. */
  to: oneOrMany(z.string().min(1)),
  delivery: z.enum(['express', 'recoverable', 'transactional']),
  /** Messages of a transaction; they go to the queues of `to` in turn. */
  perTransaction: z.number().int().min(1).max(1000).default(1),
  /** From each sender, on average. */
  ratePerS: z.number().positive().max(100_000).default(1),
  sizeBytes: z.number().int().min(1).max(1_000_000_000).default(1000),
})

export const topologySchema = z.strictObject({
  topology: z.string().regex(/^[a-z0-9-]{1,60}$/, 'lower-case letters, digits and hyphens'),
  about: z.string().min(1).optional(),
  /** Machines outside that send. */
  senders: oneOrMany(sender).default([]),
  sends: oneOrMany(send),
  balancer: balancer.optional(),
  /** The machines behind the balancer, or those that receive where there is none. */
  nodes: oneOrMany(node),
  /** Machines that nodes forward to. */
  backEnds: oneOrMany(backEnd).default([]),
  /** What `mqlab validate` is expected to say: the whole, and every row that is not plainly supported. */
  expect: z
    .strictObject({
      verdict: z.enum(RULE_VERDICTS),
      rows: z.record(z.string(), z.enum(RULE_VERDICTS)).default({}),
    })
    .optional(),
})

export type Topology = z.infer<typeof topologySchema>
export type TopologyMachine = Topology['senders'][number] | Topology['nodes'][number] | Topology['backEnds'][number]
export type TopologySender = Topology['senders'][number]
export type TopologyNode = Topology['nodes'][number]
export type TopologyBalancer = NonNullable<Topology['balancer']>
export type TopologySend = Topology['sends'][number]
export type TopologyQueue = TopologyNode['queues'][number]
