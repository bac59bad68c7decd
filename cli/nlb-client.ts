import type { Command } from 'commander'
import { ClientConnection } from '../control/client-connection.js'
import { defaultControlEndpoint, findControlEndpoint, NLB_CLUSTER } from '../control/endpoint.js'
import type { NlbMethod, NlbParameters } from '../control/nlb-requests.js'
import { clientFailure, readToken } from './client-options.js'
import type { NlbAnswers } from './nlb-service.js'

/** How a verb finds the running cluster. */
export interface NlbClientOptions {
  control?: string
  cluster?: string
  tokenFile?: string
  json?: true
}

/** Asks the running cluster for something. */
export type AskCluster = <M extends NlbMethod>(method: M, parameters: NlbParameters<M>) => Promise<NlbAnswers[M]>

/** The options of every verb that works with a running cluster. */
export function withClusterOptions(command: Command): Command {
  return command
    .option('--cluster <name>', 'the cluster of that name, where several run')
    .option(
      '--control <endpoint>',
      `control socket of the cluster, a path or HOST:PORT (default: ${NLB_CLUSTER.variable})`,
    )
    .option('--token-file <file>', 'file with the token that a control socket on TCP wants (or MQLAB_CONTROL_TOKEN)')
    .option('--json', 'print JSON')
}

/** Runs `body` on a connection; whatever it throws becomes one line and an exit code. */
export async function withCluster<T>(
  { control, cluster, tokenFile }: NlbClientOptions,
  body: (ask: AskCluster) => Promise<T>,
): Promise<T> {
  try {
    const byName = control === undefined && cluster !== undefined
    const endpoint = byName
      ? defaultControlEndpoint({ name: cluster }, NLB_CLUSTER)
      : await findControlEndpoint({ control }, NLB_CLUSTER)
    const connection = await ClientConnection.open(endpoint, {
      kind: NLB_CLUSTER,
      token: tokenFile === undefined ? process.env.MQLAB_CONTROL_TOKEN : readToken(tokenFile),
    })
    try {
      return await body((method, parameters) => connection.request(method, parameters) as Promise<never>)
    } finally {
      await connection.close()
    }
  } catch (error) {
    throw clientFailure(error)
  }
}
