import { findProgram, namespacesLacking } from '../../gateway/planes/kernel/programs.js'
import { kernelModeOf, type Realisation } from '../planes.js'

/** Why a balancer cannot be had on this machine, in a few words; null where it can. */
export function planeLacking({ plane, source }: Realisation): string | null {
  if (plane === 'proxy') return null
  if (kernelModeOf(plane) !== null) return namespacesLacking()
  if (findProgram(plane) === null) return `${plane} is not installed`
  return source === 'keep' && process.getuid?.() !== 0 ? 'binding the addresses of clients needs root' : null
}
