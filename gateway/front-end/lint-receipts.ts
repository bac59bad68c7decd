import { type Redirection, redirect } from '../../queue-manager/http/redirections.js'
import { type Finding, finding } from './finding.js'
import type { Machine } from './machine.js'
import { type Mapping, type MappingRule, type MappingTable, type PlacedUrl, placeText } from './mapping.js'
import { ORDER_QUEUE, parseQueueUrl } from './queue-url.js'

/*
 * Stream receipts that never come home. They go to the URL that message 1 of a stream carries in `sendReceiptsTo`, and from
 * there by the inbound table of whoever that URL leads to; home is the order queue of the one sender.
 */

/** A URL that receipts are asked to be sent to, with the destinations that it is for (null: all others). */
interface Asked {
  readonly to: PlacedUrl
  readonly from: PlacedUrl | null
}

/** `everybody` are the files of all machines given: the way home may be a rule of another one, such as a front end's. */
export function receiptFindings(
  mappings: readonly Mapping[],
  everybody: readonly Mapping[],
  machine: Machine,
): Finding[] {
  const defaults = mappings.flatMap(({ defaultReceipts }) => defaultReceipts)
  const [first, ...more] = defaults
  const asked: Asked[] = ofTable(mappings, 'receipts').map(({ from, to }) => ({ from, to }))
  if (first !== undefined) asked.push({ from: null, to: first })
  const inbound = ofTable(everybody, 'inbound')
  const ways = inbound.map(({ from, to }) => ({ from: from.url, to: to.url }))
  const names = new Set(inbound.flatMap(({ from }) => parseQueueUrl(from.url.replace(/\*$/, ''))?.host ?? []))
  return [
    ...more.map(to => repeatedDefault(to, first!)),
    ...asked.flatMap(one => [...wayHome(one, ways, names, machine), ...schemeFindings(one)]),
    ...orderQueueFindings(ofTable(mappings, 'inbound')),
  ]
}

function ofTable(mappings: readonly Mapping[], wanted: MappingTable): MappingRule[] {
  return mappings.flatMap(({ rules }) => rules.filter(({ table }) => table === wanted))
}

function repeatedDefault(to: PlacedUrl, first: PlacedUrl): Finding {
  const reason = `there is one default already, ${first.url} (${placeText(first)}), and only one counts`
  return finding('receipts-default-repeated', to, reason, 'leave one out', { related: first })
}

function wayHome({ to }: Asked, ways: readonly Redirection[], names: ReadonlySet<string>, machine: Machine): Finding[] {
  const address = parseQueueUrl(to.url)
  if (address === null) return []
  const { host, queue } = address
  const mapped = redirect(ways, to.url)
  if (mapped !== null) {
    const end = parseQueueUrl(mapped)
    if (end === null || end.queue === ORDER_QUEUE) return []
    const reason = `receipts to ${to.url} are mapped to ${mapped}, which is no order queue: the sender never learns of them, and sends everything again`
    return [
      finding('receipts-not-order-queue', to, reason, `map ${to.url} to http://SENDER/msmq/private$/order_queue$`),
    ]
  }
  const owner = machine.ownerOf(host)
  // A query tells streams apart at the sender's own queue.
  if (owner === 'own' || (owner === 'unknown' && queue === ORDER_QUEUE && !names.has(host))) {
    if (queue === ORDER_QUEUE) return []
    const reason = `receipts to ${to.url} arrive at ${queue ?? 'no queue'}, which is not the order queue`
    const remedy = `write http://${host}/msmq/private$/order_queue$, or map ${to.url} to it`
    return [finding('receipts-not-order-queue', to, reason, remedy)]
  }
  const remedy = `add the inbound rule <from>${to.url}</from> <to>http://SENDER/msmq/private$/order_queue$</to> at every machine of ${host}`
  if (owner === 'shared' || names.has(host)) {
    const reason = `${host} leads to several machines, and no rule maps ${to.url} to the one sender: receipts reach whichever comes, which answers 200 and drops them`
    return [finding('receipts-lost', to, reason, remedy)]
  }
  const reason = `${host} is not this machine, and no rule among these files brings receipts for ${to.url} back to it`
  return [finding('receipts-elsewhere', to, reason, remedy)]
}

function schemeFindings({ from, to }: Asked): Finding[] {
  const sent = from === null ? undefined : /^https?(?=:)/i.exec(from.url)?.[0].toLowerCase()
  const asked = /^https?(?=:)/i.exec(to.url)?.[0].toLowerCase()
  if (from === null || sent === undefined || asked === undefined || sent === asked) return []
  const reason = `messages to ${from.url} go by ${sent}, their receipts are asked for by ${asked}: the receiver needs both, and certificates that fit`
  return [
    finding(
      'receipts-scheme',
      to,
      reason,
      `write ${sent}: ${to.url.slice(asked.length + 1)} as ${sent}${to.url.slice(asked.length)}`,
    ),
  ]
}

/** An order queue stands behind a shared name for one sender only. */
function orderQueueFindings(inbound: readonly MappingRule[]): Finding[] {
  return inbound.flatMap(({ from, to }) => {
    if (!from.url.endsWith('*') || parseQueueUrl(to.url)?.queue !== ORDER_QUEUE) return []
    const reason = `everything that ${from.url} fits goes to the order queue of one sender, receipts for others and messages too`
    return [finding('receipts-shared', from, reason, `map one address for each sender, without *, to ${to.url}`)]
  })
}
