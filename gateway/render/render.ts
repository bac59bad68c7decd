import type { ClusterConfig } from '../nlb/cluster-config.js'
import { renderHaproxy } from './haproxy.js'
import type { Rendering, RenderOptions, RenderProduct } from './rendering.js'

/**
 * Ready-to-use configuration of a product that does for the cluster what it can: pure text, nothing is looked up or
 * started. `limits` says what it cannot, and the text's comments say it too.
 */
export function renderFor(product: RenderProduct, cluster: ClusterConfig, options: RenderOptions = {}): Rendering {
  const render = RENDERERS[product]
  if (render === undefined) throw new RangeError(`nothing renders for ${product} yet`)
  return render(cluster, options)
}

const RENDERERS: Partial<Record<RenderProduct, (cluster: ClusterConfig, options: RenderOptions) => Rendering>> = {
  haproxy: renderHaproxy,
}
