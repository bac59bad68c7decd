import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'
import type { AnomalyRow, Exploration } from '../explore/exploration.js'
import { groupBy } from '../group-by.js'
import { timeText } from '../report/time-text.js'
import type { Explored, Findings } from './findings.js'
import { BALANCED_LOAD, BALANCERS, type Balancer, type BalancerCell, CLONE_LOAD, type CloneCell } from './grid.js'

/** Anomalies that the tables are about, as they call them. `timed`: when the first came about says something. */
const KINDS = [
  { id: 'duplicated', word: 'duplicates', timed: true },
  { id: 'incomplete-transaction', word: 'torn', timed: true },
  { id: 'unacknowledged', word: 'unacknowledged', timed: false },
  { id: 'undelivered', word: 'undelivered', timed: false },
  { id: 'lost', word: 'lost', timed: false },
] as const

/** The whole of docs/findings.md. `chart`: the file name of the drawing beside it. */
export function findingsMarkdown(findings: Findings, chart: string | null): string {
  const { seeds, balancers, clones } = findings
  const count = seeds.to - seeds.from + 1
  const command = `mqlab findings --seeds ${seeds.from}..${seeds.to} --markdown docs/findings.md`
  const { receivers, perTransaction, transactionEveryMin, loadMin, watchedMin } = BALANCED_LOAD
  const settings = DEFAULT_SETTINGS
  return `${[
    '# How soon, and how often',
    `<!-- Generated. Do not edit: run ${command} -->`,
    `Answers that nobody has published, from ${(balancers.length + clones.length) * count} runs in the simulated world with MSMQ's own timers. \`${command}\` prints the same again.`,
    '## What is assumed',
    [
      `- Every configuration is run with ${count === 1 ? 'one seed' : `${count} seeds`}. A seed draws QMIds, the times at which messages are sent, the ports of connections and the balancer's hash. "3/5" means three of five seeds.`,
      "- Nothing goes wrong: no machine ends, no link fails, no packet is lost. What is seen comes of the configuration alone, and at this pace connections are cut while nothing is under way. What faults add, and hosts that come and go, is for `mqlab explore` with a scenario's own faults or `chaos`.",
      "- Windows NLB's hash is not published. Ours is a substitute: which host a client gets differs, how many hosts share the load does not.",
      `- The lifetime of a row of the cache from QMId to address (QMIdCacheLifetime) is not published. Here it is ${settings.QMIdCacheLifetime} s.`,
      '- All senders are in one /24 network, so that affinity `network` sends all of them to one host.',
      "- An appliance's idle timeout resets the connection at both ends. Windows NLB has none.",
      '- Behind HTTP the queues are on the balanced nodes, which is unsupported for transactions (NLB-6). The supported configuration, front ends before one back end, shows none of this: see NLB-5 in the scenarios.',
      '- Where a host is chosen for each connection or request without affinity, it is drawn; with affinity it follows from the address.',
    ].join('\n'),
    '## Behind a balancer',
    `${receivers} receivers. Each sender sends a transaction of ${perTransaction} messages every ${transactionEveryMin} minutes on average, at chance times, for ${timeText(loadMin * 60_000)}, and is watched for ${timeText(watchedMin * 60_000)} in all. Cells say what was seen, in how many seeds, what share of all messages it befell, and for duplicates and torn transactions after how long first (median of the seeds that show it).`,
    shortly(balancers),
    ...BALANCERS.flatMap(balancer => [
      `### ${capital(balancer.title)}`,
      balancerTable(
        balancers.filter(({ cell }) => cell.balancer.id === balancer.id),
        count,
      ),
    ]),
    '## Clones',
    `So many machines of one QMId send to one receiver by its QMId (\`PRIVATE=…\`), without a balancer, at chance times, for ${timeText(CLONE_LOAD.loadMin * 60_000)} or until each has sent ${CLONE_LOAD.messagesMin} messages, whichever is later, and are watched for ${timeText(CLONE_LOAD.watchedAfterMin * 60_000)} after that. They begin one after the other, spread over the time between two messages, ten minutes at most. A queue stalls when messages have to be sent again for want of an order ack, the first time after ${settings.SeqResend13Time} s. The longest wait is that of the message that waited longest for its order ack, to the end if none came: its median over the seeds.`,
    cloneTable(clones, count),
    ...(chart === null
      ? []
      : [`![How long until a queue stalls, by messages a minute, a line for each number of clones](${chart})`]),
  ].join('\n\n')}\n`
}

/** A line for each balancer: how many configurations show what, and how soon at the earliest. */
function shortly(cells: readonly Explored<BalancerCell>[]): string {
  return BALANCERS.map(balancer => {
    const own = cells.filter(({ cell }) => cell.balancer.id === balancer.id)
    const seen = KINDS.flatMap(({ id, word, timed }) => {
      const rows = own.flatMap(({ exploration }) => rowOf(exploration, id) ?? [])
      if (rows.length === 0) return []
      const earliest = rows.flatMap(({ firstMs }) => firstMs?.min ?? []).reduce((a, b) => Math.min(a, b), Infinity)
      return [
        `${word} in ${rows.length}${timed && earliest < Infinity ? `, at the earliest after ${timeText(earliest)}` : ''}`,
      ]
    })
    return `- **${capital(balancer.title)}**, ${own.length} configurations: ${seen.length === 0 ? 'every message delivered once, in whole transactions, and acknowledged' : seen.join('; ')}.`
  }).join('\n')
}

function balancerTable(cells: readonly Explored<BalancerCell>[], seeds: number): string {
  const senders = [...new Set(cells.map(({ cell }) => cell.senders))]
  const rows = groupBy(cells, ({ cell }) => `${cell.affinity ?? 'none'} | ${idleText(cell.balancer, cell)}`)
  return markdownTable(
    ['affinity', 'idle timeout', ...senders.map(count => (count === 1 ? '1 sender' : `${count} senders`))],
    Array.from(rows, ([head, row]) => [
      ...head.split(' | '),
      ...senders.map(count => {
        const found = row.find(({ cell }) => cell.senders === count)
        return found === undefined ? '' : cellText(found.exploration, seeds)
      }),
    ]),
  )
}

function idleText({ id }: Balancer, { idleTimeoutMin }: BalancerCell): string {
  if (idleTimeoutMin !== null) return `${idleTimeoutMin} min`
  return id === 'nlb' ? 'has none' : id === 'http-request' ? 'of no matter' : 'none'
}

function cellText(exploration: Exploration, seeds: number): string {
  const seen = KINDS.flatMap(({ id, word, timed }) => {
    const row = rowOf(exploration, id)
    if (row === null) return []
    const share = id === 'incomplete-transaction' ? '' : `, ${percent(row.count / exploration.sent)}`
    const first = timed && row.firstMs !== null ? `, ${timeText(row.firstMs.median)}` : ''
    return [`${word} ${row.seeds}/${seeds}${share}${first}`]
  })
  return seen.length === 0 ? 'nothing' : seen.join('<br>')
}

function cloneTable(cells: readonly Explored<CloneCell>[], seeds: number): string {
  return markdownTable(
    [
      'clones',
      'messages a minute, each',
      'stalled',
      'first after',
      'longest wait',
      'unacknowledged at the end',
      'acks to another clone',
    ],
    cells.map(({ cell, exploration }) => {
      const { resent, waitsMs, sent } = exploration
      const astray = rowOf(exploration, 'misrouted-ack-clone')
      return [
        String(cell.clones),
        String(cell.perMinute),
        `${resent.seeds}/${seeds}`,
        resent.firstMs === null ? '' : timeText(resent.firstMs.median),
        waitsMs === null ? '' : timeText(waitsMs.median),
        share(['unacknowledged', 'undelivered'], exploration, sent),
        astray === null ? '0' : String(Math.round(astray.count / seeds)),
      ]
    }),
  )
}

function share(kinds: readonly string[], exploration: Exploration, sent: number): string {
  const count = kinds.reduce((sum, kind) => sum + (rowOf(exploration, kind)?.count ?? 0), 0)
  return count === 0 ? '0' : percent(count / sent)
}

const rowOf = ({ anomalies }: Exploration, kind: string): AnomalyRow | null =>
  anomalies.find(row => row.kind === kind) ?? null

function percent(part: number): string {
  return part < 0.01 ? `${(part * 100).toFixed(1)} %` : `${Math.round(part * 100)} %`
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
