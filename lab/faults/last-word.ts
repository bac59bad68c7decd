import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import type { FaultRule, NodeFaults } from './fault-rules.js'
import type { Injection } from './rule-book.js'

/** What a machine on sockets leaves behind when a fault by meaning ends it: nobody else could tell which it was. */
export interface LastWord {
  readonly rule: FaultRule
  /** What it had not told the lab yet. */
  readonly injections: readonly Injection[]
}

/** This process ends as in a power failure; of a thread nothing but the thread does. */
export function dieAtOnce(word: LastWord, file: string | undefined): void {
  if (file !== undefined) writeFileSync(file, JSON.stringify(word))
  if (isMainThread) process.kill(process.pid, 'SIGKILL')
  else process.exit(137)
}

/** Null when it said none. It is said once. */
export function takeLastWord(file: string): LastWord | null {
  if (!existsSync(file)) return null
  const word = JSON.parse(readFileSync(file, 'utf8')) as LastWord
  rmSync(file)
  return word
}

/** A rule that has ended its machine does not do so again. */
export function withoutRule(faults: NodeFaults, { index }: FaultRule): NodeFaults {
  return { ...faults, rules: faults.rules.filter(rule => rule.index !== index) }
}
