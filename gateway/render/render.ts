import type { ClusterConfig } from '../nlb/cluster-config.js'
import { renderHaproxy } from './haproxy.js'
import { renderIpvs } from './ipvs.js'
import { renderKeepalived } from './keepalived.js'
import { renderNftables } from './nftables.js'
import { renderNginx } from './nginx.js'
import type { Rendering, RenderOptions, RenderProduct } from './rendering.js'

/**
 * Ready-to-use configuration of a product that does for the cluster what it can: pure text, nothing is looked up or
 * started. `limits` says what it cannot, and the text's comments say it too. Throws a `RangeError` where the product
 * cannot do it at all, such as IPv6 with nftables.
 */
export function renderFor(product: RenderProduct, cluster: ClusterConfig, options: RenderOptions = {}): Rendering {
  return RENDERERS[product](cluster, options)
}

const RENDERERS: Readonly<Record<RenderProduct, (cluster: ClusterConfig, options: RenderOptions) => Rendering>> = {
  haproxy: renderHaproxy,
  nginx: renderNginx,
  nftables: renderNftables,
  ipvs: renderIpvs,
  keepalived: renderKeepalived,
}
