import { join } from 'node:path'
import type { Guid } from '../../protocol/guid.js'
import { MSMQ_PORT } from '../../protocol/ports.js'
import { NO_REDIRECTIONS, type Redirection } from '../../queue-manager/http/redirections.js'
import type { WorkloadSpec } from '../../senders/workload-spec.js'
import { nodeFaults } from '../faults/fault-rules.js'
import type { RunNode } from '../history.js'
import type { HttpSpec, QueueManagerSpec } from '../node-spec.js'
import { kernelModeOf, type Realisation } from '../planes.js'
import { HTTP_PORT } from '../scenario-checks.js'
import { CLUSTER_NAME, type ScenarioNode, scenarioNodes, substitute } from '../scenario-nodes.js'
import type { Scenario } from '../scenario-schema.js'
import { createRandom } from '../sim/random.js'
import { type CastGateway, castGateway } from './gateway-specs.js'

/** A scenario's machines with addresses and identities: what a world has to bring to life. */
export interface Casting {
  readonly nodes: readonly RunNode[]
  readonly specs: readonly QueueManagerSpec[]
  readonly gateway: CastGateway | null
  /** Whether the gateway makes a network for each machine. */
  readonly networks: boolean
}

/** Last bytes of the addresses: the gateway, then receivers, front ends, senders. */
const GATEWAY_LAST = 10
const FIRST_LAST = { receiver: 11, 'front-end': 51, sender: 101 } as const
/** MessagePropertiesHeader.Flags.NA: negative arrival acknowledgement. [MS-MQMQ] 2.2.19.3 */
const NEGATIVE_ARRIVAL = 0x04

/**
 * Gives each machine of `scenario` an address of the run and a QMId drawn from `seed`. Those that have a disk get a
 * directory of their own in `dataFolder`. However the balancer is realised, the machines are set up as the scenario has them.
 */
export function cast(
  scenario: Scenario,
  seed: number,
  addressOf: (last: number) => string,
  dataFolder: string,
  realisation?: Realisation,
): Casting {
  const { nodes, gateway, gatewayHosts } = scenarioNodes(scenario)
  const random = createRandom(seed)
  const guids = new Map<string, Guid>()
  for (const { name } of nodes) guids.set(name, guidFrom(random.bytes(16)))
  const next = { ...FIRST_LAST }
  let senders = 0
  const cast = nodes.map(
    (node): RunNode => ({
      name: node.name,
      role: node.role,
      ...(node.computerName === node.name ? {} : { computerName: node.computerName }),
      guid: guids.get(node.identity)!,
      address: addressOf(next[node.role]++),
      sequenceTimeStamp: node.sequenceTimeStamp,
      sender: node.load === null ? null : senders++,
      load: node.load,
    }),
  )
  const vip = addressOf(GATEWAY_LAST)
  const clusterGuid = guidFrom(random.bytes(16))
  const byName = new Map(cast.map(node => [node.name, node]))
  const networks = realisation !== undefined && kernelModeOf(realisation.plane) !== null

  const resolver = {
    names: {
      ...Object.fromEntries(cast.map(({ name, address }) => [name, [address]])),
      ...(gateway === null ? {} : { [CLUSTER_NAME]: [vip] }),
    },
    // Clones share a QMId, so that no directory could tell them apart: only what receivers remember can.
    queueManagers: {
      ...Object.fromEntries(
        cast
          .filter(({ guid }) => cast.filter(other => other.guid === guid).length === 1)
          .map(({ guid, address }) => [guid, [address]]),
      ),
      ...(gateway === null ? {} : { [clusterGuid]: [vip] }),
    },
  }

  const filledIn = (text: string) =>
    substitute(text, inside => {
      if (inside === 'vip') return vip
      if (inside === 'cluster') return CLUSTER_NAME
      if (inside === 'cluster.guid') return clusterGuid
      const node = byName.get(inside.replace(/\.guid$/, ''))!
      return inside.endsWith('.guid') ? node.guid : node.address
    })

  const backEnd = scenario.topology.backEnd === undefined ? undefined : (scenario.topology.backEnd.name ?? 'B1')

  return {
    nodes: cast,
    specs: nodes.map((node, index): QueueManagerSpec => {
      const { guid, address, sender } = cast[index]!
      const { definition } = node
      const queues = definition.queues.map(({ name, transactional, number }) => ({
        name,
        transactional,
        ...(number === undefined ? {} : { number }),
      }))
      // What a machine that ends and comes back had consumed would be known to its dead process alone: it consumes nothing,
      // and its queues at the end say what was delivered.
      const consumed = node.restarts
        ? []
        : queues.map(({ name }) => name).filter(name => name !== node.load?.negativeAcksTo)
      const faults = nodeFaults(scenario.faults, node.name, cast)
      return {
        kind: 'queue-manager',
        name: node.name,
        ...(node.computerName === node.name ? {} : { computerName: node.computerName }),
        guid,
        address,
        // in a network of its own a machine may hold the cluster's address too
        ...(networks ? { listenAddress: '0.0.0.0' } : {}),
        port: MSMQ_PORT,
        sequenceTimeStamp: node.sequenceTimeStamp,
        settings: { ...scenario.topology.settings, ...definition.settings },
        queues,
        resolver,
        ...(consumed.length > 0
          ? { consumer: { queues: consumed, pauseMs: definition.consumerPauseMs, verifyBodies: true } }
          : {}),
        ...(node.load === null ? {} : { workload: workloadOf(node, sender!, address, seed, filledIn) }),
        ...(node.http ? { http: httpOf(node) } : {}),
        notes: true,
        ...(definition.durable || node.restarts ? { data: join(dataFolder, node.name) } : {}),
        ...(faults === null ? {} : { faults }),
        ...(faults?.rules.some(({ act }) => act.do === 'crash')
          ? { lastWord: join(dataFolder, `${node.name}.last-word`) }
          : {}),
      }
    }),
    gateway: castGateway({ gateway, hosts: gatewayHosts, vip, guid: clusterGuid, nodes: cast, seed, realisation }),
    networks,
  }

  /** Balanced machines have the cluster's address, as those of NLB do; a back end is known by it too. */
  function httpOf({ name, role, definition }: ScenarioNode): HttpSpec {
    const { mapping, aliases, sendReceiptsTo } = definition
    const shared = gateway !== null && (name === backEnd || (gateway.source === 'keep' && gatewayHosts.includes(name)))
    const forwarded = role === 'front-end' && mapping.length === 0
    return {
      port: HTTP_PORT,
      aliases: [...(shared ? [vip, CLUSTER_NAME] : []), ...aliases.map(filledIn)],
      redirections: {
        ...NO_REDIRECTIONS,
        inbound: (forwarded ? clusterToBackEnd() : mapping).map(({ from, to }) => ({
          from: filledIn(from),
          to: filledIn(to),
        })),
        defaultStreamReceipt: sendReceiptsTo === undefined ? null : filledIn(sendReceiptsTo),
      },
    }
  }

  /** The mapping of a front end that states none: each queue of the back end, by the cluster's address and by its name. */
  function clusterToBackEnd(): Redirection[] {
    return (scenario.topology.backEnd?.queues ?? []).flatMap(({ name }) => {
      const path = `msmq/${name.replaceAll('\\', '/')}`
      return ['vip', 'cluster'].map(host => ({
        from: `http://{${host}}:${HTTP_PORT}/${path}`,
        to: `http://{${backEnd}}:${HTTP_PORT}/${path}`,
      }))
    })
  }
}

function workloadOf(
  node: ScenarioNode,
  sender: number,
  address: string,
  seed: number,
  filledIn: (text: string) => string,
): WorkloadSpec {
  const load = node.load!
  return {
    sender,
    destinations: load.to.map(filledIn),
    delivery: load.delivery,
    perTransaction: load.perTransaction ?? 1,
    ...(load.abortEvery === undefined ? {} : { abortEvery: load.abortEvery }),
    bodyBytes: load.sizeBytes,
    messages: load.messages,
    startDelayMs: load.startAfterMs,
    journalNegative: load.deadLetter,
    ...(load.ratePerS === undefined ? {} : { ratePerS: load.ratePerS }),
    // each sender draws times of its own
    ...(load.arrival === undefined ? {} : { arrival: load.arrival, seed: (seed * 65_537 + sender) >>> 0 }),
    ...(load.timeToReachQueueS === undefined ? {} : { timeToReachQueueS: load.timeToReachQueueS }),
    ...(load.timeToBeReceivedS === undefined ? {} : { timeToBeReceivedS: load.timeToBeReceivedS }),
    ...(load.negativeAcksTo === undefined
      ? {}
      : { acknowledgements: NEGATIVE_ARRIVAL, adminQueue: `DIRECT=TCP:${address}\\${load.negativeAcksTo}` }),
  }
}

/** Random (version 4) GUID text from 16 bytes. */
function guidFrom(bytes: Buffer): Guid {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
