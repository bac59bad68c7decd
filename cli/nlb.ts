import { Command, Option } from 'commander'
import { KERNEL_MODES } from '../gateway/planes/kernel/kernel-options.js'
import { LOG_LEVELS } from './log-levels.js'
import { type NlbFlags, nlbConfig } from './nlb-config.js'
import { nlbExplain } from './nlb-explain.js'
import { nlbFaults } from './nlb-faults.js'
import { startNlb } from './nlb-process.js'
import { nlbRender } from './nlb-render.js'
import { PLANES, SOURCES } from './nlb-schema.js'
import { nlbVerbs } from './nlb-verbs.js'
import { fail, writeJson } from './output.js'
import { toldToStop } from './serving.js'

/* `mqlab nlb`: a Windows NLB cluster in front of queue managers, and what its administrators do with it. */

interface NlbOptions extends NlbFlags {
  json?: true
}

export function nlbCommand(): Command {
  const command = new Command('nlb')
    // --json of a verb is the verb's
    .enablePositionalOptions()
    .usage('[options] CONFIG.yaml\n       mqlab nlb VERB …')
    .description(
      'a Windows NLB cluster in front of queue managers, until SIGINT or SIGTERM; or a verb for one that runs',
    )
    .argument('[config]', 'YAML file of the cluster (docs/nlb.md)')
    .addOption(new Option('--plane <plane>', 'what moves the bytes (default: proxy)').choices([...PLANES]))
    .addOption(new Option('--mode <mode>', 'of the plane kernel (default: nlb)').choices([...KERNEL_MODES]))
    .addOption(
      new Option(
        '--source <mode>',
        'of the other planes: whose address hosts see (default: keep by the proxy, else translate)',
      ).choices([...SOURCES]),
    )
    .option('--settled', 'start as a cluster that has been up for long (default: it converges first)')
    .option('--control <endpoint>', 'where the verbs reach it: socket path, HOST:PORT, or off')
    .option('--control-token <file>', 'file with the token that clients of a control HOST:PORT must show')
    .option('--metrics <[address:]port>', 'answer Prometheus at http://ADDRESS:PORT/metrics, on loopback only')
    .option('--pcap <file>', 'write all that it carries as a capture (pcapng); only the plane proxy')
    .addOption(new Option('--log-level <level>', 'log on stderr (default: info)').choices([...LOG_LEVELS]))
    .option('--json', 'also print each event and decision, as JSON')
    .addHelpText('after', '\nThe first line on stdout says that it is ready, and where: {"ready":true,...}.')
    .addHelpText('after', 'Verbs are those of nlb.exe; those marked so, explain and render are mqlab’s own.')
    .action((path: string | undefined, options: NlbOptions) => run(path, options))
  for (const verb of [...nlbVerbs(), nlbExplain(), nlbRender(), ...nlbFaults()]) command.addCommand(verb)
  return command
}

async function run(path: string | undefined, { json, ...flags }: NlbOptions): Promise<void> {
  if (path === undefined) fail('the YAML file of a cluster is missing, or a verb; see mqlab nlb --help')
  const config = nlbConfig(path, flags)
  const stopped = toldToStop()
  const running = await startNlb(config, json === true)
  await writeJson(running.ready)
  await running.stop(await stopped)
}
