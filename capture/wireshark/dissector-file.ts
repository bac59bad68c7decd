import { fileURLToPath } from 'node:url'

/** The dissector that goes with this build. */
export function dissectorPath(): string {
  return fileURLToPath(new URL('../../../capture/wireshark/mqqb.lua', import.meta.url))
}
