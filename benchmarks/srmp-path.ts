import type { Delivery } from '../senders/workload-spec.js'
import { lookUntil, sleep } from './benchmark.js'
import { BODY_BYTES, judgeDelivery, RECEIVER_GUID, SENDER_GUID } from './engine-pair.js'
import type { Sample } from './figure.js'
import type { RoleProcess, StartRole } from './processes.js'
import { benchmarkAddress } from './roles/address.js'
import type { StoreChoice } from './roles/engine.js'
import type { FrontEndState } from './roles/front-end.js'
import type { StoreWork } from './watched-store.js'

/** The supported transactional configuration: a sender, a balancer, two front ends that store and forward, a back end. */
export interface SrmpPath {
  sample(load: SrmpLoad, durationMs: number): Promise<SrmpSample>
}

export interface SrmpLoad {
  readonly delivery: Delivery
  readonly perTransaction: number
  readonly outgoingMax: number
  /** Through balancer and front ends, or straight to the back end. */
  readonly way: 'cluster' | 'straight'
}

export interface SrmpSample extends Sample {
  readonly parts: Readonly<Record<PartName, PartWork>>
}

export const PART_NAMES = ['sender', 'balancer', 'frontEnds', 'backEnd'] as const
export type PartName = (typeof PART_NAMES)[number]

/** What one part did in the time that counted; the two front ends are one part. */
export interface PartWork {
  /** Processor time for each message that was delivered. */
  readonly usPerMessage: number
  /** NaN where nothing is stored. */
  readonly messagesPerCommit: number
  readonly commitsPerS: number
  /** Share of the time in which something waited for the disk; of the front ends the mean. */
  readonly storeBusy: number
}

export interface SrmpPathOptions {
  /** The first of five loopback addresses. */
  readonly node: number
  readonly store: (name: string) => StoreChoice
  readonly settings: Readonly<Record<string, number>>
  /** Queues of each kind, and so connections: each outgoing queue has one of its own. */
  readonly queues: number
}

/** Of this benchmark's own addresses; the usual one needs rights that users do not have. */
const HTTP_PORT = 8080
const FRONT_END_GUIDS = ['4b1d0a5e-2f0a-4a7c-8d5e-90b6c1f7aa03', '4b1d0a5e-2f0a-4a7c-8d5e-90b6c1f7aa04']
export const FRONT_ENDS = FRONT_END_GUIDS.length
/** A sample goes on until so many have come, or there is no hope: of a slow machine a rate of nothing says nothing. */
const MESSAGES_MIN = 200
const MESSAGES_TIMEOUT_MS = 20_000
const WARM_UP_SHARE = 0.25
const DRAIN_TIMEOUT_MS = 30_000

export async function startSrmpPath(start: StartRole, options: SrmpPathOptions): Promise<SrmpPath> {
  const { node, store, settings, queues } = options
  const [senderAddress, clusterAddress, backEndAddress, ...frontEndAddresses] = [0, 1, 2, 3, 4].map(index =>
    benchmarkAddress(node + index),
  ) as [string, string, string, string, string]
  const kinds: readonly Delivery[] = ['express', 'recoverable', 'transactional']
  const names = (delivery: Delivery) => Array.from({ length: queues }, (_, index) => `${delivery}-${index + 1}`)
  const inbound = kinds
    .flatMap(names)
    .map(name => ({ from: queueUrl(clusterAddress, name), to: queueUrl(backEndAddress, name) }))
  const engine = (name: string, address: string, guid: string) => ({
    name,
    address,
    guid,
    settings,
    store: store(name),
  })

  const [backEnd, sender, ...frontEnds] = await Promise.all([
    start('engine-receiver', {
      ...engine('BACKEND', backEndAddress, RECEIVER_GUID),
      // what is forwarded still says that it is for the cluster
      http: { port: HTTP_PORT, aliases: [clusterAddress] },
    }),
    start('engine-sender', { ...engine('SENDER', senderAddress, SENDER_GUID), http: { port: HTTP_PORT } }),
    ...frontEndAddresses.map((address, index) =>
      start('front-end', {
        ...engine(`FRONTEND${index + 1}`, address, FRONT_END_GUIDS[index]!),
        http: { port: HTTP_PORT, inbound },
      }),
    ),
  ])
  const hosts = frontEndAddresses.map(address => ({ address, port: HTTP_PORT }))
  const balancer = await start('http-plane', { address: clusterAddress, port: HTTP_PORT, hosts })

  const look = async () => {
    const [received, state, balancerUs, senderStore, backEndStore, ...frontEndStates] = await Promise.all([
      backEnd.call('count'),
      sender.call('state'),
      balancer.call('processorUs'),
      sender.call('stored'),
      backEnd.call('stored'),
      ...frontEnds.map(frontEnd => frontEnd.call('state')),
    ])
    return { received, state, balancerUs, senderStore, backEndStore, frontEndStates }
  }

  let runs = 0
  return {
    sample: async ({ delivery, perTransaction, outgoingMax, way }, durationMs) => {
      runs += 1
      const transactional = delivery === 'transactional'
      const address = way === 'cluster' ? clusterAddress : backEndAddress
      const queueNames = names(delivery).map(name => `private$\\${name}`)
      await backEnd.call('begin', { queues: queueNames, transactional, sender: runs, latency: false })
      const before = await backEnd.call('tally')
      await sender.call('start', {
        sender: runs,
        destinations: names(delivery).map(name => `DIRECT=${queueUrl(address, name)}`),
        delivery,
        perTransaction,
        bodyBytes: BODY_BYTES,
        outgoingMax,
      })
      await sleep(durationMs * WARM_UP_SHARE)
      await receivedMore(backEnd, 1)
      const from = await look()
      await sleep(durationMs)
      await receivedMore(backEnd, from.received.received + MESSAGES_MIN)
      const isDurable = from.senderStore.commits > 0
      const to = await lookUntil(look, seen => !isDurable || eachHasCommitted(from, seen), MESSAGES_TIMEOUT_MS)
      await sender.call('finish')
      const { state, tally } = await drained(sender, backEnd, frontEnds)
      const messages = to.received.received - from.received.received
      const elapsedUs = to.received.atUs - from.received.atUs
      const part = (processorUs: number, stores: readonly StorePair[]): PartWork => {
        const commits = sum(stores, ([first, last]) => last.commits - first.commits)
        return {
          usPerMessage: processorUs / messages,
          messagesPerCommit: commits === 0 ? Number.NaN : messages / commits,
          commitsPerS: (commits * 1e6) / elapsedUs,
          storeBusy:
            sum(stores, ([first, last]) => last.busyUs - first.busyUs) / (elapsedUs * Math.max(1, stores.length)),
        }
      }
      const pairs = from.frontEndStates.map((first, index): [FrontEndState, FrontEndState] => [
        first,
        to.frontEndStates[index]!,
      ])
      return {
        value: (messages * 1e6) / elapsedUs,
        verdict: judgeDelivery(state, tally, transactional ? tally.orderAcksSent - before.orderAcksSent : null),
        parts: {
          sender: part(to.state.processorUs - from.state.processorUs, [[from.senderStore, to.senderStore]]),
          balancer: part(to.balancerUs - from.balancerUs, []),
          frontEnds: part(
            sum(pairs, ([first, last]) => last.processorUs - first.processorUs),
            pairs,
          ),
          backEnd: part(to.received.processorUs - from.received.processorUs, [[from.backEndStore, to.backEndStore]]),
        },
      }
    },
  }
}

type Looks = Readonly<Record<'senderStore' | 'backEndStore', StoreWork>> & {
  readonly frontEndStates: readonly StoreWork[]
}

/** What came meanwhile may all have been stored before: of a part that has not, there is nothing to be told. */
function eachHasCommitted(from: Looks, to: Looks): boolean {
  const commits = ({ senderStore, backEndStore, frontEndStates }: Looks) => [
    senderStore.commits,
    backEndStore.commits,
    sum(frontEndStates, ({ commits }) => commits),
  ]
  const before = commits(from)
  return commits(to).every((count, index) => count > before[index]!)
}

type StorePair = readonly [first: StoreWork, last: StoreWork]

function queueUrl(address: string, name: string): string {
  return `HTTP://${address}:${HTTP_PORT}/msmq/private$/${name}`
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0)
}

async function receivedMore(backEnd: RoleProcess<'engine-receiver'>, messages: number): Promise<void> {
  await lookUntil(
    () => backEnd.call('count'),
    ({ received }) => received >= messages,
    MESSAGES_TIMEOUT_MS,
  )
}

/** Waits until no outgoing queue holds anything and as many messages were taken out as were accepted. */
async function drained(
  sender: RoleProcess<'engine-sender'>,
  backEnd: RoleProcess<'engine-receiver'>,
  frontEnds: readonly RoleProcess<'front-end'>[],
) {
  const look = async () => {
    const [state, tally, ...fronts] = await Promise.all([
      sender.call('state'),
      backEnd.call('tally'),
      ...frontEnds.map(frontEnd => frontEnd.call('state')),
    ])
    const outgoing = state.outgoing + sum(fronts, ({ outgoing, deadLettered }) => outgoing + deadLettered)
    return { state: { ...state, outgoing }, tally }
  }
  return await lookUntil(
    look,
    ({ state, tally }) => state.outgoing === 0 && tally.received >= state.accepted,
    DRAIN_TIMEOUT_MS,
  )
}
