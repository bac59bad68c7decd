import type { SourceMode } from '../../gateway/planes/proxy-events.js'
import type { Plane, Realisation } from '../planes.js'

/** One way to realise a balancer, for the table. */
export interface Column extends Realisation {
  /** As `--planes` takes it. */
  readonly id: string
  readonly title: string
}

const column = (id: string, title: string, plane: Plane, source: SourceMode): Column => ({ id, title, plane, source })

/** All that is compared. The first of each source mode is what the others of that mode are compared with. */
export const COLUMNS: readonly Column[] = [
  column('proxy-kept', 'proxy, source kept', 'proxy', 'keep'),
  column('kernel-nlb', 'kernel NLB', 'kernel-nlb', 'keep'),
  column('kernel-dnat', 'kernel DNAT', 'kernel-dnat', 'keep'),
  column('kernel-dsr', 'kernel DSR', 'kernel-dsr', 'keep'),
  column('haproxy-transparent', 'HAProxy, transparent', 'haproxy', 'keep'),
  column('proxy-translated', 'proxy, source translated', 'proxy', 'translate'),
  column('kernel-snat', 'kernel SNAT', 'kernel-snat', 'translate'),
  column('haproxy', 'HAProxy', 'haproxy', 'translate'),
  column('nginx', 'nginx', 'nginx', 'translate'),
]
