import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import type { SourceMode } from '../../gateway/planes/proxy-events.js'
import type { RunView } from '../finding.js'
import { groupBy } from '../group-by.js'
import { eventsOf } from '../history.js'
import type { Plane, RealisationDetails } from '../planes.js'
import { parseScenario } from '../scenario-file.js'
import { createRunView, createVerdict } from '../verdict.js'
import { runScenario } from '../worlds/run-scenario.js'
import { planeLacking } from './lacking.js'
import { symptomsOf, symptomsText } from './symptoms.js'

/** A row of the table of order acks. */
export interface AckRow {
  /** As people know it. */
  readonly balancer: string
  /** What it was in this run. */
  readonly on: Plane
  readonly reaches: string
  readonly stays: string
  readonly messages: string
}

interface Question {
  readonly balancer: string
  readonly plane: Plane
  readonly source: SourceMode
  readonly affinity: 'single' | 'none'
  readonly kind: 'nlb' | 'appliance'
  /** Two of three hosts leave in the middle. */
  readonly leave?: boolean
  /** The hosts themselves send. */
  readonly inside?: boolean
  readonly details?: RealisationDetails
  /** HAProxy puts a PROXY preamble before what the client sends. */
  readonly preamble?: boolean
}

/** Nobody has it: what is sent there is not even refused. */
const NOBODYS_ADDRESS = '10.77.1.9'

const QUESTIONS: readonly Question[] = [
  {
    balancer: 'true NLB, affinity single, no convergence',
    plane: 'kernel-nlb',
    source: 'keep',
    affinity: 'single',
    kind: 'nlb',
  },
  { balancer: 'true NLB, affinity none', plane: 'kernel-nlb', source: 'keep', affinity: 'none', kind: 'nlb' },
  {
    balancer: 'true NLB, hosts removed',
    plane: 'kernel-nlb',
    source: 'keep',
    affinity: 'single',
    kind: 'nlb',
    leave: true,
  },
  {
    balancer: 'senders inside the cluster, the cluster address as source',
    plane: 'kernel-snat',
    source: 'translate',
    affinity: 'none',
    kind: 'appliance',
    inside: true,
  },
  {
    balancer: 'SNAT, the cluster address listens',
    plane: 'kernel-snat',
    source: 'translate',
    affinity: 'single',
    kind: 'appliance',
  },
  { balancer: 'full proxy (HAProxy)', plane: 'haproxy', source: 'translate', affinity: 'single', kind: 'appliance' },
  { balancer: 'full proxy (nginx)', plane: 'nginx', source: 'translate', affinity: 'single', kind: 'appliance' },
  {
    balancer: 'SNAT, an address without a listener',
    plane: 'kernel-snat',
    source: 'translate',
    affinity: 'single',
    kind: 'appliance',
    details: { snatAddress: NOBODYS_ADDRESS },
  },
  { balancer: 'DNAT, source kept', plane: 'kernel-dnat', source: 'keep', affinity: 'single', kind: 'appliance' },
  { balancer: 'direct server return', plane: 'kernel-dsr', source: 'keep', affinity: 'single', kind: 'appliance' },
  { balancer: 'transparent proxy (HAProxy)', plane: 'haproxy', source: 'keep', affinity: 'single', kind: 'appliance' },
  {
    balancer: 'PROXY protocol (HAProxy, send-proxy)',
    plane: 'haproxy',
    source: 'translate',
    affinity: 'single',
    kind: 'appliance',
    preamble: true,
  },
]

/** Answers each question by a run; those whose balancer cannot be had here are left out. */
export async function runAckTable(options: {
  readonly seed: number
  readonly signal?: AbortSignal
  onRow?(row: AckRow): void
}): Promise<AckRow[]> {
  const rows: AckRow[] = []
  for (const question of QUESTIONS) {
    if (planeLacking(question) !== null) continue
    const row = await answer(question, options)
    rows.push(row)
    options.onRow?.(row)
  }
  return rows
}

async function answer(question: Question, { seed, signal }: { seed: number; signal?: AbortSignal }): Promise<AckRow> {
  const { balancer, plane, source, details } = question
  const wrapper = question.preamble ? writeWrapper() : null
  const program = wrapper === null ? details : { ...details, program: wrapper.file }
  try {
    const run = await runScenario(parseScenario(scenarioText(question), 'order acks'), {
      seed,
      plane,
      source,
      ...(program === undefined ? {} : { details: program }),
      ...(signal === undefined ? {} : { signal }),
    })
    const view = createRunView(run)
    const messages = symptomsText(symptomsOf(createVerdict(view)))
    return { balancer, on: plane, reaches: whereAcksLanded(view), stays: whereSequencesAre(view), messages }
  } finally {
    wrapper?.remove()
  }
}

/** By landings alone: what an ack was for is told by the acknowledging machine's note. */
function whereAcksLanded({ acks }: RunView): string {
  if (acks.length === 0) return 'no: nothing was ever acknowledged'
  const home = acks.filter(({ landings, astray }) => astray === null && landings.length > 0).length
  const astray = acks.filter(journey => journey.astray !== null).length
  const nowhere = acks.length - home - astray
  const rest = [
    ...(astray > 0 ? [`${astray} came to another machine`] : []),
    ...(nowhere > 0 ? [`${nowhere} to nobody`] : []),
  ]
  const verdict = rest.length === 0 ? 'yes' : home === 0 ? 'no' : 'some'
  return `${verdict}: ${[`${home} of ${acks.length}`, ...rest].join(', ')}`
}

function whereSequencesAre({ run }: RunView): string {
  const met = [...eventsOf(run, 'arrived'), ...eventsOf(run, 'discarded')].filter(({ tx }) => tx !== null)
  if (met.length === 0) return 'no receiver understood anything'
  const spread = (groups: Map<string, readonly { node: string }[]>) =>
    [...groups.values()].filter(events => new Set(events.map(({ node }) => node)).size > 1).length
  const sequences = groupBy(met, ({ source, tx }) => `${source} ${tx?.sequence}`)
  const senders = groupBy(met, ({ source }) => source)
  const split = spread(sequences)
  if (split > 0) return `no: ${split} of ${sequences.size} sequences came to several receivers`
  const wandered = spread(senders)
  if (wandered > 0)
    return `only within a session: no sequence was split, and ${wandered} of ${senders.size} senders came to several receivers`
  return `yes: each of ${senders.size} senders had one receiver`
}

/** Sessions end between two messages; where hosts leave, senders are in the middle of their sequences. */
function scenarioText({ affinity, kind, source, leave, inside }: Question): string {
  const settings = leave
    ? 'OrderAckTimeout: 100, SeqMaxAckDelay: 0.4, RecoverableAckSendTimeoutMin: 50, TryConnectInterval: 50'
    : 'OrderAckTimeout: 60, RecoverableAckSendTimeoutMin: 50, IdleAckDelay: 50, CleanupInterval: 150, TryConnectInterval: 50, SeqResend13Time: 0.6'
  const times = kind === 'nlb' ? ", heartbeatPeriodMs: 100, profile: '2003'" : ''
  return `
scenario: order-acks
about: where order acks go, and which receivers know of a sequence
topology:
  settings: { ${settings} }
  gateway: { kind: ${kind}, affinity: ${affinity}, source: ${source}${times} }
  receivers: { count: ${inside ? 5 : 3}, queues: { name: 'private$\\orders', transactional: true } }
${inside ? '' : `  senders: { count: 5, settings: { AckWaitTimeout: ${leave ? 300 : 20_000} } }`}
load:
  to: 'DIRECT=TCP:{vip}\\private$\\orders'
  delivery: transactional
  messages: ${leave ? 120 : 6}
  ratePerS: ${leave ? 20 : 3}
${inside ? '  from: [R1, R2, R3, R4, R5]' : ''}
${leave ? 'faults: { atS: 1, onceAcknowledged: true, leave: [R1, R2] }' : ''}
time: { loadS: 8, drainS: 4 }
expect: { sent: ${5 * (leave ? 120 : 6)} }
`
}

/** A program that is HAProxy, but for the configuration: each server gets the preamble, which no renderer of ours writes. */
function writeWrapper(): { file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-preamble-'))
  const file = join(folder, 'haproxy')
  const haproxy = findProgram('haproxy') ?? 'haproxy'
  writeFileSync(file, `#!/bin/sh\nsed -i 's/^    server .*/& send-proxy/' "$3"\nexec ${haproxy} "$@"\n`, {
    mode: 0o755,
  })
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
