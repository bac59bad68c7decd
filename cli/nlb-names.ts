import type { ClusterConfig, HostConfig } from '../gateway/nlb/cluster-config.js'
import { ALL_ADDRESSES, portRuleText } from '../gateway/nlb/port-rule.js'
import { OptionError } from '../protocol/errors.js'

/* How administrators name hosts and rules of a cluster. */

type NamedHost = Pick<HostConfig, 'name' | 'address' | 'priority'>
type NamedCluster = Pick<ClusterConfig, 'name' | 'addresses'> & { readonly hosts: readonly NamedHost[] }

const ALL = 'all'

/**
 * Names of the hosts that `text` stands for: `all`, HOST, CLUSTER, or CLUSTER:HOST. HOST is a name, a dedicated address or a
 * priority, CLUSTER the cluster's name or address. @throws OptionError MSMQ_OPTION_HOST
 */
export function targetHosts(config: NamedCluster, text: string): string[] {
  const names = config.hosts.map(({ name }) => name)
  if (text.toLowerCase() === ALL || isCluster(config, text)) return names
  const [, cluster = '', rest = ''] = /^(.*):([^:]*)$/.exec(text) ?? []
  if (!isCluster(config, cluster)) return [hostNamed(config, text)]
  return rest === '' || rest.toLowerCase() === ALL ? names : [hostNamed(config, rest)]
}

/** @throws OptionError MSMQ_OPTION_HOST */
export function hostNamed(config: Pick<NamedCluster, 'hosts'>, text: string): string {
  const isIt = ({ name, address, priority }: NamedHost) =>
    name.toLowerCase() === text.toLowerCase() || address === text || String(priority) === text
  const found = config.hosts.filter(isIt)
  if (found.length === 1) return found[0]!.name
  const allowed = config.hosts.map(({ name }) => name).join(', ')
  throw new OptionError(
    'MSMQ_OPTION_HOST',
    'host',
    text,
    found.length === 0 ? allowed : `the name: several hosts have it (${allowed})`,
  )
}

/**
 * Indices of the rules that `text` stands for: PORT or VIP:PORT; undefined: `all` of them.
 * @throws OptionError MSMQ_OPTION_RULE when no rule covers it
 */
export function targetRules(
  { rules, addresses }: Pick<ClusterConfig, 'rules' | 'addresses'>,
  text: string,
): number[] | undefined {
  if (text.toLowerCase() === ALL) return undefined
  const [, address, digits = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const covering = [...rules.entries()].filter(
    ([, rule]) => digits !== '' && port >= rule.startPort && port <= rule.endPort,
  )
  const vip = address === undefined || address.toLowerCase() !== VIP ? address : addresses[0]
  const own = covering.filter(([, rule]) => rule.address === vip)
  const found =
    vip === undefined ? covering : own.length > 0 ? own : covering.filter(([, rule]) => rule.address === ALL_ADDRESSES)
  if (found.length > 0) return found.map(([index]) => index)
  const allowed = `all, PORT or VIP:PORT of a rule: ${rules.map(portRuleText).join(', ') || 'there is none'}`
  throw new OptionError('MSMQ_OPTION_RULE', 'port', text, allowed)
}

const VIP = 'vip'

/** `VIP` is the first cluster address. */
export function clusterAddress({ addresses }: Pick<ClusterConfig, 'addresses'>, text: string): string {
  return text.toLowerCase() === VIP ? (addresses[0] ?? text) : text
}

function isCluster({ name, addresses }: Pick<ClusterConfig, 'name' | 'addresses'>, text: string): boolean {
  return (
    text !== '' &&
    (name.toLowerCase() === text.toLowerCase() || addresses.includes(clusterAddress({ addresses }, text)))
  )
}
