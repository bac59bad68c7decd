import { isIP } from 'node:net'
import { OptionError } from './errors.js'
import { type Guid, isGuid } from './guid.js'

/* Format names: how applications and queue managers name queues. Source: [MS-MQMQ] 2.1.2 to 2.1.7.
 *
 *   DIRECT=TCP:192.0.2.10\private$\q;JOURNAL      DIRECT=HTTP://host:8080/msmq/private$/q
 *   DIRECT=OS:server1\q;subqueue                  DIRECT=OS:server1\SYSTEM$;DEADXACT
 *   PUBLIC=guid   PRIVATE=guid\0000000f   MACHINE=guid;JOURNAL   CONNECTOR=guid   DL=guid@domain
 *   MULTICAST=224.0.0.1:8001
 *
 * Keywords and GUIDs are read without regard to case and written in one way; addresses and paths are kept as given,
 * because an outgoing queue is known by the name exactly as used. Queue names may hold blanks and letters beyond ASCII,
 * which real ones do, although the grammar stops at %x7F. */

export type DirectProtocol = 'TCP' | 'OS' | 'HTTP' | 'HTTPS' | 'SPX' | 'IPX'
export type NameSuffix = '' | 'JOURNAL' | 'DEADLETTER' | 'DEADXACT'

export interface DirectFormatName {
  kind: 'direct'
  protocol: DirectProtocol
  /** Host as written: an IP address for TCP, `host[:port]` for HTTP, `network:host` for SPX and IPX. */
  address: string
  /** What follows the address: `private$\q`, `q`, `SYSTEM$`; `msmq/private$/q` for HTTP. */
  path: string
  suffix: NameSuffix
  subqueue?: string
}

export type FormatName =
  | DirectFormatName
  | { kind: 'public'; guid: Guid; suffix: NameSuffix }
  | { kind: 'private'; queueManager: Guid; number: number; suffix: NameSuffix }
  | { kind: 'machine'; guid: Guid; suffix: NameSuffix }
  | { kind: 'connector'; guid: Guid; suffix: NameSuffix }
  | { kind: 'distribution-list'; guid: Guid; domain?: string }
  | { kind: 'multicast'; address: string; port: number }

const DIRECT = /^(TCP|OS|HTTPS|HTTP|SPX|IPX):(.*)$/is
const QUEUE_NAME_MAX = 124
const SUBQUEUE_NAME_MAX = 32
const HOST_MAX = 256
const DOMAIN_MAX = 255
const FORMS = 'DIRECT=, PUBLIC=, PRIVATE=, MACHINE=, CONNECTOR=, DL= or MULTICAST= with what [MS-MQMQ] 2.1 says'

// Why a text is no format name, carried to the one place that throws.
class NameFault {
  readonly allowed: string
  constructor(allowed: string) {
    this.allowed = allowed
  }
}

/** One format name. `MSMQ_OPTION_FORMAT_NAME` with what is allowed at the place that failed. */
export function parseFormatName(text: string): FormatName {
  const name = readFormatName(text)
  if (name instanceof NameFault) throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'format name', text, name.allowed)
  return name
}

/** A multiple-element format name: one or more names separated by commas, without names of read-only queues. */
export function parseFormatNames(text: string): FormatName[] {
  const names = text.split(',').map(parseFormatName)
  if (names.length > 1 && names.some(name => isReadOnly(name) || name.kind === 'machine')) {
    const allowed = 'no journal, dead-letter or machine name among several'
    throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'format name', text, allowed)
  }
  return names
}

/** Is it the name of a journal or dead-letter queue, to which nobody can send? */
export function isReadOnly(name: FormatName): boolean {
  return 'suffix' in name && name.suffix !== ''
}

/** Is it a URL, `DIRECT=HTTP:` or `DIRECT=HTTPS:`? */
export function isHttp(name: FormatName): boolean {
  return name.kind === 'direct' && (name.protocol === 'HTTP' || name.protocol === 'HTTPS')
}

/** The text of a DirectQueueFormatName on the wire, which has no `DIRECT=`; null when it names no queue. For what a
 *  peer sent: never throws. */
export function parseDirectWireName(text: string): DirectFormatName | null {
  const name = readDirect(text)
  return name instanceof NameFault ? null : name
}

function readFormatName(text: string): FormatName | NameFault {
  const equals = text.indexOf('=')
  const rest = text.slice(equals + 1)
  switch (text.slice(0, equals + 1).toUpperCase()) {
    case 'DIRECT=':
      return readDirect(rest)
    case 'PUBLIC=':
      return readGuidName(rest, ['', 'JOURNAL'], (guid, suffix) => ({ kind: 'public', guid, suffix }))
    case 'MACHINE=':
      return readGuidName(rest, ['JOURNAL', 'DEADLETTER', 'DEADXACT'], (guid, suffix) => {
        return { kind: 'machine', guid, suffix }
      })
    case 'CONNECTOR=':
      return readGuidName(rest, [''], (guid, suffix) => ({ kind: 'connector', guid, suffix }))
    case 'PRIVATE=':
      return readPrivate(rest)
    case 'DL=':
      return readDistributionList(rest)
    case 'MULTICAST=':
      return readMulticast(rest)
    default:
      return new NameFault(FORMS)
  }
}

function readDirect(text: string): DirectFormatName | NameFault {
  const match = DIRECT.exec(text)
  if (match === null) return new NameFault('TCP:, OS:, HTTP:, HTTPS:, SPX: or IPX: after DIRECT=')
  const protocol = match[1]!.toUpperCase() as DirectProtocol
  return protocol === 'HTTP' || protocol === 'HTTPS' ? readHttp(protocol, match[2]!) : readHost(protocol, match[2]!)
}

function readHttp(protocol: 'HTTP' | 'HTTPS', rest: string): DirectFormatName | NameFault {
  const match = /^\/\/([^/\\\s;,]{1,256})[/\\](msmq[/\\].+)$/is.exec(rest)
  if (match === null) return new NameFault(`${protocol}://host[:port]/msmq/[private$/]queue`)
  const port = /:(\d*)$/.exec(match[1]!)
  if (port !== null && Number(port[1]) > 65535) return new NameFault('a port up to 65535')
  return readPath(protocol, match[1]!, match[2]!, /[/\\]/)
}

function readHost(protocol: DirectProtocol, rest: string): DirectFormatName | NameFault {
  const separator = rest.indexOf('\\')
  const address = separator < 0 ? rest : rest.slice(0, separator)
  if (separator < 0) return new NameFault(`${protocol}:address\\[private$\\]queue`)
  if (protocol === 'TCP' && isIP(address) === 0) return new NameFault('an IP address after TCP:')
  if (address.length === 0 || address.length > HOST_MAX || !isPrintable(address) || /[;,/]/.test(address)) {
    return new NameFault(`1 to ${HOST_MAX} printable characters for the address`)
  }
  return readPath(protocol, address, rest.slice(separator + 1), /\\/)
}

const SUFFIX = /^(JOURNAL|DEADLETTER|DEADXACT)$/i

function readPath(
  protocol: DirectProtocol,
  address: string,
  text: string,
  separator: RegExp,
): DirectFormatName | NameFault {
  const [path, ...extras] = text.split(';')
  const steps = path!.split(separator)
  const queue = steps.at(-1)!
  const isSystem = queue.toUpperCase() === 'SYSTEM$'
  const last = extras.at(-1)
  const suffix = last !== undefined && SUFFIX.test(last) ? (extras.pop()!.toUpperCase() as NameSuffix) : ''
  if (isSystem !== (suffix === 'DEADLETTER' || suffix === 'DEADXACT' || (isSystem && suffix === 'JOURNAL'))) {
    return new NameFault('SYSTEM$ with ;JOURNAL, ;DEADLETTER or ;DEADXACT; other queues with ;JOURNAL or nothing')
  }
  const folders = steps.slice(0, -1).filter(step => step.toLowerCase() !== 'msmq' || separator.source === '\\\\')
  if (folders.length > 1 || (folders.length === 1 && folders[0]!.toLowerCase() !== 'private$')) {
    return new NameFault('a queue, or private$ and a queue')
  }
  if (!isQueueName(queue, QUEUE_NAME_MAX)) {
    return new NameFault(`a queue of 1 to ${QUEUE_NAME_MAX} characters without \\ ; + , "`)
  }
  const name: DirectFormatName = { kind: 'direct', protocol, address, path: path!, suffix }
  if (extras.length === 0) return name
  if (extras.length > 1 || isSystem || !isQueueName(extras[0]!, SUBQUEUE_NAME_MAX)) {
    return new NameFault(`at most one subqueue of 1 to ${SUBQUEUE_NAME_MAX} characters`)
  }
  return { ...name, subqueue: extras[0]! }
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f) return false
  }
  return true
}

function isQueueName(text: string, lengthMax: number): boolean {
  return text.length > 0 && text.length <= lengthMax && isPrintable(text) && !/[\\;+,"]/.test(text)
}

function readGuidName(
  text: string,
  suffixes: readonly NameSuffix[],
  make: (guid: Guid, suffix: NameSuffix) => FormatName,
): FormatName | NameFault {
  const [guid, suffix, ...more] = text.split(';')
  if (!isGuid(guid!) || more.length > 0) return new NameFault('a GUID of 8-4-4-4-12 hexadecimal digits')
  const known = suffixes.find(allowed => allowed === (suffix ?? '').toUpperCase())
  if (known === undefined || (suffix === '' && known === '')) {
    return new NameFault(
      `after the GUID ${suffixes.map(allowed => (allowed === '' ? 'nothing' : `;${allowed}`)).join(' or ')}`,
    )
  }
  return make(guid!.toLowerCase(), known)
}

function readPrivate(text: string): FormatName | NameFault {
  const match = /^([^\\]+)\\([0-9a-f]{1,8})(;JOURNAL)?$/i.exec(text)
  if (match === null || !isGuid(match[1]!)) return new NameFault('PRIVATE=guid\\1-to-8-hexadecimal-digits[;JOURNAL]')
  return {
    kind: 'private',
    queueManager: match[1]!.toLowerCase(),
    number: Number.parseInt(match[2]!, 16),
    suffix: match[3] === undefined ? '' : 'JOURNAL',
  }
}

function readDistributionList(text: string): FormatName | NameFault {
  const at = text.indexOf('@')
  const guid = at < 0 ? text : text.slice(0, at)
  if (!isGuid(guid)) return new NameFault('DL=guid[@domain]')
  if (at < 0) return { kind: 'distribution-list', guid: guid.toLowerCase() }
  const domain = text.slice(at + 1)
  if (!/^[\x21-\x7e]+$/.test(domain) || domain.length > DOMAIN_MAX) {
    return new NameFault(`a domain of 1 to ${DOMAIN_MAX} visible characters`)
  }
  return { kind: 'distribution-list', guid: guid.toLowerCase(), domain }
}

function readMulticast(text: string): FormatName | NameFault {
  const match = /^((\d{1,3})\.\d{1,3}\.\d{1,3}\.\d{1,3}):(\d{1,5})$/.exec(text)
  if (match === null || isIP(match[1]!) !== 4 || Number(match[2]) < 224 || Number(match[2]) > 239) {
    return new NameFault('an address from 224.0.0.0 to 239.255.255.255 and a port')
  }
  if (Number(match[3]) > 65535) return new NameFault('a port up to 65535')
  return { kind: 'multicast', address: match[1]!, port: Number(match[3]) }
}

/** The text that {@link parseFormatName} reads back as the same name; private numbers as eight digits. */
export function formatNameText(name: FormatName): string {
  switch (name.kind) {
    case 'direct':
      return `DIRECT=${directWireName(name)}`
    case 'public':
      return `PUBLIC=${name.guid}${suffixText(name.suffix)}`
    case 'private':
      return `${privateNameText(name.queueManager, name.number)}${suffixText(name.suffix)}`
    case 'machine':
      return `MACHINE=${name.guid}${suffixText(name.suffix)}`
    case 'connector':
      return `CONNECTOR=${name.guid}${suffixText(name.suffix)}`
    case 'distribution-list':
      return name.domain === undefined ? `DL=${name.guid}` : `DL=${name.guid}@${name.domain}`
    case 'multicast':
      return `MULTICAST=${name.address}:${name.port}`
  }
}

/** Of a private queue by its number on a machine: hexadecimal, eight digits. */
export function privateNameText(queueManager: Guid, number: number): string {
  return `PRIVATE=${queueManager}\\${number.toString(16).padStart(8, '0')}`
}

function suffixText(suffix: NameSuffix): string {
  return suffix === '' ? '' : `;${suffix}`
}

/** The text of a direct name as packets carry it: without `DIRECT=`. */
export function directWireName(name: DirectFormatName): string {
  const subqueue = name.subqueue === undefined ? '' : `;${name.subqueue}`
  const place = isHttp(name) ? `//${name.address}/${name.path}` : `${name.address}\\${name.path}`
  return `${name.protocol}:${place}${subqueue}${suffixText(name.suffix)}`
}

/** Host part of a direct name, without the port an HTTP name may carry. */
export function hostOf(name: DirectFormatName): string {
  if (!isHttp(name)) return name.address
  return name.address.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}

/** Equal for names of one queue spelled alike but for case; fit for a map key. */
export function formatNameKey(name: FormatName): string {
  return formatNameText(name).toLowerCase()
}
