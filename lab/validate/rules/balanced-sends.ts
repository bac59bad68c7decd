import { type Balancer, type Deployment, fewNames, lands, type Machine, type Send, settingOf } from '../deployment.js'
import type { Destination } from '../destination.js'

/** What of a send goes to the balancer, by one style of name. */
export interface BalancedSend extends Send {
  readonly style: Destination['style']
  readonly balancer: Balancer
}

/** Each send through the balancer, one for each style of name in it. */
export function balancedSends({ sends, balancer }: Deployment): BalancedSend[] {
  if (balancer === null) return []
  return sends.flatMap(send => {
    const balanced = send.destinations.filter(({ at }) => at === 'balancer')
    return [...new Set(balanced.map(({ style }) => style))].map(style => ({
      ...send,
      style,
      balancer,
      destinations: balanced.filter(destination => destination.style === style),
    }))
  })
}

/** Those that reach queues which take them; what keeps the others is in rows of their own. */
export function soundSends(deployment: Deployment): BalancedSend[] {
  if (deployment.balancer?.source === 'proxy-protocol') return []
  return balancedSends(deployment).filter(send => lands(send, deployment))
}

/** Whether queue managers take a session for its traffic: over HTTP there are none. */
export const isBinary = ({ style }: BalancedSend) => style === 'tcp' || style === 'os'

/** Nodes that would refuse the balancer's name. */
export const validatingNodes = ({ nodes }: Deployment) =>
  nodes.filter(node => settingOf(node, 'IgnoreOSNameValidation') === 0)

/** Messages that only get past a receiver when it does not look at the machine's name do in a trial about something else. */
export const IGNORE_NAMES = { node: { IgnoreOSNameValidation: 1 } } as const

/** `transactional messages of S1 to DIRECT=TCP:{vip}\private$\orders` */
export function sendText({ delivery, senders, destinations }: Send): string {
  const [first] = destinations
  const more = destinations.length > 1 ? ` and ${destinations.length - 1} more` : ''
  return `${delivery} messages of ${fewNames(senders)} to ${first?.text}${more}`
}

/** Whether a later session of one client may meet another node though no node comes or goes. */
export const isRedrawn = ({ balancer, style }: BalancedSend) =>
  balancer.affinity === 'none' || (style === 'http' && balancer.balance === 'request')

export const isBalancedNode = ({ role }: Machine) => role === 'node'

/** Each machine has one load in a trial: its first send. */
export function oneForEachSender<Some extends Send>(sends: readonly Some[]): Some[] {
  const seen = new Set<Machine>()
  return sends.flatMap(send => {
    const senders = send.senders.filter(sender => !seen.has(sender))
    for (const sender of senders) seen.add(sender)
    return senders.length === 0 ? [] : [{ ...send, senders }]
  })
}
