import { parseScenario } from '../scenario-file.js'
import type { Scenario } from '../scenario-schema.js'

/** What stands between senders and receivers. */
export const BALANCERS = [
  { id: 'nlb', title: 'Windows NLB', gateway: 'kind: nlb, source: keep', http: false, connections: true },
  { id: 'keep', title: 'appliance that keeps the source', gateway: 'source: keep', http: false, connections: true },
  {
    id: 'translate',
    title: 'appliance that translates the source',
    gateway: 'source: translate',
    http: false,
    connections: true,
  },
  {
    id: 'http-connection',
    title: 'HTTP, a host per connection',
    gateway: 'source: keep, protocol: http, balance: connection',
    http: true,
    connections: true,
  },
  {
    id: 'http-request',
    title: 'HTTP, a host per request',
    gateway: 'source: keep, protocol: http, balance: request',
    http: true,
    connections: false,
  },
] as const
export type Balancer = (typeof BALANCERS)[number]

const AFFINITIES = ['none', 'single', 'network'] as const
const IDLE_TIMEOUTS_MIN = [null, 1, 5] as const
const SENDERS = [1, 4, 16] as const

/** One configuration of the first question. */
export interface BalancerCell {
  readonly balancer: Balancer
  /** Null where a host is chosen for each request. */
  readonly affinity: (typeof AFFINITIES)[number] | null
  /** Minutes; null: connections are left alone. */
  readonly idleTimeoutMin: (typeof IDLE_TIMEOUTS_MIN)[number]
  readonly senders: number
}

/** Of the load of the first question: what each sender sends, and for how long it is watched. */
export const BALANCED_LOAD = {
  receivers: 3,
  perTransaction: 2,
  transactionEveryMin: 2,
  loadMin: 60,
  watchedMin: 120,
} as const

/** Windows NLB lets no connection idle out; who chooses for each request has no affinity, and connections mean nothing to it. */
export function balancerCells(): BalancerCell[] {
  return BALANCERS.flatMap(balancer =>
    (balancer.connections ? AFFINITIES : [null]).flatMap(affinity =>
      (balancer.id === 'nlb' || !balancer.connections ? [null] : IDLE_TIMEOUTS_MIN).flatMap(idleTimeoutMin =>
        SENDERS.map(senders => ({ balancer, affinity, idleTimeoutMin, senders })),
      ),
    ),
  )
}

export function balancerScenario({ balancer, affinity, idleTimeoutMin, senders }: BalancerCell): Scenario {
  const { receivers, perTransaction, transactionEveryMin, loadMin, watchedMin } = BALANCED_LOAD
  const gateway = [
    balancer.gateway,
    ...(affinity === null ? [] : [`affinity: ${affinity}`]),
    ...(idleTimeoutMin === null ? [] : [`idleTimeoutMs: ${idleTimeoutMin * 60_000}`]),
  ].join(', ')
  const to = balancer.http ? 'HTTP://{vip}:8080/msmq/private$/orders' : 'TCP:{vip}\\private$\\orders'
  const ratePerS = perTransaction / (transactionEveryMin * 60)
  return read(
    `balancer-${balancer.id}`,
    `  gateway: { ${gateway} }
  receivers: { count: ${receivers}, queues: { name: 'private$\\orders', transactional: true } }
  senders: { count: ${senders} }
load: { to: 'DIRECT=${to}', delivery: transactional, messages: ${Math.round(ratePerS * loadMin * 60)}, perTransaction: ${perTransaction}, ratePerS: ${ratePerS}, arrival: poisson }`,
    loadMin,
    watchedMin,
  )
}

/** One configuration of the second question: so many machines of one QMId, each sending so often. */
export interface CloneCell {
  readonly clones: number
  readonly perMinute: number
}

const CLONES = [2, 4, 8, 16] as const
const RATES_PER_MINUTE = [0.05, 0.2, 1, 5] as const

/** Each clone sends for this long or until it has sent so many, whichever is later, and is watched for so long after that. */
export const CLONE_LOAD = { loadMin: 60, messagesMin: 20, watchedAfterMin: 120 } as const
/** Of an interval between two messages; the scenario's own bound. */
const START_SPREAD_MAX_MS = 600_000

export function cloneCells(): CloneCell[] {
  return CLONES.flatMap(clones => RATES_PER_MINUTE.map(perMinute => ({ clones, perMinute })))
}

export function cloneScenario({ clones, perMinute }: CloneCell): Scenario {
  const messages = Math.max(CLONE_LOAD.messagesMin, Math.round(perMinute * CLONE_LOAD.loadMin))
  const loadMin = messages / perMinute
  const names = Array.from({ length: clones }, (_, index) => `S${index + 1}`)
  const senders = names.map((name, index) => `{ name: ${name}${index === 0 ? '' : ', cloneOf: S1'} }`).join(', ')
  // clones do not all start at one moment
  const apartMs = Math.min(START_SPREAD_MAX_MS, 60_000 / perMinute) / clones
  const loads = names.map(
    (name, index) =>
      `  - { from: ${name}, startAfterMs: ${Math.round(index * apartMs)}, to: 'PRIVATE={R1.guid}\\64', delivery: transactional, messages: ${messages}, ratePerS: ${perMinute / 60}, arrival: poisson }`,
  )
  return read(
    'clones',
    `  receivers: { queues: { name: 'private$\\orders', number: 100, transactional: true } }
  senders: [${senders}]
load:
${loads.join('\n')}`,
    2 * loadMin,
    2 * loadMin + CLONE_LOAD.watchedAfterMin,
  )
}

function read(name: string, body: string, loadMin: number, watchedMin: number): Scenario {
  const time = `{ loadS: ${loadMin * 60}, drainS: ${(watchedMin - loadMin) * 60} }`
  const text = `scenario: ${name}\nabout: of docs/findings\ntopology:\n${body}\nexpect: {}\nsimulated: { time: ${time} }\n`
  return parseScenario(text, name)
}
