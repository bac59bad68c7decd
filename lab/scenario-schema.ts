import { z } from 'zod'
import { BEHAVIOUR_IDS } from './behaviours.js'
import { chaosSchema, faultSchema } from './faults/fault-schema.js'
import { milliseconds, machineName as name, SECONDS_MAX, seconds } from './scenario-fields.js'
import { oneOrMany } from './yaml-file.js'

/**
 * What a scenario file may say. Names are those of the field: settings are MSMQ's registry names, times carry their
 * unit. Wherever a list is wanted, one item may stand alone.
 */

const settings = z.record(z.string(), z.number())

/** Longest load, and longest drain, of a run on sockets. */
export const SOCKETS_SECONDS_MAX = 600

const queue = z.strictObject({
  /** `private$\orders` */
  name: z.string().regex(/^private\$\\[^\\;+,"]{1,124}$/i, 'private$\\ and a queue name'),
  transactional: z.boolean().default(false),
  /** Of the private queue, as `PRIVATE=` names carry it (there in hex). Default: the next free one from 100. */
  number: z.number().int().min(16).max(0xffff).optional(),
})

/** A URL of a queue; the host may be a placeholder. */
const queueUrl = z
  .string()
  .regex(/^http:\/\/[^/\\]+[/\\]msmq[/\\].+$/i, 'a URL such as http://{vip}:8080/msmq/private$/orders')

const machine = {
  /** Default: R1, R2, … for receivers, F1, F2, … for front ends, B1 for the back end, S1, S2, … for senders. */
  name: name.optional(),
  /** What it takes for its computer name, where that is not its own: machines of one name are told apart by their QMIds. */
  computerName: name.optional(),
  queues: oneOrMany(queue).default([]),
  /** A slow consumer: rest after each message. */
  consumerPauseMs: milliseconds.default(0),
  settings: settings.default({}),
  /** TxSequenceID.TimeStamp. Default: one of its own for each, later nodes higher. */
  sequenceTimeStamp: z.number().int().min(1).max(0xffffffff).optional(),
  /** Copied from the disk image of that node: same QMId, and nothing else the same. */
  cloneOf: name.optional(),
  /** Whether requests over HTTP are listened for. Default: where anything in the scenario goes over HTTP. */
  http: z.boolean().optional(),
  /** Inbound redirections, the first that fits counts. Default of front ends: the cluster's queues to those of the back end. */
  mapping: oneOrMany(z.strictObject({ from: queueUrl, to: queueUrl })).default([]),
  /** Further names and addresses that the machine takes for its own. */
  aliases: oneOrMany(z.string().min(1)).default([]),
  /** URL at which order acks over HTTP are wanted instead of at the machine's own order queue. */
  sendReceiptsTo: queueUrl.optional(),
  /** On disk. Always where a fault ends a machine that comes back. */
  durable: z.boolean().default(false),
}
const machines = {
  ...machine,
  /** So many alike, without a name of their own. */
  count: z.number().int().min(1).max(16).default(1),
}

const gateway = z.strictObject({
  /** `appliance`: a box in front of the hosts. `nlb`: the hosts are a Windows NLB cluster, with its heartbeats and times. */
  kind: z.enum(['appliance', 'nlb']).default('appliance'),
  /** `tcp`: the binary protocol, on port 1801. `http`: on the port of the scenario's URLs. */
  protocol: z.enum(['tcp', 'http']).default('tcp'),
  /** Over HTTP: a host is chosen for a connection, as NLB does, or for each request, as web balancers do. */
  balance: z.enum(['connection', 'request']).default('connection'),
  affinity: z.enum(['none', 'single', 'network']).default('none'),
  /** `keep`: the receivers see the client's address. `translate`: they see the gateway's. */
  source: z.enum(['keep', 'translate']),
  /** Names of the balanced nodes. Default: all front ends, or all receivers where there are none. */
  hosts: oneOrMany(name).optional(),
  /** Fault: a connection is reset after so many bytes from its client … */
  cutAfterBytes: z.number().int().positive().optional(),
  /** … but no more than so many connections. */
  cutConnectionsMax: z.number().int().positive().optional(),
  /** An appliance that drops idle connections. */
  idleTimeoutMs: milliseconds.optional(),
  /**
   * How it drops them, default `reset`: both sides are told. `silent`, in the simulated world only: it forgets them without
   * a word, and resets the side that sends on one later; the other goes on believing in it.
   */
  idleManner: z.enum(['reset', 'silent']).optional(),
  /** Under kind `nlb`: default 1,000 ms. Detection and convergence are counted in heartbeats. */
  heartbeatPeriodMs: z.number().int().min(100).max(10_000).optional(),
  /** Under kind `nlb`; default `2008r2`. */
  profile: z.enum(['2003', '2008r2']).optional(),
  /** Under kind `nlb`: load weights by host, default 50 each. */
  weights: z.record(name, z.number().int().min(0).max(100)).optional(),
  /** Under kind `nlb`: host priorities. Default: the place in the list of hosts, from 1. */
  priorities: z.record(name, z.number().int().min(1).max(32)).optional(),
  /** Over HTTP: adds the client's address to `X-Forwarded-For`. */
  forwardedFor: z.boolean().optional(),
  /** Over HTTP: whether hosts take connections is looked at; those that do not get nothing. */
  healthCheck: z
    .strictObject({
      intervalMs: milliseconds.optional(),
      /** So many bad checks in a row take a host out, so many good ones bring it back. */
      fall: z.number().int().min(1).max(10).optional(),
      rise: z.number().int().min(1).max(10).optional(),
    })
    .optional(),
  /** Fault over HTTP: requests reach their host, and its answers do not come back. */
  dropAnswers: z
    .strictObject({
      targetContains: z.string().min(1).optional(),
      /** The first request that suffers, from 1, and how many do. Default: all. */
      first: z.number().int().positive().optional(),
      requestsMax: z.number().int().positive().optional(),
    })
    .optional(),
})

const load = z.strictObject({
  /** Names of the sending nodes. Default: all senders. */
  from: oneOrMany(name).optional(),
  /** Format names; `{vip}`, `{cluster}`, `{R1}`, `{R1.guid}` stand for addresses, names and QMIds of the run. Several: the
   *  messages of a transaction go to them in turn. */
  to: oneOrMany(z.string().min(1)),
  delivery: z.enum(['express', 'recoverable', 'transactional']),
  /** From each sender. */
  messages: z.number().int().min(1).max(1_000_000),
  perTransaction: z.number().int().min(1).max(1000).optional(),
  /** Every so many-th transaction is aborted by its application once all of it was sent: none of it may ever arrive. */
  abortEvery: z.number().int().min(1).max(1_000_000).optional(),
  sizeBytes: z.number().int().min(64).max(4_000_000).default(256),
  /** Open loop, from each sender. Default: as fast as it goes. */
  ratePerS: z.number().positive().max(1_000_000).optional(),
  /** With a rate: evenly spaced (the default), or at chance times drawn from the seed of the run. */
  arrival: z.enum(['constant', 'poisson']).optional(),
  startAfterMs: z
    .number()
    .min(0)
    .max(SECONDS_MAX * 1000)
    .default(0),
  timeToReachQueueS: seconds.optional(),
  timeToBeReceivedS: seconds.optional(),
  /** Negative source journaling: what fails goes to the sender's dead-letter queue. */
  deadLetter: z.boolean().default(false),
  /** A queue of the sending node that negative acknowledgements are asked for to. */
  negativeAcksTo: z.string().optional(),
})

/** Counts that an expectation may name. */
export const EXPECTED_COUNTS = [
  'sent',
  'accepted',
  'unknown',
  'delivered',
  'lost',
  'duplicated',
  'duplicateCopies',
  'reordered',
  'unacknowledged',
  'waitingAtFrontEnds',
  'incompleteTransactions',
  'misroutedAcks',
  'discardedByNameValidation',
  'deadLettered',
] as const
export type ExpectedCount = (typeof EXPECTED_COUNTS)[number]

const EXPECTATION = 'a whole number, a comparison such as ">= 1", or all'
const expectation = z.union(
  [z.number().int().min(0), z.string().regex(/^(all|(>=|>|<=|<)\s*\d+)$/, EXPECTATION)],
  EXPECTATION,
)

/** What a scenario may demand to have happened; lab/exercises.ts says how each is recognised. */
export const EXERCISES = [
  'order-ack-sent',
  'order-ack-matched',
  'order-ack-in-new-session',
  'order-ack-misrouted',
  'order-ack-to-wrong-sender',
  'resend',
  'resend-in-new-session',
  'duplicate-rejected',
  'acknowledged-again',
  'middle-of-sequence',
  'name-validation',
  'dead-letter',
  'negative-ack',
  'balanced',
  'connection-cut',
  'transaction-over-several-receivers',
  'qmid-cached',
  'qmid-row-held',
  'qmid-row-expired',
  'stalled-then-drained',
  'forwarded',
  'forwarded-by-several',
  'sequence-over-several-receivers',
  'machine-restarted',
  'host-left',
  'machine-paused',
  'clock-set',
  'link-changed',
  'disk-ill',
  'fault-struck',
  'expired',
  'answer-dropped',
  'reached-itself',
] as const
export type Exercise = (typeof EXERCISES)[number]

export const scenarioSchema = z.strictObject({
  scenario: z.string().regex(/^[a-z0-9-]{1,80}$/, 'lower-case letters, digits and hyphens'),
  /** Claims: a run that does not prove one of them is not as expected. */
  behaviours: oneOrMany(z.enum(BEHAVIOUR_IDS)).default([]),
  about: z.string().min(1),
  /** Where the source documents leave something open: what the scenario takes them to mean. */
  reading: z.string().min(1).optional(),
  topology: z.strictObject({
    /** Of every queue manager; its own settings come on top. */
    settings: settings.default({}),
    gateway: gateway.optional(),
    receivers: oneOrMany(z.strictObject(machines)).default([]),
    /** Store-and-forward servers: they pass on over HTTP what comes for the cluster's queues. */
    frontEnds: oneOrMany(z.strictObject(machines)).default([]),
    /** The one machine with the queues that front ends forward to. */
    backEnd: z.strictObject(machine).optional(),
    senders: oneOrMany(z.strictObject(machines)).default([]),
  }),
  load: oneOrMany(load),
  faults: oneOrMany(faultSchema, 1000).default([]),
  chaos: chaosSchema.optional(),
  time: z
    .strictObject({
      /** Longest time for the senders to offer their messages. */
      loadS: seconds.default(5),
      /** Longest time after that for the outgoing queues to empty. */
      drainS: seconds.default(3),
    })
    .default({ loadS: 5, drainS: 3 }),
  expect: z.strictObject(
    Object.fromEntries(EXPECTED_COUNTS.map(count => [count, expectation.optional()])) as Record<
      ExpectedCount,
      z.ZodOptional<typeof expectation>
    >,
  ),
  exercises: oneOrMany(z.enum(EXERCISES)).default([]),
  /** Seed of a run that is not given one: a file that shows what one seed did reproduces it by itself. */
  seed: z.number().int().min(0).max(0xffffffff).optional(),
  /** A merge patch: what is different in the simulated world, where timers are MSMQ's own. See lab/scenario-worlds.ts. */
  simulated: z.record(z.string(), z.unknown()).default({}),
})

export type Scenario = z.infer<typeof scenarioSchema>
export type ScenarioQueueManager = NonNullable<Scenario['topology']['backEnd']>
export type ScenarioGateway = NonNullable<Scenario['topology']['gateway']>
export type ScenarioLoad = Scenario['load'][number]
export type Expectation = z.infer<typeof expectation>
