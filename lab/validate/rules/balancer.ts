import { MSMQ_PORT } from '../../../protocol/ports.js'
import {
  type Balancer,
  type Deployment,
  fewNames,
  goesThroughBalancer,
  type Machine,
  settingOf,
} from '../deployment.js'
import { always } from '../prediction.js'
import type { Rule, RuleFinding, Trial } from '../rule.js'
import { trial } from '../trial.js'
import {
  type BalancedSend,
  balancedSends,
  IGNORE_NAMES,
  isBalancedNode,
  isBinary,
  oneForEachSender,
  sendText,
  soundSends,
} from './balanced-sends.js'

/* What the balancer itself is set up to do. */

const portRule: Rule = {
  id: 'NLB-1/port-rule',
  about: 'Windows NLB: whether a port rule covers the traffic, and what it does',
  verdicts: ['supported-if', 'unsupported'],
  shownBy: 'one node gets everything (no rule, or mode single)',
  check: deployment =>
    balancedSends(deployment).flatMap((send): RuleFinding[] => {
      const { balancer } = send
      if (!balancer.isNlb || balancer.portRules === undefined || !(isBinary(send) || send.style === 'http')) return []
      const port = send.style === 'http' ? httpPort(send) : MSMQ_PORT
      const rule = balancer.portRules.find(({ ports, protocol }) => {
        const [first, last] = typeof ports === 'number' ? [ports, ports] : ports
        return protocol !== 'udp' && port >= first && port <= last
      })
      const path = ['balancer', 'portRules']
      if (rule?.mode === 'multiple') return []
      if (rule?.mode === 'disabled')
        return [
          {
            verdict: 'unsupported',
            path,
            reason: `the rule for TCP ${port} is disabled: all nodes drop what comes there`,
            consequence: 'nothing arrives; attempts to connect are not answered',
            remedy: `set the rule for TCP ${port} to mode multiple`,
            proof: { notRun: 'a scenario has one port rule, which takes its traffic' },
          },
        ]
      return [
        {
          verdict: 'supported-if',
          condition: 'one node is meant to take everything',
          path,
          reason:
            rule === undefined
              ? `no rule covers TCP ${port}: the default host, that of the best priority, takes all of it`
              : `the rule for TCP ${port} is in mode single: the node of the best handling priority takes all of it`,
          consequence: 'nothing is balanced: one node has all the messages, and the others wait in vain',
          remedy: `add a port rule for TCP ${port} with mode multiple`,
          proof: trial(deployment, {
            sends: [send],
            settingsOf: IGNORE_NAMES,
            messages: 30,
            gateway: { weights: onlyTheFirst(deployment) },
            prediction: always({ nodesUsed: 1 }),
          }),
        },
      ]
    }),
}

const httpPort = ({ destinations }: BalancedSend) =>
  Number(/^DIRECT=HTTP:\/\/[^/\\:]+:(\d+)/i.exec(destinations[0]?.text ?? '')?.[1] ?? 80)

/** Weights that leave a cluster's traffic to one host, as the default host has it. */
const onlyTheFirst = ({ nodes }: Deployment) =>
  Object.fromEntries(nodes.slice(0, 16).map(({ name }, index) => [name, index === 0 ? 50 : 0]))

const fewClients: Rule = {
  id: 'NLB-1/few-clients',
  about: 'fewer senders than nodes, or sessions that never end',
  verdicts: ['supported-if'],
  shownBy: 'some nodes get nothing',
  check: deployment => {
    const { balancer, nodes } = deployment
    const sends = soundSends(deployment).filter(send => isBinary(send) && send.senders.every(isOutside))
    const senders = new Set(sends.flatMap(send => send.senders))
    if (balancer === null || senders.size === 0 || senders.size >= nodes.length) return []
    const lasting = sends.every(isNeverIdle)
    if (balancer.affinity === 'none' && (!lasting || sessionsOf(sends) >= nodes.length)) return []
    const why = lasting
      ? 'a session ends when it has been idle for a whole period, and these senders are never idle so long'
      : `affinity ${balancer.affinity} gives all sessions of a client to one node`
    const drawnOnce =
      balancer.affinity !== 'none' ||
      sends.every(({ destinations, isTransactional }) => destinations.length === 1 && !isTransactional)
    return [
      {
        verdict: 'supported-if',
        condition: 'it may be that some nodes get nothing',
        path: ['balancer'],
        reason: `a balancer chooses a node for a session, not for a message, and ${why}: ${senders.size} ${senders.size === 1 ? 'sender keeps' : 'senders keep'} at most as many of ${nodes.length} nodes busy`,
        consequence: 'no balancing at all: one receiver may get everything',
        remedy:
          'send over HTTP through a balancer that spreads requests, or have senders choose a receiver for each message',
        proof: drawnOnce
          ? trial(deployment, {
              sends: oneForEachSender(sends),
              settingsOf: IGNORE_NAMES,
              prediction: always({ nodesUsed: `< ${nodes.length}` }),
            })
          : {
              notRun: 'each queue and each resend has a session of its own, so that how many nodes are busy is chance',
            },
      },
    ]
  },
}

/** A node that sends to its own cluster is another matter: see NLB-16. */
const isOutside = (sender: Machine) => !isBalancedNode(sender)

/** Sessions that are open as long as there is something to send: each sender has one for each queue. */
const sessionsOf = (sends: readonly BalancedSend[]) =>
  new Set(
    sends.flatMap(send => send.senders.flatMap(({ name }) => send.destinations.map(({ text }) => `${name} ${text}`))),
  ).size

/** Something is sent in each period of an idle session, so that none ends. */
function isNeverIdle({ ratePerS, senders }: BalancedSend): boolean {
  return ratePerS * Math.min(...senders.map(sender => settingOf(sender, 'CleanupInterval'))) >= 1000
}

/** The longest that MSMQ leaves a session open without a word. */
const silentS = ({ senders }: BalancedSend) =>
  (2 * Math.max(...senders.map(sender => settingOf(sender, 'CleanupInterval')))) / 1000

const idleTimeout: Rule = {
  id: 'NLB-1/idle-timeout',
  about: 'balancers that forget silent connections before MSMQ closes them',
  verdicts: ['supported', 'supported-if', 'unsupported'],
  shownBy: 'the balancer ends sessions; plain messages arrive all the same, transactions may not',
  check: deployment =>
    balancedSends(deployment).flatMap((send): RuleFinding[] => {
      const { balancer } = send
      if (!isBinary(send) || balancer.idleTimeoutS === 0 || send.senders.length === 0) return []
      const path = ['balancer', 'idleTimeoutS']
      const idle = `${sendText(send)}: ${balancer.title} forgets a connection after ${balancer.idleTimeoutS} s of silence`
      if (balancer.idleTimeoutS >= silentS(send))
        return [
          {
            verdict: 'supported',
            path,
            reason: `${idle}, and MSMQ closes an idle session within ${silentS(send)} s by itself`,
            consequence: 'the balancer never forgets a session that both ends believe alive',
            proof: { notRun: 'nothing happens that a run could show' },
          },
        ]
      return [
        {
          verdict: send.isTransactional ? 'unsupported' : 'supported-if',
          ...(send.isTransactional
            ? {}
            : { condition: `the balancer tells both ends, or ${waitText(send)} now and then does no harm` }),
          path,
          reason: `${idle}; MSMQ says nothing on an idle session, and keeps it for up to ${silentS(send)} s`,
          consequence:
            'works for minutes, then stalls: what is sent on a forgotten session is not acknowledged, the session is given up after 20 to 120 s, and what it carried goes to whichever node is drawn next',
          remedy: `raise the limit to ${silentS(send)} s or more, or lower CleanupInterval on the senders to less than ${balancer.idleTimeoutS * 500}`,
          proof: send.isTransactional
            ? { notRun: 'what follows for transactions is in the rows on sequences' }
            : idleTrial(deployment, send),
        },
      ]
    }),
}

const waitText = ({ delivery }: BalancedSend) =>
  delivery === 'express' ? 'a delay, or a message twice,' : 'a message twice, or a delay,'

function idleTrial(deployment: Deployment, send: BalancedSend): RuleFinding['proof'] {
  const { idleTimeoutS } = send.balancer
  return trial(deployment, {
    sends: [send],
    messages: 20,
    settingsOf: IGNORE_NAMES,
    ratePerS: 1 / (idleTimeoutS + 20),
    stress: `${idleTimeoutS + 20} s between messages; the balancer resets what it forgets`,
    simulationOnly: 'the limit would have to be waited for',
    prediction: always({ connectionsEnded: '>= 1', delivered: 'all', lost: 0, unacknowledged: 0 }),
  })
}

const proxyProtocol: Rule = {
  id: 'NLB-1/proxy-protocol',
  about: 'balancers that put a PROXY preamble before the stream',
  verdicts: ['unsupported'],
  shownBy: 'nothing: no balancer of mqlab sends one',
  check: ({ balancer }) =>
    balancer?.source !== 'proxy-protocol'
      ? []
      : [
          {
            verdict: 'unsupported',
            path: ['balancer', 'source'],
            reason:
              'MSMQ reads the preamble as a packet: version and signature are wrong, and it closes the session ([MS-MQQB] 3.1.5.1.2)',
            consequence: 'no session ever opens, and nothing arrives',
            remedy: 'switch it off (send-proxy, proxy_protocol, Proxy Protocol v2) for the ports of MSMQ',
            proof: { notRun: 'no balancer of mqlab sends a PROXY preamble' },
          },
        ],
}

const probe: Rule = {
  id: 'NLB-1/health-check',
  about: 'checks that open connections to 1801',
  verdicts: ['supported'],
  shownBy: 'nothing: a connection that carries no packet leaves no trace',
  check: ({ balancer, sends }) =>
    balancer === null || balancer.check !== 'tcp' || !sends.some(goesThroughBalancer)
      ? []
      : [
          {
            verdict: 'supported',
            path: ['balancer', 'check'],
            reason:
              'a check that connects to 1801 and closes again opens no session: without an EstablishConnection packet the receiver drops it',
            consequence: 'it says that the port is open, and not that message queuing works',
            proof: { notRun: 'a connection that carries no packet leaves no trace in the ledgers' },
          },
        ],
}

const deadService: Rule = {
  id: 'NLB-1/dead-service-is-fed',
  about: 'balancers that do not look after the service',
  verdicts: ['supported', 'supported-if'],
  shownBy: 'messages of clients that have that node stay with them',
  check: deployment => {
    const { balancer, nodes } = deployment
    const [send] = soundSends(deployment).filter(
      one => isBinary(one) && one.senders.length > 0 && one.senders.every(isOutside),
    )
    if (send === undefined || balancer === null || balancer.check !== 'none' || nodes.length < 2) return []
    const stated = deployment.topology.balancer?.check
    return [
      {
        // of Windows NLB nobody can ask more, so that it counts where the file makes a point of it
        ...(balancer.isNlb && stated === undefined
          ? { verdict: 'supported' }
          : {
              verdict: 'supported-if',
              condition: 'something watches the service on each node, and takes the node out when it fails',
            }),
        path: ['balancer', stated === undefined ? 'kind' : 'check'],
        reason: balancer.isNlb
          ? 'Windows NLB looks after hosts and not after services: a node whose message queuing has stopped keeps its share of the clients'
          : `${balancer.title} does not check its nodes: one whose message queuing has stopped keeps its share of the clients`,
        consequence:
          balancer.affinity === 'none'
            ? 'connections to that node are refused, and senders try again until another node is drawn'
            : 'its clients are refused again and again, and their messages pile up',
        remedy: balancer.isNlb
          ? 'run nlb stop on the node when the service fails (a recovery action of the service can)'
          : 'switch on a check of TCP 1801',
        proof:
          balancer.affinity === 'none' ? { notRun: 'senders only try more often' } : deadServiceTrial(deployment, send),
      },
    ]
  },
}

function deadServiceTrial(deployment: Deployment, send: BalancedSend): Trial | { notRun: string } {
  return trial(deployment, {
    sends: [send],
    settingsOf: IGNORE_NAMES,
    ratePerS: 1,
    drainS: 3600,
    faults: (hosts, world) => [{ atS: world === 'sim' ? 20 : 0.4, stop: hosts.slice(0, -1) }],
    stress: 'message queuing is stopped on all nodes but the last, for good',
    prediction: always({ unacknowledged: '>= 1' }, 'balanced'),
  })
}

const returnWay: Rule = {
  id: 'NLB-1/way-back',
  about: 'balancers that rewrite the destination and keep the source',
  verdicts: ['supported-if', 'unsupported'],
  shownBy: 'nothing: it takes a router between networks (mqlab run --plane kernel-dnat)',
  check: ({ balancer, sends }) => {
    if (
      balancer === null ||
      balancer.source !== 'keep' ||
      balancer.destination !== 'host' ||
      !sends.some(goesThroughBalancer)
    )
      return []
    if (balancer.returnPath === 'balancer') return []
    return [
      {
        verdict: balancer.returnPath === 'direct' ? 'unsupported' : 'supported-if',
        ...(balancer.returnPath === undefined ? { condition: 'nodes answer by way of the balancer' } : {}),
        path: ['balancer', ...(balancer.returnPath === undefined ? [] : ['returnPath'])],
        reason: `${balancer.title} writes a node's address into what comes for the cluster; only it can write the cluster's into the answer`,
        consequence:
          'where nodes answer past it, the client gets answers from an address that it never asked, and no connection comes about',
        remedy:
          'make the balancer the default gateway of the nodes (returnPath: balancer), or let it leave the destination as it is',
        proof: { notRun: 'in the lab every balancer is on the way back' },
      },
    ]
  },
}

const nodesNeedAddress: Rule = {
  id: 'NLB-1/cluster-address-on-nodes',
  about: 'direct routing: nodes that must hold the cluster address without answering for it',
  verdicts: ['supported-if'],
  shownBy: 'nothing: nodes of the lab hold it',
  check: ({ balancer, sends }) =>
    !isDirectRouting(balancer) || !sends.some(goesThroughBalancer)
      ? []
      : [
          {
            verdict: 'supported-if',
            condition: 'every node holds the cluster address, and none answers ARP for it',
            path: ['balancer'],
            reason: `${balancer?.title} hands packets on with the cluster address in them: a node takes them only if it has that address too, on a loopback adapter`,
            consequence: 'otherwise packets are dropped, or one node draws all traffic to itself',
            remedy:
              'add the cluster address to a loopback adapter of each node (netmask 255.255.255.255, weak host receive)',
            proof: { notRun: 'nodes of the lab hold the cluster address as it is needed' },
          },
        ],
}

const isDirectRouting = (balancer: Balancer | null) =>
  balancer !== null && !balancer.isNlb && balancer.source === 'keep' && balancer.destination === 'cluster'

const incomingSessions: Rule = {
  id: 'MQ-17/incoming-sessions',
  about: 'MaxInSessions on nodes against the sessions that senders open',
  verdicts: ['supported-if'],
  shownBy: 'nothing: how long sessions last decides',
  check: deployment => {
    const { balancer, nodes } = deployment
    const sends = balancedSends(deployment).filter(isBinary)
    const limited = nodes.filter(node => settingOf(node, 'MaxInSessions') < 0xffffffff)
    if (balancer === null || limited.length === 0) return []
    const sessions = sends.reduce((sum, { senders, destinations }) => sum + senders.length * destinations.length, 0)
    const room = Math.min(...limited.map(node => settingOf(node, 'MaxInSessions')))
    // one node may get them all: a balancer draws, it does not count
    if (sessions <= room) return []
    return [
      {
        verdict: 'supported-if',
        condition: `no node is given more than ${room} sessions at a time`,
        path: [...(limited[0]?.path ?? []), 'registry'],
        reason: `${sends.map(sendText).join('; ')}: up to ${sessions} sessions at a time, and ${fewNames(limited)} take${limited.length === 1 ? 's' : ''} ${room} each`,
        consequence: 'further sessions are refused, and their messages wait until others have idled out',
        remedy: `raise MaxInSessions to ${sessions} or more, or remove it`,
        proof: { notRun: 'how many sessions one node is given is chance' },
      },
    ]
  },
}

export const BALANCER_RULES: readonly Rule[] = [
  portRule,
  fewClients,
  idleTimeout,
  probe,
  deadService,
  proxyProtocol,
  returnWay,
  nodesNeedAddress,
  incomingSessions,
]
