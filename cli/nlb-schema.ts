import { isIP } from 'node:net'
import { z } from 'zod'
import { AFFINITIES } from '../gateway/nlb/hash.js'
import { KERNEL_MODES } from '../gateway/planes/kernel/kernel-options.js'
import { oneOrMany } from '../lab/yaml-file.js'
import { LOG_LEVELS } from './log-levels.js'
import { ALLOWED } from './qm-schema.js'

/* What the file of `mqlab nlb` may say. What is wrong with a value by itself is said here; what is wrong with the cluster
 * as a whole by gateway/nlb/cluster-config.ts. */

export const PLANES = ['proxy', 'kernel', 'haproxy', 'nginx'] as const
/** What moves the bytes. */
export type PlaneName = (typeof PLANES)[number]

export const SOURCES = ['keep', 'translate'] as const

const PORT_MAX = 65_535
const HOSTS_MAX = 32
const RULES_MAX = 33

const whole = (min: number, max: number) => z.number().int().min(min).max(max)
const ip = z.string().refine(text => isIP(text) !== 0, 'an IP address')
const port = whole(1, PORT_MAX)
/** One, several, or none. */
const ports = z.preprocess(value => (typeof value === 'number' ? [value] : value), z.array(port).max(64))
const path = z.string().min(1).max(4096)
const name = z.string().regex(/^[^\s\\/:*?"<>|]{1,63}$/, '1 to 63 characters, no blanks nor \\ / : * ? " < > |')

const portRange = z.union([
  whole(0, PORT_MAX),
  z.string().regex(/^(all|\d{1,5}(\s*-\s*\d{1,5})?)$/, 'a port, FIRST-LAST, or all'),
])

const ruleSchema = z
  .strictObject({
    /** `1801`, `8000-8080`, or `all` (0-65535, the default). */
    ports: portRange.default('all'),
    /** A cluster address; absent: all of them. */
    address: ip.exactOptional(),
    protocol: z.enum(['tcp', 'udp', 'both']).exactOptional(),
    mode: z.enum(['single', 'multiple', 'disabled']).exactOptional(),
    affinity: z.enum(AFFINITIES).exactOptional(),
    timeoutMinutes: z.number().exactOptional(),
  })
  .transform(({ ports, ...rule }) => ({ ...rule, ...rangeOf(ports) }))

const hostSchema = z.strictObject({
  name: name.refine(text => text.toLowerCase() !== 'all' && !/^\d+$/.test(text), 'a name: not all, and no number'),
  address: ip,
  priority: z.number().exactOptional(),
  weight: z.number().exactOptional(),
  handlingPriority: z.number().exactOptional(),
  /** What differs in the rules that cover a port. */
  perRule: oneOrMany(
    z.strictObject({
      port: whole(0, PORT_MAX),
      weight: z.number().exactOptional(),
      handlingPriority: z.number().exactOptional(),
    }),
    RULES_MAX,
  ).default([]),
  /** Only for a host that was set up wrongly: rules of its own. */
  rules: oneOrMany(ruleSchema, RULES_MAX).exactOptional(),
  initial: z.enum(['started', 'stopped', 'suspended']).exactOptional(),
  beatOffsetMs: z.number().exactOptional(),
})

export const nlbSchema = z.strictObject({
  cluster: z.strictObject({
    name: name.exactOptional(),
    addresses: oneOrMany(ip),
    mode: z.enum(['unicast', 'multicast', 'igmp']).exactOptional(),
  }),
  parameters: z
    .strictObject({
      heartbeatPeriodMs: z.number().exactOptional(),
      heartbeatsMissedMax: z.number().exactOptional(),
      profile: z.enum(['2003', '2008r2']).exactOptional(),
      filterIcmp: z.boolean().exactOptional(),
      connectionsMax: z.number().exactOptional(),
    })
    .exactOptional(),
  rules: z.array(ruleSchema).max(RULES_MAX).exactOptional(),
  hosts: z.array(hostSchema).min(1).max(HOSTS_MAX),
  /** Whose buckets: none of them are Windows', which are not public; but what was measured there is. */
  hash: z
    .union([z.enum(['nlb-sub-1', 'jhash']), z.strictObject({ measured: path })], 'nlb-sub-1, jhash, or measured: FILE')
    .exactOptional(),
  /** Of jhash. */
  seed: whole(0, 0xffff_ffff).exactOptional(),
  /** The cluster has been up for long: joined and converged at the start. */
  settled: z.boolean().default(false),
  plane: z.enum(PLANES).exactOptional(),
  /** Of the plane kernel. */
  kernelMode: z.enum(KERNEL_MODES).exactOptional(),
  /** Whom hosts see as the source of what comes by the proxy, HAProxy or nginx. */
  source: z.enum(SOURCES).exactOptional(),
  /** TCP and UDP ports that the proxy, HAProxy and nginx listen on. Absent: those of the rules. */
  ports: z.strictObject({ tcp: ports.exactOptional(), udp: ports.exactOptional() }).exactOptional(),
  /** Ports on the hosts that are not those asked for. */
  forward: z.record(z.string().regex(/^\d{1,5}$/, 'a port'), port).default({}),
  /** Of HAProxy and nginx, and of what `mqlab nlb render` writes. */
  balancer: z
    .strictObject({
      /** TCP ports on which requests over HTTP are balanced, each by itself. */
      httpPorts: oneOrMany(port).exactOptional(),
      forwarding: z.enum(['nat', 'direct', 'tunnel']).exactOptional(),
      /** What tells whether a host is well. */
      check: z.enum(['msmq', 'connect', 'none']).exactOptional(),
      checkIntervalMs: whole(100, 3_600_000).exactOptional(),
      idleTimeoutS: whole(1, 86_400).exactOptional(),
      connectTimeoutMs: whole(1, 600_000).exactOptional(),
    })
    .default({}),
  /** Machines beside the hosts, of the plane kernel: senders, say. */
  machines: oneOrMany(z.strictObject({ name, address: ip }), 256).default([]),
  control: z.string().min(1).max(4096).exactOptional(),
  controlToken: path.exactOptional(),
  metrics: z.union([whole(0, PORT_MAX), z.string()], ALLOWED.metrics).exactOptional(),
  logLevel: z.enum(LOG_LEVELS).exactOptional(),
})

export type NlbFile = z.output<typeof nlbSchema>

function rangeOf(ports: number | string): { startPort: number; endPort: number } {
  if (ports === 'all') return { startPort: 0, endPort: PORT_MAX }
  const [first = '', last = first] = String(ports).split('-')
  return { startPort: Number(first), endPort: Number(last) }
}
