import { kbRows } from '../../../gateway/render/kb-rows.js'
import { type Deployment, fewNames, type Machine } from '../deployment.js'
import { ALL_WELL, always } from '../prediction.js'
import type { Rule, RuleFinding } from '../rule.js'
import type { TopologyNode } from '../topology-schema.js'
import { trial } from '../trial.js'
import { type BalancedSend, balancedSends, isRedrawn, sendText, soundSends, validatingNodes } from './balanced-sends.js'

/* How messages are addressed to a cluster that no machine is called by. */

const plain = (deployment: Deployment, style: BalancedSend['style']) =>
  soundSends(deployment).filter(send => send.style === style && !send.isTransactional && !hasPublic(send))

const hasPublic = ({ destinations }: BalancedSend) => destinations.some(({ isPublic }) => isPublic)

const directTcp: Rule = {
  id: 'NLB-1/direct-tcp',
  about: 'plain messages to DIRECT=TCP: and the cluster address',
  verdicts: ['supported', 'supported-if'],
  shownBy: 'each is delivered once, and none stays with its sender',
  check: deployment =>
    plain(deployment, 'tcp').map((send): RuleFinding => {
      const { balancer } = send
      const [row] = kbRows({
        source: balancer.source === 'snat' ? 'translate' : 'keep',
        destination: balancer.destination,
        unit: 'connection',
        staysWithHost: !isRedrawn(send),
      })
      const given = {
        path: send.path,
        proof: trial(deployment, { sends: [send], prediction: always({ ...ALL_WELL, reordered: 0 }) }),
      }
      if (row?.satisfied === 'yes')
        return {
          ...given,
          verdict: 'supported',
          reason: `${sendText(send)}: KB 899611 supports them without any setting; ${row.why}`,
          consequence:
            'each message reaches one receiver; what was not session-acked when a session broke may come twice',
        }
      return {
        ...given,
        verdict: 'supported-if',
        condition: 'nodes take messages for an address that is not their own',
        reason: `${balancer.title} writes the node's address into each packet, and not into the message; ${row?.why}`,
        consequence: 'none with receivers that do not compare; otherwise every message is refused',
        remedy:
          'try it with your receivers once; balancers that leave the destination (Windows NLB, direct routing) need no trial',
      }
    }),
}

const directOs: Rule = {
  id: 'NLB-2/direct-os',
  about: 'plain messages to DIRECT=OS: and the cluster name, every node told to ignore the name',
  verdicts: ['supported'],
  shownBy: 'each is delivered once, and none is discarded for its name',
  check: deployment =>
    validatingNodes(deployment).length > 0
      ? []
      : plain(deployment, 'os').map(send => ({
          verdict: 'supported',
          path: send.path,
          reason: `${sendText(send)}: IgnoreOSNameValidation is 1 on all nodes, so that they take what is addressed to the cluster name (KB 899611)`,
          consequence: 'each message reaches one receiver; the value counts once the service has been restarted',
          proof: trial(deployment, {
            sends: [send],
            prediction: always({ ...ALL_WELL, discardedByNameValidation: 0 }),
          }),
        })),
}

const nameValidation: Rule = {
  id: 'NLB-3/name-validation',
  about: 'DIRECT=OS: and the cluster name while nodes compare it with their own',
  verdicts: ['unsupported'],
  shownBy: 'messages are discarded for the name in them',
  check: deployment => {
    const validating = validatingNodes(deployment)
    if (validating.length === 0) return []
    const all = validating.length === deployment.nodes.length
    return balancedSends(deployment)
      .filter(({ style }) => style === 'os')
      .map(send => ({
        verdict: 'unsupported',
        path: send.path,
        reason: `${sendText(send)}: ${fewNames(validating)} compare${validating.length === 1 ? 's' : ''} the machine name in a message with their own (IgnoreOSNameValidation is 0, the default), find the cluster's, and discard the message`,
        consequence: send.isTransactional
          ? 'nothing arrives; messages pile up unacknowledged in the outgoing queue until their time to reach the queue is over'
          : 'express messages vanish without a trace; with negative acknowledgements asked for, the sender is told NACK_BAD_DST_Q',
        remedy: `set IgnoreOSNameValidation = 1 (DWORD, below HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters) on ${fewNames(validating)} and restart the service (KB 899611), or address them by DIRECT=TCP`,
        proof: trial(deployment, {
          sends: [send],
          messages: 20,
          mayNotLand: true,
          prediction: always(
            all ? { discardedByNameValidation: '>= 1', delivered: 0 } : { discardedByNameValidation: '>= 1' },
            ...(all ? [] : (['balanced'] as const)),
          ),
        }),
      }))
  },
}

/** Takes a URL of the cluster for its own, or maps it. */
function knowsTheCluster({ definition, isFrontEnd }: Machine, { balancer, topology }: Deployment): boolean {
  const { names } = definition as TopologyNode
  const own = [balancer?.name?.toLowerCase(), balancer?.address, '{vip}', '{cluster}']
  return isFrontEnd || topology.balancer === undefined || names.some(name => own.includes(name.toLowerCase()))
}

const directHttp: Rule = {
  id: 'NLB-4/direct-http',
  about: 'plain messages to DIRECT=HTTP:// and the cluster',
  verdicts: ['supported', 'unsupported'],
  shownBy: 'each is delivered once; where nodes do not know the host in the URL, none is',
  check: deployment =>
    plain(deployment, 'http').map((send): RuleFinding => {
      const strangers = deployment.nodes.filter(node => !knowsTheCluster(node, deployment))
      if (send.balancer.destination === 'cluster' || strangers.length === 0)
        return {
          verdict: 'supported',
          path: send.path,
          reason: `${sendText(send)}: KB 899611 supports them without any setting; each is one POST, done with when it is answered`,
          consequence: `each ${send.balancer.balance} may go to any node; a POST whose answer was lost may be delivered twice`,
          proof: trial(deployment, { sends: [send], prediction: always(ALL_WELL) }),
        }
      return {
        verdict: 'unsupported',
        path: send.path,
        reason: `${send.balancer.title} brings the requests to the nodes' own addresses, where the host in the URL is nobody's: ${fewNames(strangers)} answer${strangers.length === 1 ? 's' : ''} 400`,
        consequence: 'no message is delivered, and each ends as refused by its destination',
        remedy:
          "give every node an inbound mapping from the URL with the cluster's address to its own queue, or the name among its own",
        proof: trial(deployment, { sends: [send], messages: 20, prediction: always({ delivered: 0 }) }),
      }
    }),
}

const needsDirectory: Rule = {
  id: 'NLB-7/name-needs-directory',
  about: 'path names, public names and names by QMId for queues behind the balancer',
  verdicts: ['unsupported'],
  shownBy: 'every session is refused at the handshake, and nothing arrives (names by QMId)',
  check: deployment =>
    deployment.balancer === null
      ? []
      : deployment.sends.flatMap(send => {
          const destinations = send.destinations.filter(({ style, at }) =>
            style === 'directory' ? at === 'balancer' || at === null : style === 'qmid' && at === 'balancer',
          )
          if (destinations.length === 0) return []
          return [
            {
              verdict: 'unsupported',
              path: send.path,
              reason: `${sendText({ ...send, destinations })}: such a name is resolved by the directory, and the cluster name has no computer object there. If somebody made one, a session still asks for a machine by its QMId, and no node has that of the cluster`,
              consequence:
                'the queue cannot be opened, or every session is refused at the handshake and messages stay in the outgoing queue',
              remedy: 'use a direct format name of a private queue: DIRECT=TCP:<cluster address>\\private$\\<queue>',
              proof: trial(deployment, {
                sends: [{ ...send, destinations }],
                messages: 10,
                drainS: 600,
                mayNotLand: true,
                prediction: always({ delivered: 0, unacknowledged: 'all' }),
              }),
            },
          ]
        }),
}

const publicQueue: Rule = {
  id: 'NLB-7/public-queue',
  about: 'public queues behind the balancer by a direct name',
  verdicts: ['supported-if'],
  shownBy: 'nothing: mqlab has no directory',
  check: deployment =>
    balancedSends(deployment)
      .filter(send => hasPublic(send) && send.style !== 'directory')
      .map(send => ({
        verdict: 'supported-if',
        condition: 'every node has a queue of that name, and nobody needs its properties',
        path: send.path,
        reason: `${sendText(send)}: only private queues are supported destinations; KB 899611 says that public ones may work when they are accessed by a direct format name`,
        consequence:
          'properties such as the base priority or the privacy level of the queue cannot be read through the balancer',
        remedy: 'make it a private queue on every node',
        proof: { notRun: 'mqlab has no directory, and so no public queues' },
      })),
}

export const ADDRESSING_RULES: readonly Rule[] = [
  directTcp,
  directOs,
  nameValidation,
  directHttp,
  needsDirectory,
  publicQueue,
]
