import { spawnSync } from 'node:child_process'
import { release } from 'node:os'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import type { Column } from './columns.js'

/** What took part, such as `HAProxy 2.6.12`: each program asked for its own version. */
export function programVersions(columns: readonly Column[]): string[] {
  const planes = new Set(columns.map(({ plane }) => plane))
  const kernel = [...planes].some(plane => plane.startsWith('kernel-'))
  return [
    `Node.js ${process.versions.node}`,
    ...(kernel ? [`Linux ${release().replace(/-.*/, '')}`, version('nft', '--version', 'nftables', /v([\d.]+)/)] : []),
    ...(planes.has('haproxy') ? [version('haproxy', '-v', 'HAProxy', /version ([\d.]+)/)] : []),
    ...(planes.has('nginx') ? [version('nginx', '-v', 'nginx', /nginx\/([\d.]+)/)] : []),
  ].filter(text => text !== '')
}

/** Empty where the program is not there. */
function version(program: string, option: string, title: string, pattern: RegExp): string {
  const path = findProgram(program)
  if (path === null) return ''
  const { stdout, stderr } = spawnSync(path, [option], { encoding: 'utf8' })
  return `${title} ${pattern.exec(stdout + stderr)?.[1] ?? '(version unknown)'}`
}
