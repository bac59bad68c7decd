import { MSMQ_PORT } from '../../protocol/ports.js'
import type { SourceMode } from '../planes/proxy-events.js'
import type { BalancerKind } from './kb-rows.js'
import type { RenderOptions } from './rendering.js'
import { isHttp, type Service } from './services.js'

/** What a proxy in front of these services is to message queuing. The service of TCP 1801 stands for all. */
export function kindOfProxy(services: readonly Service[], source: SourceMode, options: RenderOptions): BalancerKind {
  const main = services.find(({ protocol, port }) => protocol === 'tcp' && port === MSMQ_PORT) ?? services[0]
  return {
    source,
    destination: 'host',
    unit: main !== undefined && isHttp(main, options) ? 'request' : 'connection',
    staysWithHost: main?.affinity !== 'none' || main.sharing !== 'spread',
  }
}
