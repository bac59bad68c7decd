import { OptionError } from '../../protocol/errors.js'
import { parseFormatName } from '../../protocol/format-name.js'
import type { Machine } from './deployment.js'
import type { TopologyBalancer } from './topology-schema.js'

/** Where messages go, as the format name says it. */
export interface Destination {
  /** As it is written. */
  readonly text: string
  /**
   * How the queue is found: `tcp`, `os` and `http` by a direct name; `qmid` by the QMId of its machine; `directory` by asking
   * the directory, as path names and names of public queues need.
   */
  readonly style: 'tcp' | 'os' | 'http' | 'qmid' | 'directory'
  /** Whose address, name or QMId it carries; null for a queue that the directory alone knows. */
  readonly at: 'balancer' | Machine | null
  /** `private$\orders`, or `orders` for a public queue; null where the name has only a number or a GUID. */
  readonly queue: string | null
  readonly isPublic: boolean
}

interface Known {
  readonly machines: readonly Machine[]
  readonly balancer: TopologyBalancer | null
}

const DIRECT = /^DIRECT=(TCP|OS):([^\\]+)\\(.+)$/i
const URL_NAME = /^DIRECT=HTTPS?:\/\/([^/\\:]+)(?::\d+)?[/\\]msmq[/\\](.+)$/i
const PLACEHOLDER = /\{([^{}]*)\}/g
/** Stand for whatever a placeholder will be, so that the rest of a name can be read. */
const SOME_ADDRESS = '192.0.2.1'
const SOME_GUID = '00000000-0000-0000-0000-000000000001'
/** Of the first private queue of a machine, as PRIVATE= names carry it. */
const FIRST_QUEUE_NUMBER = 100

/** What a destination says, or what is wrong with it. */
export function readDestination(text: string, known: Known): Destination | string {
  for (const [whole, inside = ''] of text.matchAll(PLACEHOLDER)) {
    const [name = ''] = inside.split('.')
    if (
      inside === 'vip' || name === 'cluster' ? known.balancer !== null : machineOf(inside.replace(/\.guid$/, ''), known)
    )
      continue
    return `${whole} names nothing: ${known.balancer === null ? '' : '{vip}, {cluster}, {cluster.guid}, or '}{NAME} and {NAME.guid} with one of ${known.machines.map(machine => machine.name).join(', ')}`
  }
  if (!text.includes('=')) return pathName(text, known)
  const fault = syntaxFault(text)
  if (fault !== null) return fault
  const direct = DIRECT.exec(text)
  if (direct !== null) return directName(text, direct[1]!.toLowerCase() as 'tcp' | 'os', direct[2]!, direct[3]!, known)
  const url = URL_NAME.exec(text)
  if (url !== null) return directName(text, 'http', url[1]!, url[2]!.replaceAll('/', '\\'), known)
  if (/^PUBLIC=/i.test(text)) return { text, style: 'directory', at: null, queue: null, isPublic: true }
  const byNumber = /^PRIVATE=([^\\]+)\\([0-9a-f]{1,8})$/i.exec(text)
  if (byNumber === null) return `${text} is no destination for this: DIRECT=, PRIVATE= or PUBLIC= names, or a path name`
  const at = ownerOf(byNumber[1]!.replace(/^\{(.*)\.guid\}$/, '{$1}'), known)
  if (at === null) return `${text}: whose QMId is that? {cluster.guid} or {NAME.guid}`
  const machine = at === 'balancer' ? known.machines.find(({ role }) => role === 'node') : at
  const queue = machine?.queues[Number.parseInt(byNumber[2]!, 16) - FIRST_QUEUE_NUMBER]?.name
  if (queue === undefined)
    return `${text}: no such queue; queues are numbered in hexadecimal in the order of the file, from ${FIRST_QUEUE_NUMBER.toString(16)}`
  return { text, style: 'qmid', at, queue, isPublic: false }
}

/** The number that a queue has in PRIVATE= names, by its place in the file. */
export const queueNumber = (index: number) => FIRST_QUEUE_NUMBER + index

function directName(text: string, style: 'tcp' | 'os' | 'http', host: string, queue: string, known: Known) {
  const at = ownerOf(host, known)
  if (at === null) return `${text}: ${host} is nobody's: ${hostsText(known)}`
  return { text, style, at, queue, isPublic: !/^private\$\\/i.test(queue) }
}

function pathName(text: string, known: Known): Destination | string {
  const [, host, queue] = /^([^\\]+)\\((?:private\$\\)?[^\\;+,"]+)$/i.exec(text) ?? []
  if (host === undefined || queue === undefined)
    return `${text} is neither a format name such as DIRECT=TCP:{vip}\\private$\\orders nor a path name such as {cluster}\\orders`
  const at = ownerOf(host, known)
  if (at === null) return `${text}: ${host} is nobody's: ${hostsText(known)}`
  return { text, style: 'directory', at, queue, isPublic: !/^private\$\\/i.test(queue) }
}

function hostsText({ machines, balancer }: Known): string {
  const own = [balancer?.name, balancer?.address].filter(text => text !== undefined)
  return [...(balancer === null ? [] : ['{vip}', '{cluster}', ...own]), ...machines.map(({ name }) => name)].join(', ')
}

function ownerOf(host: string, known: Known): Destination['at'] {
  const { balancer } = known
  const plain = /^\{(.*)\}$/.exec(host)?.[1] ?? host
  if (balancer !== null && ['vip', 'cluster'].includes(plain) && plain !== host) return 'balancer'
  const names = [balancer?.name?.toLowerCase(), balancer?.address]
  return names.includes(host.toLowerCase()) ? 'balancer' : machineOf(plain, known)
}

function machineOf(name: string, { machines }: Known): Machine | null {
  return (
    machines.find(
      machine => machine.name.toLowerCase() === name.toLowerCase() || machine.definition.address === name,
    ) ?? null
  )
}

function syntaxFault(text: string): string | null {
  const filled = text.replace(PLACEHOLDER, (_, inside: string) => (inside.endsWith('.guid') ? SOME_GUID : SOME_ADDRESS))
  try {
    parseFormatName(filled)
    return null
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return `${text} is no format name: ${error.allowed}`
  }
}
