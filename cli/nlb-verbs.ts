import { Command } from 'commander'
import type { HostView } from '../gateway/nlb/host-view.js'
import { clusterMacs } from '../gateway/nlb/mac-address.js'
import { seconds, wholeNumber } from './client-values.js'
import { type AskCluster, type NlbClientOptions, withCluster, withClusterOptions } from './nlb-client.js'
import { targetHosts, targetRules } from './nlb-names.js'
import {
  eventsText,
  ordersText,
  parameterRows,
  paramsText,
  portRows,
  portText,
  queryText,
  rulesText,
} from './nlb-text.js'
import type { NlbView } from './nlb-view.js'
import { EXIT_NOT_AS_EXPECTED, fail, table, writeJson, writeText } from './output.js'

/* The verbs that nlb.exe has, for a cluster that `mqlab nlb CONFIG.yaml` runs. */

const EVENTS_SHOWN = 20
const ACCEPTED_CODES: ReadonlySet<number | null> = new Set([1000, 1001])

const HOSTS_HELP = 'all, a host (its name, address or priority), or CLUSTER:HOST'
const PORT_HELP = 'all, PORT, or VIP:PORT: the rules that cover it'

interface OrderOptions extends NlbClientOptions {
  timeout?: number
}

/** Verbs that change a host as a whole. */
const HOST_VERBS = [
  ['start', 'have hosts join the cluster'],
  ['stop', 'have hosts leave at once: their connections are lost'],
  ['drainstop', 'have hosts take nothing new, and leave when their last connection has ended'],
  ['suspend', 'stop hosts, and have them obey nothing but resume'],
  ['resume', 'end a suspension; the hosts are stopped then'],
] as const

/** Verbs that change rules on hosts. */
const PORT_VERBS = [
  ['enable', 'have hosts take the traffic of rules again'],
  ['disable', 'have hosts drop all traffic of rules, at once'],
  ['drain', 'have hosts take no new connections of rules'],
] as const

export function nlbVerbs(): Command[] {
  return [
    withClusterOptions(new Command('query'))
      .description('what state hosts are in')
      .argument('[hosts]', HOSTS_HELP, 'all')
      .action((target: string, options: NlbClientOptions) => query(target, options)),
    withClusterOptions(new Command('display'))
      .description('parameters, rules, hosts and the last events')
      .action((options: NlbClientOptions) => display(options)),
    withClusterOptions(new Command('params'))
      .description('parameters, by the names that they have in the registry')
      .action((options: NlbClientOptions) => params(options)),
    withClusterOptions(new Command('queryport'))
      .description('state of rules on hosts, and how many of the 60 buckets each host has')
      .argument('[port]', PORT_HELP, 'all')
      .argument('[hosts]', HOSTS_HELP, 'all')
      .action((port: string, target: string, options: NlbClientOptions) => queryPort(port, target, options)),
    ...HOST_VERBS.map(([verb, description]) => {
      const command = withClusterOptions(new Command(verb)).description(description).argument('<hosts>', HOSTS_HELP)
      if (verb === 'drainstop')
        command.option('--timeout <seconds>', 'after so long the connections that are left are cut off', seconds)
      return command.action((target: string, options: OrderOptions) => order(verb, target, undefined, options))
    }),
    ...PORT_VERBS.map(([verb, description]) => {
      const command = withClusterOptions(new Command(verb))
        .description(description)
        .argument('<port>', PORT_HELP)
        .argument('[hosts]', HOSTS_HELP, 'all')
      if (verb === 'drain')
        command.option('--timeout <minutes>', 'after so long the connections that are left are cut off', seconds)
      return command.action((port: string, target: string, { timeout, ...options }: OrderOptions) =>
        order(verb, target, port, { ...options, ...(timeout !== undefined && { timeout: timeout * 60 }) }),
      )
    }),
    withClusterOptions(new Command('reload'))
      .description('read the file again: rules, hosts, weights and handling priorities')
      .action((options: NlbClientOptions) => reload(options)),
    withClusterOptions(new Command('events'))
      .description('the last events')
      .option('--max <number>', 'how many', wholeNumber(1, 1000), EVENTS_SHOWN)
      .action((options: NlbClientOptions & { max: number }) => events(options)),
    new Command('ip2mac')
      .description('the MAC address that a cluster has in each mode; needs none running')
      .argument('<address>', 'IPv4 address of the cluster')
      .option('--json', 'print JSON')
      .action((address: string, options: { json?: true }) => ip2mac(address, options)),
  ]
}

/** Everything there is to see, and of the hosts those that are asked for. */
async function view(ask: AskCluster, target: string): Promise<{ view: NlbView; hosts: HostView[] }> {
  const view = await ask('view', {})
  const chosen = new Set(targetHosts({ ...view.cluster, hosts: view.hosts }, target))
  return { view, hosts: view.hosts.filter(({ name }) => chosen.has(name)) }
}

function query(target: string, options: NlbClientOptions): Promise<void> {
  return withCluster(options, async ask => {
    const { view: seen, hosts } = await view(ask, target)
    if (options.json) await writeJson({ name: seen.name, converged: seen.converged, hosts })
    else await writeText(queryText(seen, hosts))
  })
}

function display(options: NlbClientOptions): Promise<void> {
  return withCluster(options, async ask => {
    const seen = await ask('view', {})
    const last = await ask('events', { max: EVENTS_SHOWN })
    if (options.json) await writeJson({ ...seen, events: last })
    else await writeText([paramsText(seen), rulesText(seen), queryText(seen, seen.hosts), eventsText(last)].join('\n'))
  })
}

function params(options: NlbClientOptions): Promise<void> {
  return withCluster(options, async ask => {
    const seen = await ask('view', {})
    if (!options.json) return writeText(paramsText(seen))
    for (const [name, value, host] of parameterRows(seen)) await writeJson({ name, value, host })
  })
}

function queryPort(port: string, target: string, options: NlbClientOptions): Promise<void> {
  return withCluster(options, async ask => {
    const { view: seen, hosts } = await view(ask, target)
    const chosen = targetRules(seen.cluster, port)
    const rows = portRows(seen, hosts, (_, index) => chosen === undefined || chosen.includes(index))
    if (!options.json) return writeText(portText(seen, rows))
    for (const row of rows) await writeJson(row)
  })
}

type OrderVerb = (typeof HOST_VERBS)[number][0] | (typeof PORT_VERBS)[number][0]

function order(verb: OrderVerb, target: string, port: string | undefined, options: OrderOptions): Promise<void> {
  const { timeout: timeoutS } = options
  return withCluster(options, async ask => {
    const results = await ask('command', {
      verb,
      target,
      ...(port !== undefined && { port }),
      ...(timeoutS !== undefined && { timeoutS }),
    })
    if (options.json) for (const result of results) await writeJson(result)
    else await writeText(ordersText(results))
    if (!results.every(({ code }) => ACCEPTED_CODES.has(code))) process.exitCode = EXIT_NOT_AS_EXPECTED
  })
}

function reload(options: NlbClientOptions): Promise<void> {
  return withCluster(options, async ask => {
    const report = await ask('reload', {})
    if (options.json) return writeJson(report)
    const { changed, ignored } = report
    const lines = [
      ...(changed.length === 0 ? ['nothing has changed'] : changed),
      ...ignored.map(each => `not yet: ${each}`),
    ]
    return writeText(lines.map(line => `${line}\n`).join(''))
  })
}

function events(options: NlbClientOptions & { max: number }): Promise<void> {
  return withCluster(options, async ask => {
    const last = await ask('events', { max: options.max })
    if (!options.json) return writeText(eventsText(last))
    for (const event of last) await writeJson(event)
  })
}

async function ip2mac(address: string, { json }: { json?: true }): Promise<void> {
  let macs: ReturnType<typeof clusterMacs>
  try {
    macs = clusterMacs(address)
  } catch (error) {
    if (error instanceof RangeError) fail(`${error.message}; name an IPv4 address`, { cause: error })
    throw error
  }
  if (json) await writeJson({ address, ...macs })
  else await writeText(table(Object.entries(macs).map(([mode, mac]) => [mode, mac])))
}
