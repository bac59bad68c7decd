import type { CrashQueue } from './crash-application.js'
import type { LedgerLine, OfferKind, TakenMessage } from './crash-ledger.js'
import { openTakes } from './crash-takes.js'

/** The ledgers of one node and in whose names its applications offered. */
export interface NodeLedgers {
  readonly node: string
  readonly offers: { readonly sender: number; readonly lines: readonly LedgerLine[] } | null
  readonly takes: readonly LedgerLine[]
  /** Of the replies. */
  readonly replies: { readonly sender: number; readonly queue: number } | null
}

export interface CrashTally {
  /** Groups: single messages and transactions. */
  readonly accepted: number
  readonly refused: number
  /** Nobody said what became of them: the process was killed before. `unknownArrived` of them arrived. */
  readonly unknown: number
  readonly unknownArrived: number
  readonly abandoned: number
  readonly taken: number
  readonly replies: number
  /** Takes that a crash left open, settled by what the queues held afterwards. */
  readonly takesFound: number
  readonly takesPutBack: number
  /** Lives in which the store was full; any other failure of it is a finding. */
  readonly livesWithFullStore: number
  /** Express messages accepted and lost, or delivered again: both are allowed when processes die (MQ-2). */
  readonly expressSent: number
  readonly expressLost: number
  readonly expressTwice: number
}

export interface CrashVerdict {
  /** What must not be, empty when all is well. */
  readonly findings: readonly string[]
  readonly tally: CrashTally
}

interface Group {
  readonly name: string
  readonly kind: OfferKind
  readonly messages: readonly { readonly key: string; readonly queue: number }[]
  /** 'uncommitted': abandoned, or cut off before the commit was asked for. */
  outcome: 'accepted' | 'refused' | 'unknown' | 'uncommitted'
  /** Place in the order in which one sender's groups were committed. */
  order: number
}

const FINDINGS_MAX = 50
const STORE_FULL = 'MSMQ_STORE_FULL'

/**
 * Judges the ledgers of a campaign that has drained: each message accepted was taken once, none that was refused or
 * abandoned was, of the unknown ones all of a transaction or nothing; transactional messages in the order of their
 * commits, queue by queue; the journal of a queue has what was taken from it; replies came just when their takes did.
 */
export function checkCrashes(queues: readonly CrashQueue[], nodes: readonly NodeLedgers[]): CrashVerdict {
  const findings: string[] = []
  const find = (finding: string): void => {
    if (findings.length < FINDINGS_MAX) findings.push(finding)
  }
  const groups = nodes.flatMap(node => [...offeredGroups(node), ...replyGroups(node)])
  const groupOf = new Map(groups.flatMap(group => group.messages.map(message => [message.key, { group, ...message }])))
  const taken = nodes.flatMap(({ takes }) => takenMessages(takes))
  const delivered = taken.filter(([queue]) => queues[queue]?.isJournal !== true)

  const copies = new Map<string, number>()
  const lastOrder = new Map<string, number>()
  for (const [queue, sender, number] of delivered) {
    const key = messageKey(sender, number)
    const offered = groupOf.get(key)
    copies.set(key, (copies.get(key) ?? 0) + 1)
    if (offered === undefined) {
      find(`${key} was taken from ${queues[queue]?.name}, but nobody offered it`)
      continue
    }
    const { group } = offered
    if (offered.queue !== queue)
      find(`${group.name}: ${key} was taken from ${queues[queue]?.name}, its queue is ${queues[offered.queue]?.name}`)
    if (group.kind !== 'transactional') continue
    const stream = `${sender}>${queue}`
    if (group.order < (lastOrder.get(stream) ?? -1))
      find(`${group.name}: ${key} was taken after messages of a later commit`)
    lastOrder.set(stream, group.order)
  }

  const tally = { expressSent: 0, expressLost: 0, expressTwice: 0, unknownArrived: 0 }
  for (const group of groups) {
    const came = group.messages.filter(({ key }) => copies.has(key))
    const twice = group.messages.filter(({ key }) => (copies.get(key) ?? 0) > 1)
    if (group.kind === 'express') {
      if (group.outcome === 'accepted') tally.expressSent += 1
      if (group.outcome === 'accepted' && came.length === 0) tally.expressLost += 1
      if (twice.length > 0) tally.expressTwice += 1
      continue
    }
    if (group.outcome === 'unknown' && came.length > 0) tally.unknownArrived += 1
    for (const { key } of twice) find(`${group.name}: ${key} was taken ${copies.get(key)} times`)
    if (group.outcome === 'accepted' && came.length < group.messages.length)
      find(
        `${group.name} was accepted; lost: ${group.messages.filter(({ key }) => !copies.has(key)).map(({ key }) => key)}`,
      )
    else if ((group.outcome === 'refused' || group.outcome === 'uncommitted') && came.length > 0)
      find(`${group.name} was ${group.outcome}; all the same there came ${came.map(({ key }) => key)}`)
    else if (came.length > 0 && came.length < group.messages.length)
      find(`${group.name} is torn: only ${came.map(({ key }) => key)} came`)
  }
  for (const finding of journalFindings(queues, taken)) find(finding)
  for (const { node, offers, takes } of nodes) {
    for (const line of [...(offers?.lines ?? []), ...takes]) if (line.do === 'wrong') find(`${node}: ${line.what}`)
    for (const line of takes)
      if (line.do === 'failure' && line.code !== STORE_FULL) find(`${node}: the store failed: ${line.code}`)
    for (const { take } of openTakes(takes)) find(`${node}: take ${take} was never settled`)
  }

  const counted = (outcome: Group['outcome']) => groups.filter(group => group.outcome === outcome).length
  const settled = nodes.flatMap(({ takes }) => takes)
  return {
    findings,
    tally: {
      accepted: counted('accepted'),
      refused: counted('refused'),
      unknown: counted('unknown'),
      abandoned: counted('uncommitted'),
      taken: delivered.length,
      replies: nodes.reduce(
        (sum, node) => sum + replyGroups(node).filter(({ outcome }) => outcome === 'accepted').length,
        0,
      ),
      takesFound: settled.filter(line => line.do === 'taken' && line.only !== undefined).length,
      livesWithFullStore: settled.filter(line => line.do === 'failure' && line.code === STORE_FULL).length,
      takesPutBack: settled.filter(line => line.do === 'back').length,
      ...tally,
    },
  }
}

function messageKey(sender: number, number: number): string {
  return `${sender}/${number}`
}

function offeredGroups({ offers }: NodeLedgers): Group[] {
  if (offers === null) return []
  const groups = new Map<number, Group>()
  let order = 0
  for (const line of offers.lines)
    switch (line.do) {
      case 'offer': {
        const [first] = line.messages[0]!
        groups.set(first, {
          name: `${line.kind} group ${messageKey(offers.sender, first)}`,
          kind: line.kind,
          messages: line.messages.map(([number, queue]) => ({ key: messageKey(offers.sender, number), queue })),
          outcome: line.kind === 'transactional' ? 'uncommitted' : 'unknown',
          order: 0,
        })
        break
      }
      case 'commit': {
        const group = groups.get(line.group)!
        group.outcome = 'unknown'
        order += 1
        group.order = order
        break
      }
      case 'outcome':
        groups.get(line.group)!.outcome = line.outcome
    }
  return [...groups.values()]
}

/** A reply is there just when the take of its transaction is. */
function replyGroups({ takes, replies }: NodeLedgers): Group[] {
  if (replies === null) return []
  const taken = new Set(takes.flatMap(line => (line.do === 'taken' ? [line.take] : [])))
  return takes.flatMap((line, order): Group[] =>
    line.do !== 'take' || line.reply === 0
      ? []
      : [
          {
            name: `reply of take ${line.take}`,
            kind: 'transactional',
            messages: [{ key: messageKey(replies.sender, line.reply), queue: replies.queue }],
            outcome: taken.has(line.take) ? 'accepted' : 'uncommitted',
            order,
          },
        ],
  )
}

/** In the order of the takes. */
function takenMessages(lines: readonly LedgerLine[]): TakenMessage[] {
  const ends = new Map(lines.flatMap(line => (line.do === 'taken' ? [[line.take, line]] : [])))
  return lines.flatMap(line => {
    if (line.do !== 'take') return []
    const end = ends.get(line.take)
    if (end === undefined) return []
    return end.only === undefined ? line.messages : end.only.map(index => line.messages[index]!)
  })
}

function* journalFindings(queues: readonly CrashQueue[], taken: readonly TakenMessage[]): Iterable<string> {
  const from = (wanted: number): string[] =>
    taken.flatMap(([queue, sender, number]) => (queue === wanted ? [messageKey(sender, number)] : [])).sort()
  for (const [index, { journal, name }] of queues.entries()) {
    if (journal === undefined) continue
    const [received, journaled] = [from(index), from(journal)]
    if (received.join() === journaled.join()) continue
    const [got, kept] = [new Set(received), new Set(journaled)]
    yield `${name}: ${received.length} messages were taken, its journal had ${journaled.length}; ` +
      `missing: ${received.filter(key => !kept.has(key)).slice(0, 10)}; not taken: ${journaled.filter(key => !got.has(key)).slice(0, 10)}`
  }
}
