import type { MachineNames } from '../../capture/recording/machine-names.js'
import type { RunGateway, RunNode } from '../history.js'
import { CLUSTER_NAME, type NodeRole } from '../scenario-nodes.js'

/** From where messages come to where they go. */
const ORDER: readonly (NodeRole | 'gateway')[] = ['sender', 'gateway', 'front-end', 'receiver']

/** The machines of a run, by address: each by its name in the run, and by the one that it has for others where that differs. */
export function machineNames(nodes: readonly RunNode[], gateway: RunGateway | null): MachineNames {
  const machines = nodes.map(({ role, name, computerName, address }) => ({
    role: role as (typeof ORDER)[number],
    address,
    names: computerName === undefined ? [name] : [name, computerName],
  }))
  if (gateway !== null)
    machines.push({ role: 'gateway', address: gateway.address, names: [gateway.name, CLUSTER_NAME] })
  return new Map(
    machines
      .toSorted((one, other) => ORDER.indexOf(one.role) - ORDER.indexOf(other.role))
      .map(({ address, names }) => [address, names]),
  )
}
