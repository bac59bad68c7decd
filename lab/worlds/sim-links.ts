import type { LinkChange } from '../faults/fault-schema.js'
import { type LinkProfile, QUIET_LINK } from '../sim/link-profile.js'
import type { SimNetwork } from '../sim/network.js'

/** Has what a fault says befall the link between two addresses; null: it is quiet again. */
export function changeLink(network: SimNetwork, one: string, other: string, change: LinkChange | null): void {
  network.join(one, other)
  if (change === null) {
    network.setLinkProfile(one, other, null)
    return
  }
  const { partition, cut, ...profile } = change
  network.setLinkProfile(one, other, { ...QUIET_LINK, ...(profile as Partial<LinkProfile>) })
  if (cut) for (const connection of network.between(one, other)) connection.reset()
  if (partition) network.part(one, other)
}
