import { Command, Option } from 'commander'
import { renderFor } from '../gateway/render/render.js'
import { RENDER_PRODUCTS, type RenderProduct } from '../gateway/render/rendering.js'
import { nlbConfig } from './nlb-config.js'
import { SOURCES } from './nlb-schema.js'
import { log, writeJson, writeText } from './output.js'

/* `mqlab nlb render`: the same cluster for balancers that people have. */

interface RenderFlags {
  for: RenderProduct
  source?: (typeof SOURCES)[number]
  json?: true
}

export function nlbRender(): Command {
  return new Command('render')
    .description('configuration for a balancer that does what it can of a cluster')
    .argument('<config>', 'YAML file of the cluster')
    .addOption(new Option('--for <product>', 'the balancer').choices([...RENDER_PRODUCTS]).makeOptionMandatory())
    .addOption(new Option('--source <mode>', 'whose address hosts see as the source').choices([...SOURCES]))
    .option('--json', 'print one object: text, and limits: what the product cannot do')
    .addHelpText('after', '\nThe configuration goes to stdout. What the product cannot do goes to stderr.')
    .action((path: string, flags: RenderFlags) => run(path, flags))
}

async function run(path: string, { for: product, source, json }: RenderFlags): Promise<void> {
  const { cluster, render } = nlbConfig(path)
  const rendering = renderFor(product, cluster, { ...render, ...(source !== undefined && { source }) })
  if (json) return writeJson({ product, ...rendering })
  await writeText(rendering.text)
  for (const limit of rendering.limits) log(`note: ${limit}`)
}
