import type { LiveCluster } from '../gateway/live-cluster.js'
import type { ClusterFault } from './cluster-fault.js'

/** Has a fault befall the model; what follows from it is the model's matter. */
export function actOn(live: Pick<LiveCluster, 'call'>, fault: ClusterFault): void {
  live.call((cluster, nowMs) => {
    switch (fault.kind) {
      case 'leave':
        cluster.command(fault.drain ? 'drainstop' : 'stop', fault.host, nowMs)
        break
      case 'join':
        cluster.command('start', fault.host, nowMs)
        break
      case 'crash':
        cluster.crash(fault.host, nowMs)
        break
      case 'recover':
        cluster.recover(fault.host, nowMs)
        break
      case 'partition':
        cluster.partition(fault.groups, nowMs)
        break
      case 'heal':
        cluster.heal(nowMs)
        break
      case 'learn-mac':
        cluster.learnMac(fault.host, nowMs)
        break
    }
  })
}
