import { type Finding, type FindingId, finding } from './finding.js'
import type { Machine } from './machine.js'
import type { Mapping, MappingTable, PlacedUrl } from './mapping.js'
import { parseQueueUrl, type QueueUrl } from './queue-url.js'

/* What is wrong with one address by itself: a `from` that nothing can match, a `to` that is nobody's. */

/** Which part an address plays in a rule. */
type Part = 'from' | 'to'

export function addressFindings({ rules, exceptions, defaultReceipts }: Mapping, machine: Machine): Finding[] {
  return [
    ...rules.flatMap(({ table, from, to }) => [
      ...fromFindings(from),
      ...(table === 'outbound' ? hostFindings(to) : toFindings(to, table, machine)),
    ]),
    ...exceptions.flatMap(fromFindings),
    ...defaultReceipts.flatMap(to => toFindings(to, 'receipts', machine)),
  ]
}

const FORM = 'http[s]://HOST[:PORT]/msmq/[private$/]QUEUE'
const VAIN: Readonly<Record<Part, string>> = {
  from: 'no message has such an address',
  to: 'it is no address of a queue',
}

function fromFindings(from: PlacedUrl): Finding[] {
  const { url } = from
  const isOpen = url.endsWith('*')
  const text = isOpen ? url.slice(0, -1) : url
  if (text.includes('*')) {
    const remedy = 'leave one * at the very end, or write a rule for each address'
    return [
      finding('wildcard-inside', from, `only a * at the end is a wildcard; the one inside ${url} is a letter`, remedy),
    ]
  }
  // What the wildcard leaves open may become anything.
  if (isOpen && isStartOfScheme(text)) return []
  const general = generalFindings(from, text, 'from', isOpen)
  if (general.length > 0) return general
  const address = parseQueueUrl(text)
  if (address === null) return [finding('not-http', from, `${url}: ${VAIN.from}`, `write ${FORM}`)]
  return isOpen ? openFindings(from, address) : queueFindings(from, address, 'from')
}

function isStartOfScheme(text: string): boolean {
  const start = text.toLowerCase().replaceAll('\\', '/')
  return 'http://'.startsWith(start) || 'https://'.startsWith(start)
}

/** What is before a `*`. */
function openFindings(from: PlacedUrl, address: QueueUrl): Finding[] {
  const { path, query, host } = address
  if (path === '') {
    const reason = `${from.url} also fits every host whose name only begins with ${host}`
    return [finding('wildcard-host', from, reason, `write ${address.scheme}://${host}/*`)]
  }
  if ('/msmq/'.startsWith(path) || (query === null && isOpenQueue(path))) return escapedFindings(from, path)
  return queueFindings(from, path.endsWith('/') ? { ...address, path: `${path}\u2026` } : address, 'from')
}

/** Could more letters make it a queue's path? */
function isOpenQueue(path: string): boolean {
  if (!path.startsWith('/msmq/')) return false
  const steps = path.slice('/msmq/'.length).split('/')
  return steps.length === 1 || (steps.length === 2 && steps[0] === 'private$')
}

function toFindings(to: PlacedUrl, table: MappingTable, machine: Machine): Finding[] {
  const { url } = to
  if (url.includes('*')) {
    const reason = `the * in ${url} is a letter: nothing of what a wildcard of "from" stood for is put in its place`
    return [finding('wildcard-in-to', to, reason, 'write one rule for each queue, with its whole address')]
  }
  const general = generalFindings(to, url, 'to', false)
  if (general.length > 0) return general
  const address = parseQueueUrl(url)
  if (address === null) return [finding('not-http', to, `${url}: ${VAIN.to}`, `write ${FORM}`)]
  const findings = queueFindings(to, address, 'to', table === 'receipts')
  if (findings.some(({ severity }) => severity === 'error') || table === 'receipts') return findings
  return [...findings, ...destinationFindings(to, address, machine)]
}

/** A destination that is a queue's address by its form. */
function destinationFindings(to: PlacedUrl, { host, queue }: QueueUrl, machine: Machine): Finding[] {
  if (queue === null) return []
  const findings: Finding[] = []
  const isHere = machine.ownerOf(host) === 'own'
  if (isHere && machine.has(queue) === false) {
    const reason = `${host} is this machine, and no queue ${queue} is declared for it: messages for it are answered with 400`
    findings.push(finding('no-such-queue', to, reason, 'create the queue, or name the one that is meant'))
  }
  if (!queue.startsWith('private$\\') && !(isHere && machine.has(queue))) {
    const reason = `${queue} is a public queue, which a directory must know; behind a balancer only private queues work`
    findings.push(finding('public-queue', to, reason, `map to /msmq/private$/${queue}`))
  }
  return findings
}

/** Only the host of an outbound `to` counts. */
function hostFindings(to: PlacedUrl): Finding[] {
  const general = generalFindings(to, to.url, 'to', false)
  if (general.length > 0 || parseQueueUrl(to.url) !== null) return general
  return [finding('not-http', to, `${to.url} is no address of a server`, 'write http[s]://HOST[:PORT]')]
}

function generalFindings(at: PlacedUrl, text: string, part: Part, isOpen: boolean): Finding[] {
  const vain = VAIN[part]
  const [, prefix, rest = ''] = /^(direct=)(.*)$/is.exec(text) ?? []
  if (prefix !== undefined)
    return [finding('direct-prefix', at, `${text} is a format name, not a URL: ${vain}`, `write ${rest}`)]
  const shown = JSON.stringify(text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text) || /^https?:[\\/]{2}[^\\/?#]*\s/i.test(text))
    return [finding('blank-inside', at, `${shown} has a blank or line break inside: ${vain}`, 'write it in one piece')]
  if (text.includes('#')) {
    const reason = `what follows # in ${shown} never leaves a client: ${vain}`
    return [finding('fragment', at, reason, `write ${text.slice(0, text.indexOf('#'))}`)]
  }
  if (!/^https?:[\\/]{2}[^\\/?]/i.test(text) && !(isOpen && /^https?:[\\/]{2}$/i.test(text))) {
    const remedy = `write ${FORM}${/^(tcp|os):/i.test(text) ? '; only HTTP and HTTPS are mapped' : ''}`
    return [finding('not-http', at, `${shown} is no http or https URL: ${vain}`, remedy)]
  }
  return []
}

/** A whole path: a queue's, or why not. */
function queueFindings(at: PlacedUrl, address: QueueUrl, part: Part, mayAsk = false): Finding[] {
  const { path, query, queue } = address
  const one = (id: FindingId, reason: string, remedy: string) => [finding(id, at, `${reason}: ${VAIN[part]}`, remedy)]
  if (path !== '/msmq' && !path.startsWith('/msmq/'))
    return one('no-msmq', `the path ${path === '' ? '/' : path} does not begin with /msmq/`, `write ${FORM}`)
  if (queue === null) return pathFindings(at, path, one)
  const findings = escapedFindings(at, path)
  if (query !== null && !mayAsk) {
    const reason =
      part === 'from'
        ? `it fits only messages whose address has exactly ?${query}`
        : `?${query} is no part of a queue's name`
    findings.push(finding('query', at, reason, 'leave the query out; only the order queue of a sender has one'))
  }
  return findings
}

function pathFindings(
  at: PlacedUrl,
  path: string,
  one: (id: FindingId, reason: string, remedy: string) => Finding[],
): Finding[] {
  const steps = path.split('/').slice(2)
  const last = steps.at(-1)
  if (steps.length > 1 && last === '' && steps.length <= 3)
    return one('trailing-slash', `${at.url} ends in a slash, and no queue's name does`, 'leave the last slash out')
  const [first = ''] = steps
  if (steps.length === 2 && first !== '' && first !== 'private$' && last !== '') {
    const remedy = isNearPrivate(first) ? `write private$ for ${first}` : 'write /msmq/private$/QUEUE or /msmq/QUEUE'
    return one('not-private', `between /msmq/ and the queue only private$ may stand, not ${first}`, remedy)
  }
  return one(
    'no-queue',
    `${shortened(path)} names no queue: a name has 1 to 124 characters, without ; + , and quotes`,
    `write ${FORM}`,
  )
}

const isNearPrivate = (step: string) => /^p?ri?v/.test(step) || step.includes('$') || step.includes('%24')

function escapedFindings(at: PlacedUrl, path: string): Finding[] {
  const [escaped] = /%[0-9a-f]{2}/.exec(path) ?? []
  if (escaped === undefined) return []
  const letter = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  const reason = `${escaped} is compared as it stands, and is not the same as ${JSON.stringify(letter)}`
  return [finding('escaped', at, reason, `write the letter itself, as MSMQ does in "to"`)]
}

const shortened = (path: string) => (path.length > 160 ? `${path.slice(0, 157)}...` : path)
