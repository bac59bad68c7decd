import { comparableUrl, redirect, urlPattern } from '../../queue-manager/http/redirections.js'
import { type Finding, finding } from './finding.js'
import { type Machine, SELF_HOSTS } from './machine.js'
import type { Mapping, MappingRule, PlacedUrl } from './mapping.js'
import { placeText } from './mapping.js'
import { ORDER_QUEUE, parseQueueUrl, shortHost } from './queue-url.js'
import { redirectionsOf } from './tables.js'

/*
 * Front ends behind one name, beside each other. A balancer may bring any message to any of them, so that all must map a
 * queue, and to the same back end (NLB-5); otherwise each has a part of a stream (NLB-6).
 */

/** A machine with its files. */
export interface KnownMachine {
  readonly mappings: readonly Mapping[]
  readonly machine: Machine
}

/** One machine after the other. With one, there is nothing to compare. */
export function machineFindings(known: readonly KnownMachine[]): Finding[] {
  if (known.length < 2) return []
  return [...backEndFindings(known), ...sharedReceiptFindings(known.map(({ mappings }) => mappings))]
}

function backEndFindings(known: readonly KnownMachine[]): Finding[] {
  const machines = known.map(({ mappings }) => mappings)
  const tables = machines.map(mappings => redirectionsOf(mappings).inbound)
  const seen = new Set<string>()
  return machines.flatMap((mappings, first) =>
    inboundOf(mappings).flatMap(rule => {
      const { text, isPrefix } = urlPattern(rule.from.url)
      const key = isPrefix ? `${text}*` : text
      if (seen.has(key)) return []
      seen.add(key)
      // What a wildcard fits is tried with its shortest.
      const target = redirect(tables[first]!, text)
      for (const [index, table] of tables.entries()) {
        if (index === first || target === null) continue
        const other = redirect(table, text)
        const place = firstPlace(machines[index]!)
        if (other === null && isPrefix && table.some(({ from }) => urlPattern(from).text.startsWith(text))) continue
        if (other === null && isBackEnd(rule, known[index]!.machine, known[first]!.machine)) {
          if (hasOnePath(rule)) continue
          return [pathDiffers(rule, place)]
        }
        if (other === null) return [missing(rule, place)]
        if (comparableUrl(other) === comparableUrl(target) && !isEachOnesOwn(target)) continue
        return [severalBackEnds(rule, target, other, ruleTo(machines[index]!, other) ?? place)]
      }
      return []
    }),
  )
}

/** The same words, and another machine wherever they are read. */
const isEachOnesOwn = (url: string) => SELF_HOSTS.has(parseQueueUrl(url)?.host ?? '')

const inboundOf = (mappings: readonly Mapping[]): MappingRule[] =>
  mappings.flatMap(({ rules }) => rules.filter(({ table }) => table === 'inbound'))

const firstPlace = ([mapping]: readonly Mapping[]) => ({ file: mapping?.file ?? '', line: 1, column: 1 })

const ruleTo = (mappings: readonly Mapping[], to: string): PlacedUrl | undefined =>
  inboundOf(mappings).find(rule => rule.to.url === to)?.to

/** Does the rule lead from another machine to this one, which knows the name that messages were sent to? */
function isBackEnd({ from, to }: MappingRule, machine: Machine, other: Machine): boolean {
  const target = parseQueueUrl(to.url)?.host
  const named = addressOf(from)?.host
  if (target === undefined || named === undefined || SELF_HOSTS.has(target)) return false
  const owner = machine.ownerOf(named)
  return machine.ownerOf(target) === 'own' && other.ownerOf(target) !== 'own' && (owner === 'own' || owner === 'shared')
}

const addressOf = ({ url }: PlacedUrl) => parseQueueUrl(url.replace(/\*$/, ''))

const hasOnePath = ({ from, to }: MappingRule) =>
  !from.url.endsWith('*') && addressOf(from)?.path === parseQueueUrl(to.url)?.path

/** A back end without rules looks for the queue that the message's envelope names. */
function pathDiffers({ from, to }: MappingRule, place: ReturnType<typeof firstPlace>): Finding {
  const reason = `the path of ${from.url} is not that of ${to.url}, and the back end (${place.file}) has no such rule: it looks for the queue that the message was sent to, not for that of "to", and answers 400 where there is none`
  const remedy = `give the back end the inbound rule from ${from.url} to ${to.url} too`
  return finding('path-differs', to, reason, remedy, { related: place })
}

function missing({ from, to }: MappingRule, place: ReturnType<typeof firstPlace>): Finding {
  const reason = `the machine of ${place.file} does not map ${from.url}: what a balancer brings there is answered with 400, or put into a queue of its own`
  return finding('not-on-every-front-end', from, reason, `map it to ${to.url} there too`, { related: place })
}

function severalBackEnds(
  { from }: MappingRule,
  target: string,
  other: string,
  place: PlacedUrl | ReturnType<typeof firstPlace>,
): Finding {
  const [a, b] = [parseQueueUrl(target), parseQueueUrl(other)]
  const where = placeText(place)
  if (a?.queue === ORDER_QUEUE && b?.queue === ORDER_QUEUE) {
    const reason = `receipts for ${from.url} go to ${target} here and to ${other} there (${where}): half of them reach the wrong sender`
    return finding('receipts-shared', from, reason, 'give each sender an address for receipts of its own', {
      related: place,
    })
  }
  const isSpelling =
    a !== null && b !== null && !isEachOnesOwn(target) && a.path === b.path && shortHost(a.host) === shortHost(b.host)
  const reason = isSpelling
    ? `${from.url} goes to ${target} here and to ${other} there (${where}): one machine, it seems, but told in two ways`
    : `${from.url} goes to ${target} here and to ${other} there (${where}): each back end gets a part of a stream, with duplicates, incomplete transactions and messages that stay`
  const remedy = isSpelling
    ? 'write the same "to" everywhere'
    : 'map the queue to one single back end on every front end'
  return finding('several-back-ends', from, reason, remedy, {
    related: place,
    ...(isSpelling && { severity: 'warning' }),
  })
}

/** Senders that ask for receipts at one address cannot be told apart. */
function sharedReceiptFindings(machines: readonly (readonly Mapping[])[]): Finding[] {
  const askedBy = new Map<string, { machine: number; to: PlacedUrl }>()
  return machines.flatMap((mappings, machine) =>
    mappings
      .flatMap(({ rules, defaultReceipts }) => [
        ...rules.filter(({ table }) => table === 'receipts').map(({ to }) => to),
        ...defaultReceipts.slice(0, 1),
      ])
      .flatMap(to => {
        const before = askedBy.get(comparableUrl(to.url))
        if (before === undefined) askedBy.set(comparableUrl(to.url), { machine, to })
        if (before === undefined || before.machine === machine) return []
        const reason = `another sender (${placeText(before.to)}) asks for receipts at ${to.url} too: each gets what is for the other, drops it, and sends everything again`
        const remedy = 'give each sender an address for receipts of its own, mapped to its own order queue'
        return [finding('receipts-shared', to, reason, remedy, { related: before.to })]
      }),
  )
}
