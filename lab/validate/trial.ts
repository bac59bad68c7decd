import { SETTINGS } from '../../queue-manager/settings.js'
import { HTTP_PORT } from '../scenario-checks.js'
import { CLUSTER_NAME, scenarioNodes } from '../scenario-nodes.js'
import { EXPECTED_COUNTS, type Scenario, type ScenarioGateway, scenarioSchema } from '../scenario-schema.js'
import { type Deployment, lands, type Machine, type Send } from './deployment.js'
import { type Destination, queueNumber } from './destination.js'
import type { Expected, Prediction } from './prediction.js'
import type { NotRun, ProofWorld, Trial } from './rule.js'
import type { TopologyNode, TopologySender } from './topology-schema.js'

/** How a topology, or a part of it, is put to the test. */
export interface TrialSetup {
  /** What is sent. A machine has one load, so that no two are of the same machine. */
  readonly sends: readonly Send[]
  readonly prediction: Prediction
  /** What is done beyond the file, for people; absent: nothing. */
  readonly stress?: string
  /** From each sender; default 60, on sockets at most 30. */
  readonly messages?: number
  /** In the simulation, instead of the file's. */
  readonly ratePerS?: number
  /** In the simulation: longest time for the outgoing queues to empty. Default a day. */
  readonly drainS?: number
  readonly gateway?: Readonly<Record<string, unknown>>
  /** Settings of all machines, in both worlds. */
  readonly settings?: Readonly<Record<string, number>>
  /** Of the machines of one role. */
  readonly settingsOf?: Readonly<Partial<Record<Machine['role'], Readonly<Record<string, number>>>>>
  /** On sockets alone, beyond the shortened timers. */
  readonly shortened?: Readonly<Record<string, number>>
  readonly faults?: (hosts: readonly string[], world: ProofWorld) => readonly Readonly<Record<string, unknown>>[]
  readonly simulationOnly?: string
  /** It is about messages that find no queue which takes them, or might. */
  readonly mayNotLand?: boolean
}

/** Machines of one role that a trial has at most; the rest are alike. */
const MACHINES_MAX = 16
const MESSAGES = 60
const SOCKETS_MESSAGES_MAX = 30
const SOCKETS_RATE_PER_S = 40
const DAY_S = 86_400
const LOAD_MAX_S = 20 * DAY_S

/** What has seconds to days in MSMQ has a fraction of a second on sockets. */
const SHORTENED = {
  OrderAckTimeout: 50,
  SeqMaxAckDelay: 0.2,
  RecoverableAckSendTimeoutMin: 50,
  IdleAckDelay: 50,
  TryConnectInterval: 50,
  HttpRetransmissionTimeout: 400,
  SeqResend13Time: 0.4,
  SeqResend46Time: 0.4,
  SeqResend79Time: 0.4,
  SeqResend10Time: 0.4,
} as const

/** As the nodes of a cluster in the loopback world find each other: ten times as fast. */
const QUICK_CLUSTER = { heartbeatPeriodMs: 100, profile: '2003' } as const

/** A trial of `setup`, or why there is none. */
export function trial(deployment: Deployment, setup: TrialSetup): Trial | NotRun {
  const obstacle = obstacleOf(setup, deployment)
  if (obstacle !== null) return { notRun: obstacle }
  return {
    prediction: setup.prediction,
    stress: setup.stress ?? null,
    scenario: world => scenarioOf(deployment, setup, world),
    ...(setup.simulationOnly === undefined ? {} : { simulationOnly: setup.simulationOnly }),
  }
}

function obstacleOf({ sends, mayNotLand }: TrialSetup, deployment: Deployment): string | null {
  const { balancer, nodes, backEnds } = deployment
  const destinations = sends.flatMap(send => send.destinations)
  if (destinations.some(({ style, isPublic }) => style === 'directory' || isPublic))
    return 'mqlab has no directory, and so no public queues'
  if ([...nodes, ...backEnds].some(({ queues }) => queues.some(({ name }) => !isPrivate(name))))
    return 'mqlab has no directory, and so no public queues'
  if (balancer?.source === null && sends.some(({ isTransactional }) => isTransactional))
    return 'the file does not say which address nodes see'
  if (balancer?.source === 'proxy-protocol') return 'no balancer of mqlab sends a PROXY preamble'
  if (sends.some(({ sizeBytes }) => sizeBytes > 4_000_000)) return 'the message cannot be sent at all'
  if (sends.every(({ senders }) => senders.length === 0)) return 'nobody sends'
  if (mayNotLand !== true && !sends.every(send => lands(send, deployment)))
    return 'the messages find no queue that takes them: see the rows MQ-3 and MQ-8'
  return null
}

const isPrivate = (queue: string) => /^private\$\\/i.test(queue)

function scenarioOf(deployment: Deployment, setup: TrialSetup, world: ProofWorld): Scenario {
  const { nodes, backEnds, topology } = deployment
  const hosts = nodes.slice(0, MACHINES_MAX)
  const sending = [...new Set(setup.sends.flatMap(({ senders }) => senders))]
  const senders = sending.filter(({ role }) => role === 'sender').slice(0, MACHINES_MAX)
  const machines = (list: readonly Machine[]) => list.map(machine => machineOf(machine, deployment, setup, world))
  const loads = setup.sends.map(send => loadOf(send, [...senders, ...hosts, ...backEnds], setup, world))
  const scenario = scenarioSchema.parse({
    scenario: topology.topology,
    about: `${topology.about ?? topology.topology}${setup.stress === undefined ? '' : ` Beyond the file: ${setup.stress}.`}`,
    topology: {
      settings: { ...(world === 'sockets' ? { ...SHORTENED, ...setup.shortened } : {}), ...setup.settings },
      ...gatewayOf(deployment, setup, world),
      ...filled(
        'receivers',
        machines([...hosts.filter(({ isFrontEnd }) => !isFrontEnd), ...backEnds.slice(0, MACHINES_MAX)]),
      ),
      ...filled('frontEnds', machines(hosts.filter(({ isFrontEnd }) => isFrontEnd))),
      ...filled('senders', machines(senders)),
    },
    load: loads,
    ...filled(
      'faults',
      setup.faults?.(
        hosts.map(({ name }) => name),
        world,
      ) ?? [],
    ),
    time: timeOf(loads, setup, world),
    expect: countsOf(setup.prediction),
  })
  const [problem] = scenarioNodes(scenario).problems
  if (problem !== undefined) throw new Error(`${topology.topology}: the trial is no scenario: ${problem.what}`)
  return scenario
}

const filled = <Item>(key: string, items: readonly Item[]) => (items.length === 0 ? {} : { [key]: items })

function machineOf(machine: Machine, deployment: Deployment, setup: TrialSetup, world: ProofWorld): object {
  const { name, role, definition, queues, identity } = machine
  const { receiptsTo } = definition as Partial<TopologySender>
  const reachable = (definition as Partial<TopologySender>).reachable ?? true
  const { mapping } = mappingOf(machine, deployment)
  const aliases =
    role === 'back-end' && deployment.balancer !== null ? ['{vip}', '{cluster}'] : aliasesOf(machine, deployment)
  return {
    name,
    ...filled(
      'queues',
      queues.map(({ name, transactional }, index) => ({ name, transactional, number: queueNumber(index) })),
    ),
    ...(identity === name ? {} : { cloneOf: identity }),
    settings: {
      ...registryOf(machine, world),
      // nobody can open a session to it, as behind a firewall that lets nothing in
      ...(reachable ? {} : { MaxInSessions: 0 }),
      ...setup.settingsOf?.[role],
    },
    ...(reachable ? {} : { http: false }),
    ...filled('mapping', mapping),
    ...filled('aliases', aliases),
    ...(receiptsTo === 'balancer' ? { sendReceiptsTo: `http://{vip}:${HTTP_PORT}/msmq/private$/order_queue$` } : {}),
  }
}

/** Settings that the file states; on sockets times are the shortened ones. */
function registryOf({ definition }: Machine, world: ProofWorld): Record<string, number> {
  const known = Object.entries(SETTINGS).map(([name, { unit }]) => ({ name, isTime: unit === 'ms' || unit === 's' }))
  return Object.fromEntries(
    Object.entries(definition.registry).flatMap(([key, value]) => {
      const setting = known.find(({ name }) => name.toLowerCase() === key.toLowerCase())
      if (setting === undefined || typeof value !== 'number' || (setting.isTime && world === 'sockets')) return []
      return [[setting.name, value]]
    }),
  )
}

/** Its own redirections, and one for each queue of the back end that it forwards to, by either name of the cluster. */
function mappingOf({ definition }: Machine, { backEnds, balancer }: Deployment) {
  const { forwardTo, mapping = [] } = definition as Partial<TopologyNode>
  const backEnd = backEnds.find(({ name }) => name === forwardTo)
  const url = (text: string) =>
    text.replace(/^https?:\/\/([^/\\:]+)(?::\d+)?/i, (_, host: string) => `http://${hostText(host)}:${HTTP_PORT}`)
  const hostText = (host: string) => {
    if (host.startsWith('{')) return host
    if (host === balancer?.address) return '{vip}'
    if (host.toLowerCase() === balancer?.name?.toLowerCase()) return '{cluster}'
    const machine = backEnds.find(({ name, definition }) => [name, definition.address].includes(host))
    return machine === undefined ? host : `{${machine.name}}`
  }
  return {
    mapping: [
      ...mapping.map(({ from, to }) => ({ from: url(from), to: url(to) })),
      ...(backEnd?.queues ?? []).flatMap(({ name }) =>
        (balancer === null ? [] : ['{vip}', '{cluster}']).map(host => ({
          from: `http://${host}:${HTTP_PORT}/msmq/${name.replaceAll('\\', '/')}`,
          to: `http://{${backEnd!.name}}:${HTTP_PORT}/msmq/${name.replaceAll('\\', '/')}`,
        })),
      ),
    ],
  }
}

function aliasesOf({ definition }: Machine, { balancer }: Deployment): string[] {
  const { names = [] } = definition as Partial<TopologyNode>
  return names.map(name => {
    if (name === balancer?.address) return '{vip}'
    return name.toLowerCase() === balancer?.name?.toLowerCase() ? '{cluster}' : name
  })
}

function gatewayOf({ balancer, nodes }: Deployment, { sends, gateway }: TrialSetup, world: ProofWorld): object {
  const balanced = sends.flatMap(({ destinations }) => destinations).filter(({ at }) => at === 'balancer')
  if (balancer === null) return {}
  const protocol = balanced.some(({ style }) => style === 'http') ? 'http' : 'tcp'
  const idleTimeoutMs = balancer.idleTimeoutS * 1000
  const own: Partial<ScenarioGateway> = {
    kind: balancer.isNlb ? 'nlb' : 'appliance',
    protocol,
    balance: protocol === 'http' ? balancer.balance : 'connection',
    affinity: balancer.affinity,
    source: balancer.source === 'snat' ? 'translate' : 'keep',
    hosts: nodes.slice(0, MACHINES_MAX).map(({ name }) => name),
    ...(balancer.isNlb && world === 'sockets' ? QUICK_CLUSTER : {}),
    ...(idleTimeoutMs > 0 && idleTimeoutMs <= 600_000 && !balancer.isNlb && world === 'sim' ? { idleTimeoutMs } : {}),
  }
  return { gateway: { ...own, ...gateway } }
}

function loadOf(send: Send, machines: readonly Machine[], setup: TrialSetup, world: ProofWorld) {
  const { delivery, perTransaction, sizeBytes } = send
  const wanted =
    world === 'sim' ? (setup.messages ?? MESSAGES) : Math.min(setup.messages ?? MESSAGES, SOCKETS_MESSAGES_MAX)
  const ratePerS = world === 'sim' ? (setup.ratePerS ?? send.ratePerS) : SOCKETS_RATE_PER_S
  const affordable = Math.max(2, Math.floor(LOAD_MAX_S * ratePerS))
  const messages = Math.ceil(Math.min(wanted, affordable) / perTransaction) * perTransaction
  return {
    from: send.senders.filter(machine => machines.includes(machine)).map(({ name }) => name),
    to: send.destinations.map(destinationText),
    delivery,
    messages,
    ...(delivery === 'transactional' ? { perTransaction } : {}),
    sizeBytes: Math.max(64, sizeBytes),
    ratePerS,
  }
}

function timeOf(loads: readonly { messages: number; ratePerS: number }[], setup: TrialSetup, world: ProofWorld) {
  // who is to be rid of everything is given the time, and is done as soon as that is so
  if (world === 'sockets') return { loadS: 10, drainS: isRidOfAll(setup.prediction) ? 60 : 4 }
  const longestS = Math.max(...loads.map(({ messages, ratePerS }) => messages / ratePerS))
  return { loadS: Math.ceil(longestS * 1.5) + 3600, drainS: setup.drainS ?? DAY_S }
}

const isRidOfAll = ({ anyOf }: Prediction) => anyOf.every(({ unacknowledged }) => unacknowledged === 0)

/** What is sure to come about, so that a run on a slow machine waits for it. */
function countsOf({ when, anyOf: [expected = {} as Expected] }: Prediction): object {
  if (when === 'sometimes') return {}
  return Object.fromEntries(
    Object.entries(expected).filter(([measure]) => (EXPECTED_COUNTS as readonly string[]).includes(measure)),
  )
}

function destinationText({ style, at, queue, text }: Destination): string {
  const host = at === 'balancer' ? { tcp: '{vip}', os: '{cluster}' } : { tcp: `{${at?.name}}`, os: `${at?.name}` }
  switch (style) {
    case 'tcp':
      return `DIRECT=TCP:${host.tcp}\\${queue}`
    case 'os':
      return `DIRECT=OS:${host.os}\\${queue}`
    case 'http':
      return `DIRECT=HTTP://${host.tcp}:${HTTP_PORT}/msmq/${queue?.replaceAll('\\', '/')}`
    case 'qmid':
      return `PRIVATE={${at === 'balancer' ? 'cluster' : at?.name}.guid}\\${/[^\\]+$/.exec(text)?.[0]}`
    case 'directory':
      throw new Error(`${text} cannot be sent to without a directory (${CLUSTER_NAME})`)
  }
}
