import { MSMQ_PING_PORT, MSMQ_PORT } from '../../protocol/ports.js'
import type { PortRule } from '../nlb/port-rule.js'

/** A rule of more ports than this is no list of services. */
const FEW_PORTS = 16

/** Which ports of the cluster a plane listens on. */
export interface ServedPorts {
  readonly tcp: readonly number[]
  readonly udp: readonly number[]
}

/**
 * Those that are asked for; where nothing is, MSMQ's own, whether a rule covers them or not, and those of rules that name a
 * few. Not 80 and 443 by themselves: to listen there may need rights.
 */
export function servedPorts(rules: readonly PortRule[], asked: Partial<ServedPorts> = {}): ServedPorts {
  const { tcp, udp } = asked
  if (tcp !== undefined || udp !== undefined) return { tcp: tcp ?? [], udp: udp ?? [] }
  const named = (protocol: 'tcp' | 'udp', own: number) => {
    const few = rules
      .filter(rule => rule.protocol === protocol || rule.protocol === 'both')
      .filter(({ startPort, endPort }) => endPort - startPort < FEW_PORTS)
      .flatMap(({ startPort, endPort }) => Array.from({ length: endPort - startPort + 1 }, (_, at) => startPort + at))
    return [...new Set([own, ...few])].filter(port => port > 0).sort((a, b) => a - b)
  }
  return { tcp: named('tcp', MSMQ_PORT), udp: named('udp', MSMQ_PING_PORT) }
}
