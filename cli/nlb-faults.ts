import { Command } from 'commander'
import type { NlbParameters } from '../control/nlb-requests.js'
import { several } from './client-values.js'
import { type NlbClientOptions, withCluster, withClusterOptions } from './nlb-client.js'
import { fail, writeJson, writeText } from './output.js'

/* What happens to clusters, for trying it. nlb.exe has none of these. */

const HOST_HELP = 'a host: its name, address or priority'

export function nlbFaults(): Command[] {
  const fault = (name: string, description: string) =>
    withClusterOptions(new Command(name)).description(`${description} (not of nlb.exe)`)
  return [
    fault('crash', 'hosts lose power: no heartbeat, no packet, and nobody is told')
      .argument('<hosts>', `all, or ${HOST_HELP}`)
      .action((target: string, options: NlbClientOptions) =>
        carryOut(options, 'crash', { target }, `${target}: no power`),
      ),
    fault('recover', 'hosts that lost power boot')
      .argument('<hosts>', `all, or ${HOST_HELP}`)
      .action((target: string, options: NlbClientOptions) =>
        carryOut(options, 'recover', { target }, `${target}: boots`),
      ),
    fault('partition', 'hosts hear only those of their own group')
      .argument('<groups...>', 'hosts by commas, a group each: R1,R2 R3')
      .option('--clients <hosts>', 'hosts that clients still reach, by commas; repeatable (default: all)', several)
      .action((groups: string[], options: NlbClientOptions & { clients?: string[] }) => partition(groups, options)),
    fault('heal', 'ends a partition').action((options: NlbClientOptions) =>
      carryOut(options, 'heal', {}, 'all hear each other'),
    ),
    fault('mute', 'heartbeats of one host do not arrive')
      .argument('<from>', HOST_HELP)
      .argument('[to]', `where: all, or ${HOST_HELP}`, 'all')
      .action((from: string, to: string, options: NlbClientOptions) =>
        carryOut(
          options,
          'mute',
          { from, to, muted: true },
          `${to === 'all' ? 'nobody hears' : `${to} does not hear`} ${from}`,
        ),
      ),
    fault('unmute', 'they arrive again')
      .argument('<from>', HOST_HELP)
      .argument('[to]', `where: all, or ${HOST_HELP}`, 'all')
      .action((from: string, to: string, options: NlbClientOptions) =>
        carryOut(options, 'mute', { from, to, muted: false }, `${to === 'all' ? 'all hear' : `${to} hears`} ${from}`),
      ),
    fault('learn-mac', 'a switch learns the cluster’s MAC address, and sends everything to one host')
      .argument('<host>', `${HOST_HELP}; none: it floods again`)
      .action((host: string, options: NlbClientOptions) =>
        carryOut(
          options,
          'learnMac',
          { host: host === 'none' ? null : host },
          host === 'none' ? 'the switch floods again' : `the switch sends everything to ${host}`,
        ),
      ),
  ]
}

type Fault = 'crash' | 'recover' | 'partition' | 'heal' | 'mute' | 'learnMac'

function carryOut<F extends Fault>(
  options: NlbClientOptions,
  fault: F,
  parameters: NlbParameters<F>,
  done: string,
): Promise<void> {
  return withCluster(options, async ask => {
    await ask(fault, parameters)
    if (options.json) await writeJson({ fault, ...parameters })
    else await writeText(`${done}\n`)
  })
}

function partition(groups: string[], options: NlbClientOptions & { clients?: string[] }): Promise<void> {
  const names = (text: string) =>
    text
      .split(',')
      .map(name => name.trim())
      .filter(name => name !== '')
  const divided = groups.map(names)
  if (divided.some(group => group.length === 0)) fail(`a group has no host: allowed is R1,R2 R3`)
  const all = divided.flat()
  const twice = all.find((host, index) => all.indexOf(host) !== index)
  if (twice !== undefined) fail(`host ${twice} is named twice: allowed is one group for each`)
  return carryOut(
    options,
    'partition',
    { groups: divided, ...(options.clients !== undefined && { clientsReach: options.clients.flatMap(names) }) },
    divided.map(group => group.join(' + ')).join(' | '),
  )
}
