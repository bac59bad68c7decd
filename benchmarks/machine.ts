import { execFileSync } from 'node:child_process'
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a figure was measured on. A figure without it is an anecdote. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Short commit id of the working tree, with `+` when it holds changes; `unknown` outside a checkout. */
  readonly commit: string
  /** One-minute load average when the run began: other work on the machine shows here. */
  readonly loadAverage: number
  readonly time: string
}

export function describeMachine(): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    commit: describeCommit(),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    time: new Date().toISOString(),
  }
}

function describeCommit(): string {
  try {
    const commit = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`
  } catch {
    return 'unknown'
  }
}

const HERE = dirname(fileURLToPath(import.meta.url))

function git(...words: string[]): string {
  return execFileSync('git', words, {
    cwd: HERE,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 20_000,
  }).trim()
}
