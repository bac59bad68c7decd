import { takeAddressBlock } from './address-block.js'
import type { World } from './world.js'

/** Every machine at an address of its own of 127.0.0.0/8. @throws {AddressBlockError} on systems without those addresses */
export async function loopbackWorld(seed: number): Promise<World> {
  const block = await takeAddressBlock(seed)
  return { name: 'loopback', address: last => block.address(last), release: () => block.release() }
}
