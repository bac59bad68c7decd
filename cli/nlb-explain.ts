import { isIP } from 'node:net'
import { Command, Option } from 'commander'
import type { NlbParameters } from '../control/nlb-requests.js'
import { NlbCluster } from '../gateway/nlb/cluster.js'
import { explain } from '../gateway/nlb/explain.js'
import { MqlabError } from '../protocol/errors.js'
import { type NlbClientOptions, withCluster, withClusterOptions } from './nlb-client.js'
import { nlbConfig } from './nlb-config.js'
import { clusterAddress, hostNamed } from './nlb-names.js'
import { explanationText } from './nlb-text.js'
import { fail, writeJson, writeText } from './output.js'

/* `mqlab nlb explain`: where a packet goes, and why. */

interface ExplainOptions extends NlbClientOptions {
  from: string
  to: string
  protocol: 'tcp' | 'udp' | 'icmp'
  established?: true
  fragment?: true
  sentBy?: string
  config?: string
}

type Question = NlbParameters<'explain'>

export function nlbExplain(): Command {
  return withClusterOptions(new Command('explain'))
    .description('where a packet goes and why: rule, bucket, each host’s answer, what would change it')
    .requiredOption('--from <address:port>', 'the client; the port may be left out for icmp')
    .requiredOption('--to <address:port>', 'where to: a cluster address, VIP for the first one, or a host’s own')
    .addOption(new Option('--protocol <protocol>', 'of the packet').choices(['tcp', 'udp', 'icmp']).default('tcp'))
    .option('--established', 'of a TCP connection that is there, in place of its first packet')
    .option('--fragment', 'a later fragment, which carries no ports')
    .option('--sent-by <host>', 'sent by a host of the cluster itself')
    .option('--config <file>', 'ask the file’s cluster as it is when settled, in place of one that runs')
    .addHelpText('after', '\nFor example: mqlab nlb explain --from 10.0.0.7:49152 --to VIP:1801 --config cluster.yaml')
    .action((options: ExplainOptions) => run(options))
}

async function run({ config, ...options }: ExplainOptions): Promise<void> {
  const question = questionOf(options)
  const answer = config === undefined ? await askRunning(options, question) : askFile(config, question)
  if (options.json) await writeJson(answer)
  else await writeText(explanationText(answer))
}

function askRunning(options: NlbClientOptions, question: Question) {
  return withCluster(options, ask => ask('explain', question))
}

function askFile(path: string, { destinationAddress, sentBy, ...packet }: Question) {
  const { cluster: config, hash } = nlbConfig(path)
  const cluster = new NlbCluster({ config, hash })
  cluster.settle(0)
  try {
    return explain(cluster, {
      ...packet,
      destinationAddress: clusterAddress(config, destinationAddress),
      ...(sentBy !== undefined && { sentBy: hostNamed(config, sentBy) }),
    })
  } catch (error) {
    if (error instanceof MqlabError || error instanceof RangeError) fail(error.message, { cause: error })
    throw error
  }
}

function questionOf({ from, to, protocol, established, fragment, sentBy }: ExplainOptions): Question {
  const source = endpointOf('--from', from, protocol)
  const destination = endpointOf('--to', to, protocol)
  if (isIP(source.address) === 0) fail(`--from ${JSON.stringify(from)}: ${source.address} is no IP address`)
  return {
    protocol,
    sourceAddress: source.address,
    sourcePort: source.port,
    destinationAddress: destination.address,
    destinationPort: destination.port,
    ...(established && { stage: 'established' as const }),
    ...(fragment && { fragment }),
    ...(sentBy !== undefined && { sentBy }),
  }
}

function endpointOf(option: string, text: string, protocol: string): { address: string; port: number } {
  const portless = protocol === 'icmp' && (isIP(text) !== 0 || text.toLowerCase() === 'vip')
  const [, v6, other, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(portless ? `[${text}]:0` : text) ?? []
  const address = v6 ?? other ?? ''
  if (digits === undefined || Number(digits) > 65_535 || (isIP(address) === 0 && address.toLowerCase() !== 'vip'))
    fail(`${option} ${JSON.stringify(text)}: allowed is ADDRESS:PORT, such as 10.0.0.7:49152, or VIP:1801`)
  return { address, port: Number(digits) }
}
