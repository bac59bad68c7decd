import { goesTo } from './balanced-hosts.js'
import type { RunView } from './finding.js'
import { eventsOf, type RunRecord } from './history.js'
import { messageKey } from './message-facts.js'
import { struckFaults } from './struck-faults.js'

/**
 * What three witnesses have counted, each by itself: senders' and receivers' ledgers, the queue managers' notes, and the
 * packets that the gateway passed on to its hosts.
 */
export interface Account {
  /** Messages that senders' queue managers accepted, and copies that receivers' applications got. */
  readonly accepted: number
  readonly delivered: number
  /** Transmissions and arrivals that queue managers noted, of messages of any kind. */
  readonly sent: number
  readonly arrived: number
  /** Messages and acknowledgements that the gateway passed on, or posts over HTTP; null where it counts none. */
  readonly passed: number | null
}

/** A statement that holds of every run, and does not of this one: some part of mqlab is wrong. */
export interface Disagreement {
  /** What must hold. */
  readonly claim: string
  /** The numbers that are at odds, for people. */
  readonly text: string
  readonly nodes: readonly string[]
}

export function accountOf(view: RunView): Account {
  const { run, senders } = view
  return {
    accepted: senders.reduce((sum, { ledger }) => sum + (ledger?.accepted ?? 0), 0),
    delivered: senders.reduce(
      (sum, { copiesAt }) => sum + [...copiesAt.values()].reduce((all, row) => all + sumOf(row), 0),
      0,
    ),
    sent: eventsOf(run, 'sent').length,
    arrived: taken(run).length,
    passed: passedOn(run),
  }
}

/** Every statement that does not hold; none when all the witnesses agree. Decision 0033 says why each must hold. */
export function reconcile(view: RunView): Disagreement[] {
  return [
    deliveredWithoutOffer,
    deliveredWithoutArrival,
    arrivedWithoutSending,
    takenWithoutGateway,
    passedWithoutSending,
  ].flatMap(statement => statement(view))
}

/** Nobody delivers what its sender has not offered. */
function deliveredWithoutOffer({ senders }: RunView): Disagreement[] {
  return senders.flatMap(({ node, ledger, partial, copiesAt }) => {
    if (ledger === null || partial) return []
    return [...copiesAt].flatMap(([receiver, copies]): Disagreement[] => {
      const number = copies.findLastIndex(count => count > 0) + 1
      if (number <= ledger.offered) return []
      return [
        {
          claim: 'nobody delivers what was never offered',
          text: `${receiver} delivered message ${number} of ${node.name}, which offered ${ledger.offered}`,
          nodes: [node.name, receiver],
        },
      ]
    })
  })
}

/** What an application gets has arrived on its machine before. A machine that ended may have had no time to note it. */
function deliveredWithoutArrival({ run, senders }: RunView): Disagreement[] {
  if (identitiesWereChanged(run)) return []
  const arrived = countsBy(eventsOf(run, 'arrived'), ({ node, source }) => `${node} ${source}`)
  // a history without notes is no witness
  if (arrived.size === 0 || eventsOf(run, 'sent').length === 0) return []
  const ended = endedNodes(run)
  const guids = [...new Set(senders.map(({ node }) => node.guid))]
  return run.nodes.flatMap(({ name, guid: own, role }) => {
    if (role !== 'receiver' || ended.has(name)) return []
    return guids.flatMap((guid): Disagreement[] => {
      const clones = senders.filter(({ node }) => node.guid === guid)
      const delivered = clones.reduce((sum, { copiesAt }) => sum + sumOf(copiesAt.get(name) ?? new Uint8Array(0)), 0)
      const noted = arrived.get(`${name} ${guid}`) ?? 0
      // what a machine sends to itself comes by no session
      if (guid === own || delivered <= noted) return []
      const names = clones.map(({ node }) => node.name)
      return [
        {
          claim: 'what is delivered has arrived',
          text: `${name} delivered ${delivered} copies of messages of ${names.join(' and ')}, and its queue manager noted ${noted} arrivals`,
          nodes: [name, ...names],
        },
      ]
    })
  })
}

/** Each arrival is of a transmission of its own. Those that front ends pass on keep the identity of their sender. */
function arrivedWithoutSending({ run }: RunView): Disagreement[] {
  if (packetsWereChanged(run)) return []
  const ended = endedNodes(run)
  if (run.nodes.some(({ name, role }) => role === 'front-end' && ended.has(name))) return []
  const sentBy = countsBy(eventsOf(run, 'sent'), ({ node }) => node)
  if (sentBy.size === 0) return []
  const frontEnds = run.nodes.filter(({ role }) => role === 'front-end')
  const relayed = frontEnds.reduce((sum, { name }) => sum + (sentBy.get(name) ?? 0), 0)
  const takenFrom = countsBy(taken(run), ({ source }) => source)
  return [...new Set(run.nodes.map(({ guid }) => guid))].flatMap((guid): Disagreement[] => {
    const clones = run.nodes.filter(node => node.guid === guid)
    if (clones.some(({ name }) => ended.has(name))) return []
    const own = clones.reduce((sum, { name }) => sum + (sentBy.get(name) ?? 0), 0)
    const all = own + (clones.some(({ role }) => role === 'front-end') ? 0 : relayed)
    const came = takenFrom.get(guid) ?? 0
    if (came <= all) return []
    const names = clones.map(({ name }) => name)
    return [
      {
        claim: 'what arrives was sent',
        text: `${came} messages of ${names.join(' and ')} arrived by the queue managers' notes, and ${all} were sent`,
        nodes: names,
      },
    ]
  })
}

/** What its hosts took of messages to the cluster came through the gateway. */
function takenWithoutGateway({ run }: RunView): Disagreement[] {
  const { gateway } = run
  const passed = passedOn(run)
  if (gateway === null || passed === null || packetsWereDoubled(run)) return []
  const guidOf = new Map(run.nodes.map(({ name, guid }) => [name, guid]))
  const toCluster = new Set<string>()
  for (const { node, queue, messageId } of eventsOf(run, 'sent'))
    if (goesTo(gateway, queue)) toCluster.add(messageKey(guidOf.get(node) ?? '', messageId))
  const came = taken(run).filter(
    ({ node, source, messageId }) => gateway.hosts.includes(node) && toCluster.has(messageKey(source, messageId)),
  ).length
  if (came <= passed) return []
  return [
    {
      claim: 'what comes to hosts of the cluster came through the gateway',
      text: `${came} messages to the cluster arrived at its hosts, and ${gateway.name} passed ${passed} on`,
      nodes: [gateway.name],
    },
  ]
}

/** What the gateway passed on was sent to the cluster. */
function passedWithoutSending({ run }: RunView): Disagreement[] {
  const { gateway } = run
  const passed = passedOn(run)
  if (gateway === null || passed === null || packetsWereChanged(run) || endedNodes(run).size > 0) return []
  const sent = eventsOf(run, 'sent')
  if (sent.length === 0) return []
  const toCluster = sent.filter(({ queue }) => goesTo(gateway, queue)).length
  if (passed <= toCluster) return []
  return [
    {
      claim: 'what the gateway passes on was sent to the cluster',
      text: `${gateway.name} passed on ${passed} messages and acknowledgements, and the queue managers noted that they sent ${toCluster} to it`,
      nodes: [gateway.name],
    },
  ]
}

interface Taken {
  readonly node: string
  readonly source: string
  readonly messageId: number
}

/** Messages that came to a machine, whatever it did with them; order acks are messages too. */
function taken(run: RunRecord): Taken[] {
  return [
    ...eventsOf(run, 'arrived'),
    ...eventsOf(run, 'discarded'),
    ...eventsOf(run, 'forwarded'),
    ...eventsOf(run, 'order-ack-received').map(({ node, from, messageId }) => ({ node, source: from, messageId })),
  ]
}

/** By the gateway's own count; null for a plane that does not see packets, or where some were no packets. */
function passedOn(run: RunRecord): number | null {
  const { gateway } = run
  if (gateway === null || (gateway.plane !== undefined && gateway.plane !== 'proxy')) return null
  if (run.reports.get(gateway.name)?.partial === true) return null
  if (gateway.protocol === 'http') {
    // who balances connections does not look into them
    const requests = eventsOf(run, 'gateway-request')
    return requests.length === 0 ? null : requests.filter(({ request }) => request.sent).length
  }
  const connections = eventsOf(run, 'gateway-closed')
  if (connections.length === 0) return null
  let passed = 0
  for (const { closed } of connections) {
    const { userMessage, orderAck, finalAck, undecodable } = closed.toHost.packets
    if (undecodable > 0) return null
    passed += userMessage + orderAck + finalAck
  }
  return passed
}

/** Machines whose last notes may be missing. */
function endedNodes(run: RunRecord): ReadonlySet<string> {
  const ended = new Set(run.deaths.map(({ node }) => node))
  for (const { node, fault } of eventsOf(run, 'fault')) if (fault === 'killed' || fault === 'stopped') ended.add(node)
  for (const [node, { partial }] of run.reports) if (partial) ended.add(node)
  return ended
}

/** Messages came under another QMId than that of the machine in whose workload they are. */
function identitiesWereChanged(run: RunRecord): boolean {
  return struckFaults(run).some(({ swapQmId, corrupt }) => swapQmId !== undefined || corrupt !== undefined)
}

/** Perhaps by the machines that took them, where nobody else counts. */
function packetsWereDoubled(run: RunRecord): boolean {
  return struckFaults(run).some(({ duplicate }) => duplicate !== undefined)
}

/** Faults made packets twice, or took them for another's. */
function packetsWereChanged(run: RunRecord): boolean {
  return eventsOf(run, 'injected').length > 0
}

function countsBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) {
    const key = keyOf(item)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

function sumOf(copies: Uint8Array): number {
  let sum = 0
  for (let index = 0; index < copies.length; index++) sum += copies[index]!
  return sum
}
