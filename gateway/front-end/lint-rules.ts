import { comparableUrl, redirect, urlPattern } from '../../queue-manager/http/redirections.js'
import { type Finding, finding } from './finding.js'
import type { Machine } from './machine.js'
import { type Mapping, type MappingRule, type MappingTable, type PlacedUrl, placeText } from './mapping.js'
import { parseQueueUrl, type QueueUrl, shortHost } from './queue-url.js'

/* What is wrong with the rules of one machine beside each other: of several that fit, only the first counts. */

const TABLES: readonly MappingTable[] = ['inbound', 'outbound', 'receipts']

export function ruleFindings(mappings: readonly Mapping[], machine: Machine): Finding[] {
  const rules = mappings.flatMap(({ rules }) => rules)
  const of = (wanted: MappingTable) => rules.filter(({ table }) => table === wanted)
  const exceptions = mappings.flatMap(({ exceptions }) => exceptions)
  const inbound = of('inbound')
  return [
    ...TABLES.flatMap(table => shadowFindings(of(table))),
    ...TABLES.flatMap(table => nearlySameFindings(of(table))),
    ...aliasFindings(inbound, machine),
    ...destinationFindings(inbound, machine),
    ...outboundFindings(of('outbound'), exceptions, machine),
  ]
}

/** Rules that never come to be used. */
function shadowFindings(rules: readonly MappingRule[]): Finding[] {
  const equal = new Map<string, MappingRule>()
  const prefixes: { text: string; rule: MappingRule }[] = []
  const findings: Finding[] = []
  for (const rule of rules) {
    const { text, isPrefix } = urlPattern(rule.from.url)
    const key = isPrefix ? `${text}*` : text
    const same = equal.get(key)
    const wider = same ?? prefixes.find(prefix => text.startsWith(prefix.text))?.rule
    if (same !== undefined) findings.push(repeated(rule, same))
    else if (wider !== undefined) findings.push(shadowed(rule, wider))
    if (same === undefined) equal.set(key, rule)
    if (same === undefined && isPrefix) prefixes.push({ text, rule })
  }
  return findings
}

/** In vain, yet nothing goes elsewhere than it says. */
const sameTo = (a: MappingRule, b: MappingRule) => comparableUrl(a.to.url) === comparableUrl(b.to.url)

function repeated(rule: MappingRule, before: MappingRule): Finding {
  const { from, to } = rule
  const spelling =
    from.url === before.from.url ? '' : ', for case, slash or backslash, and the default port make no difference'
  const where = placeText(before.from)
  if (sameTo(rule, before)) {
    const reason = `${from.url} is there already (${where})${spelling}`
    return finding('from-repeated', from, reason, 'leave one out', { related: before.from, severity: 'warning' })
  }
  const reason = `${from.url} is mapped already (${where})${spelling}: messages go to ${before.to.url}, never to ${to.url}`
  return finding('from-repeated', from, reason, 'leave out the one that is not meant', { related: before.from })
}

function shadowed(rule: MappingRule, wider: MappingRule): Finding {
  const reason = `${wider.from.url} (${placeText(wider.from)}) comes first and fits all of it: messages go to ${wider.to.url}`
  return finding('from-shadowed', rule.from, reason, 'put the more special rule before the wildcard', {
    related: wider.from,
    ...(sameTo(rule, wider) && { severity: 'warning' }),
  })
}

/** Addresses that look alike, are not the same, and go to different places. */
function nearlySameFindings(rules: readonly MappingRule[]): Finding[] {
  const seen = new Map<string, MappingRule>()
  return rules.flatMap(rule => {
    const address = parseQueueUrl(rule.from.url)
    if (address === null) return []
    const key = looseKey(address)
    const before = seen.get(key)
    if (before === undefined) {
      seen.set(key, rule)
      return []
    }
    if (sameTo(rule, before) || comparableUrl(rule.from.url) === comparableUrl(before.from.url)) return []
    const what = differences(address, parseQueueUrl(before.from.url)!).join(' and ')
    const reason = `differs from ${before.from.url} (${placeText(before.from)}) only in ${what}, which matters: the one goes to ${before.to.url}, the other to ${rule.to.url}`
    const remedy = 'if both are names of one queue, give both the same "to"'
    return [finding('names-nearly-same', rule.from, reason, remedy, { related: before.from })]
  })
}

function looseKey({ host, path }: QueueUrl): string {
  return `${shortHost(host)} ${path.replace(/^\/msmq\/private\$\//, '/msmq/').replace(/\/$/, '')}`
}

function differences(a: QueueUrl, b: QueueUrl): string[] {
  const rows: [differs: boolean, what: string][] = [
    [a.scheme !== b.scheme, 'http or https'],
    [a.host !== b.host, 'the full or the short name of the host'],
    [a.scheme === b.scheme && a.port !== b.port, 'the port'],
    [a.path.replace(/\/$/, '') !== b.path.replace(/\/$/, ''), 'private$ before the queue'],
    [a.path.endsWith('/') !== b.path.endsWith('/'), 'the slash at the end'],
    [a.query !== b.query, 'the query'],
  ]
  return rows.filter(([differs]) => differs).map(([, what]) => what)
}

/** A name that leads here too, and is not mapped as its sibling is. */
function aliasFindings(inbound: readonly MappingRule[], machine: Machine): Finding[] {
  const table = inbound.map(({ from, to }) => ({ from: from.url, to: to.url }))
  const isMapped = (url: string) => redirect(table, url) !== null
  return inbound.flatMap(({ from, to }) => {
    const address = parseQueueUrl(from.url)
    if (address === null || address.queue === null || from.url.endsWith('*')) return []
    const [missing] = machine.namesLike(address.host).filter(name => !isMapped(withHost(address, name)))
    if (missing === undefined) return []
    const reason = `${missing} leads here too, but ${withHost(address, missing)} is not mapped: senders that use it are answered with 400, or find another queue`
    const remedy = `add a rule from ${withHost(address, missing)} to ${to.url}`
    return [finding('alias-without-rule', from, reason, remedy)]
  })
}

function withHost({ scheme, port, path }: QueueUrl, host: string): string {
  const shown = host.includes(':') ? `[${host}]` : host
  return comparableUrl(`${scheme}://${shown}:${port}${path}`)
}

/** Messages that come back to where they were sent from. */
function destinationFindings(inbound: readonly MappingRule[], machine: Machine): Finding[] {
  const hosts = new Map<string, PlacedUrl>()
  for (const { from } of inbound) {
    const address = parseQueueUrl(from.url.replace(/\*$/, ''))
    if (address !== null && !hosts.has(address.host)) hosts.set(address.host, from)
  }
  const byFrom = new Map<string, MappingRule>()
  for (const rule of inbound) {
    const key = comparableUrl(rule.from.url)
    if (!byFrom.has(key)) byFrom.set(key, rule)
  }
  return inbound.flatMap(rule => {
    const { from, to } = rule
    const target = parseQueueUrl(to.url)
    if (target === null) return []
    const owner = machine.ownerOf(target.host)
    if (comparableUrl(from.url) === comparableUrl(to.url)) {
      // A back end that has the virtual name as alias needs no rule, and one that lacks it is not helped.
      const reason = `${from.url} is mapped to itself: the rule does nothing but let the address pass as known`
      return [finding('to-itself', to, reason, 'map it to the queue by the name of the machine that has it')]
    }
    const looped = loopFrom(rule, byFrom)
    if (looped.length > 0) {
      const way = looped.map(({ from, to }) => `${to.url} (${placeText(from)})`).join(' to ')
      const reason = `from ${from.url} the rules lead round in a circle: to ${way}`
      return [finding('loop', to, reason, 'map both to the queue itself', { related: looped[0]!.from })]
    }
    const shared = owner === 'shared' ? to : owner === 'other' ? hosts.get(target.host) : undefined
    if (shared !== undefined) {
      const reason = `${target.host} is not one machine's name: it leads to the front ends again, and a message for ${from.url} either goes round for ever or ends in a queue of one of them`
      const remedy = 'name the one back-end server by its own name or address'
      return [finding('to-virtual-name', to, reason, remedy, { related: shared === to ? null : shared })]
    }
    const next = byFrom.get(comparableUrl(to.url))
    if (next === undefined || next === rule) return []
    const reason = `${to.url} is mapped itself (${placeText(next.from)}), but the table is looked up once: messages for ${from.url} do not go to ${next.to.url}`
    return [finding('chained', to, reason, `write ${next.to.url} here, if that is meant`, { related: next.from })]
  })
}

/** The rules on the way from `rule` back to it; none when it does not come back. */
function loopFrom(rule: MappingRule, byFrom: ReadonlyMap<string, MappingRule>): MappingRule[] {
  const way: MappingRule[] = []
  let at: MappingRule | undefined = byFrom.get(comparableUrl(rule.to.url))
  while (at !== undefined && at !== rule && !way.includes(at) && way.length < LOOP_MAX) {
    way.push(at)
    at = byFrom.get(comparableUrl(at.to.url))
  }
  return at === rule ? way : []
}

/** Longer circles are not looked for. */
const LOOP_MAX = 64

function outboundFindings(
  outbound: readonly MappingRule[],
  exceptions: readonly PlacedUrl[],
  machine: Machine,
): Finding[] {
  const patterns = outbound.map(({ from }) => urlPattern(from.url))
  return [
    ...outbound.flatMap(({ to }) => {
      const host = parseQueueUrl(to.url)?.host
      const owner = host === undefined ? 'unknown' : machine.ownerOf(host)
      if (owner !== 'own' && owner !== 'shared') return []
      const reason = `messages would be sent to this machine itself (${host}), which does not take them for others`
      return [finding('outbound-to-itself', to, reason, 'name the server that sends them on')]
    }),
    ...exceptions.flatMap(exception => {
      const { text, isPrefix } = urlPattern(exception.url)
      const isUsed = patterns.some(
        rule =>
          (rule.isPrefix ? text.startsWith(rule.text) : text === rule.text) || (isPrefix && rule.text.startsWith(text)),
      )
      if (isUsed) return []
      const reason = `no outbound rule is for ${exception.url}: there is nothing to except it from`
      return [finding('exception-unused', exception, reason, 'leave it out, or correct its spelling')]
    }),
  ]
}
