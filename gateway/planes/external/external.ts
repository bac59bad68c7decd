import type { ExternalPlane, ExternalPlaneOptions } from './external-plane.js'
import { createHaproxyPlane } from './haproxy.js'
import { createNginxPlane } from './nginx.js'

/** A balancer of the system as the plane of a cluster. It starts with `start()`, where it may turn out not to be installed. */
export function createExternalPlane(product: 'haproxy' | 'nginx', options: ExternalPlaneOptions): ExternalPlane {
  return product === 'haproxy' ? createHaproxyPlane(options) : createNginxPlane(options)
}
