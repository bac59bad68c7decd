import { z } from 'zod'
import type { MethodTable } from './requests.js'

/* What can be asked of a running NLB cluster over its control socket; frames as in requests.ts. */

const HOSTS_MAX = 32
const EVENTS_MAX = 1000
const TIMEOUT_MAX_S = 86_400

const name = z.string().min(1).max(300)
const port = z.number().int().min(0).max(65_535)
/** `all`, HOST, CLUSTER, or CLUSTER:HOST. */
const target = name

export const NLB_METHODS = {
  /** Everything that there is to see now. */
  view: z.strictObject({}),
  /** The last ones. */
  events: z.strictObject({ max: z.number().int().min(1).max(EVENTS_MAX) }),
  command: z.strictObject({
    verb: z.enum(['start', 'stop', 'drainstop', 'suspend', 'resume', 'enable', 'disable', 'drain']),
    target,
    /** Of enable, disable and drain: `all`, PORT, or VIP:PORT. */
    port: name.exactOptional(),
    /** Of drainstop and drain: after so long the rest is cut off. */
    timeoutS: z.number().min(0).max(TIMEOUT_MAX_S).exactOptional(),
  }),
  /** The file is read again. */
  reload: z.strictObject({}),
  explain: z.strictObject({
    protocol: z.enum(['tcp', 'udp', 'icmp']),
    sourceAddress: name,
    sourcePort: port,
    /** `VIP`: the first cluster address. */
    destinationAddress: name,
    destinationPort: port,
    stage: z.enum(['open', 'established']).exactOptional(),
    fragment: z.boolean().exactOptional(),
    sentBy: name.exactOptional(),
  }),
  crash: z.strictObject({ target }),
  recover: z.strictObject({ target }),
  partition: z.strictObject({
    groups: z.array(z.array(name).max(HOSTS_MAX)).min(1).max(HOSTS_MAX),
    /** Hosts that clients still reach; absent: all. */
    clientsReach: z.array(name).max(HOSTS_MAX).exactOptional(),
  }),
  heal: z.strictObject({}),
  /** Heartbeats of one host are not heard by another, or by nobody (`all`). */
  mute: z.strictObject({ from: name, to: name, muted: z.boolean() }),
  /** null: the switch floods again. */
  learnMac: z.strictObject({ host: name.nullable() }),
} as const satisfies MethodTable

export type NlbMethod = keyof typeof NLB_METHODS
export type NlbParameters<M extends NlbMethod> = z.infer<(typeof NLB_METHODS)[M]>
