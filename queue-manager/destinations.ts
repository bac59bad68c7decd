import { isIP } from 'node:net'
import type { UserHeader } from '../protocol/binary/user-header.js'
import { type FormatName, hostOf, isHttp } from '../protocol/format-name.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import type { ResolveQuery } from './actions.js'
import type { Context } from './context.js'
import { localPath } from './http/names.js'
import type { LocalQueue } from './local-queue.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import { ORDER_QUEUE_NAME, ORDER_QUEUE_NUMBER } from './queue-registry.js'

/** Where a name leads on this machine. `foreign-name`: the name is another computer's, and validation is on. */
export type Location =
  | { readonly kind: 'queue'; readonly queue: LocalQueue }
  | { readonly kind: 'order-queue' }
  | { readonly kind: 'foreign-name' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'elsewhere' }

type Found = (addresses: readonly string[], by: 'direct' | 'cache' | 'resolver') => void

const MISSING: Location = { kind: 'missing' }
const FOREIGN: Location = { kind: 'foreign-name' }
const ELSEWHERE: Location = { kind: 'elsewhere' }
const ORDER_QUEUE: Location = { kind: 'order-queue' }
const REMEMBERED_MAX = 1_000
const REMEMBERED_NAME_MAX = 512

/**
 * Which names are this machine's. A `DIRECT=OS` name must be the computer's own (NetBIOS name, DNS name, or `.`) unless
 * IgnoreOSNameValidation is 1 (NLB-2, NLB-3; KB306785). A `DIRECT=TCP` address is accepted whatever it is, unless
 * ValidateTcpAddress is 1 (decision 0010).
 */
export class Destinations {
  readonly #context: Context
  readonly #names: ReadonlySet<string>
  readonly #addresses: ReadonlySet<string>
  readonly #remembered = new Map<string, Location>()
  readonly #resolving = new Map<number, Found>()
  #nextTicket = 1

  constructor(context: Context, names: readonly string[], addresses: readonly string[]) {
    this.#context = context
    this.#names = new Set([...names, '.'].map(name => name.toLowerCase()))
    this.#addresses = new Set(addresses)
  }

  /** Queues were added or removed: names have to be looked up anew. */
  forget(): void {
    this.#remembered.clear()
  }

  /** Where a received message belongs. */
  locate(user: UserHeader): Location {
    const { destinationQueue, queueManagerAddress } = user
    if (queueManagerAddress !== NIL_GUID && queueManagerAddress !== this.#context.guid) return ELSEWHERE
    if (destinationQueue === null) return MISSING
    if (destinationQueue.type === 'DirectQueueFormatName') return this.#locateDirect(destinationQueue.name)
    if (destinationQueue.type === 'PublicQueueFormatName') return this.#locatePublic(destinationQueue.guid)
    return this.#locateNumber(destinationQueue.number)
  }

  /** Where a message given by an application belongs: this machine, or the wire (`elsewhere`). */
  locateFormatName(name: FormatName): Location {
    if (name.kind === 'private')
      return name.queueManager === this.#context.guid ? this.#locateNumber(name.number) : ELSEWHERE
    if (name.kind === 'public') {
      const location = this.#locatePublic(name.guid)
      return location.kind === 'missing' ? ELSEWHERE : location
    }
    if (name.kind !== 'direct') return MISSING
    if (isHttp(name)) {
      const here = this.#context.httpNames.isOwn(hostOf(name))
      return here ? this.locatePath(localPath(name)) : ELSEWHERE
    }
    const own = name.protocol === 'OS' ? this.#names.has(name.address.toLowerCase()) : this.#addresses.has(name.address)
    return own ? this.locatePath(name.path) : ELSEWHERE
  }

  /**
   * The addresses to try, in turn, for a session of this queue ([MS-MQQB] 3.1.5.2.1): a TCP name is its own address; a
   * queue manager's GUID is looked up in the QMId cache first, then asked of the resolver, as an OS name is.
   */
  findHops(queue: OutgoingQueue, found: Found): void {
    const { formatName } = queue
    if (formatName.kind === 'direct') {
      if (queue.isHttp) this.#findHost(queue, found)
      else if (formatName.protocol === 'OS') this.#resolve({ kind: 'name', name: formatName.address }, found)
      else found([formatName.address], 'direct')
    } else if (formatName.kind === 'private') {
      const cached = this.#context.cache.lookup(this.#context.now, formatName.queueManager)
      if (cached === null) this.#resolve({ kind: 'queue-manager', guid: formatName.queueManager }, found)
      else found([cached], 'cache')
    } else if (formatName.kind === 'public') this.#resolve({ kind: 'public-queue', guid: formatName.guid }, found)
    else found([], 'resolver')
  }

  /** The host of the URL, or of the one that messages for it are sent to instead. */
  #findHost(queue: OutgoingQueue, found: Found): void {
    const host = this.#context.httpNames.hop(queue.url)?.host
    if (host === undefined) found([], 'resolver')
    else if (isIP(host) !== 0) found([host], 'direct')
    else this.#resolve({ kind: 'name', name: host }, found)
  }

  resolved(ticket: number, addresses: readonly string[]): void {
    const found = this.#resolving.get(ticket)
    this.#resolving.delete(ticket)
    found?.(addresses, 'resolver')
  }

  #resolve(query: ResolveQuery, found: Found): void {
    const ticket = this.#nextTicket
    this.#nextTicket += 1
    this.#resolving.set(ticket, found)
    this.#context.log.push({ do: 'resolve', ticket, query })
  }

  #locateDirect(wireName: string): Location {
    const remembered = this.#remembered.get(wireName)
    if (remembered !== undefined) return remembered
    const location = this.#parseDirect(wireName)
    // names may have 32,767 characters, but not those of queues
    if (wireName.length > REMEMBERED_NAME_MAX) return location
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
    this.#remembered.set(wireName, location)
    return location
  }

  #parseDirect(wireName: string): Location {
    const colon = wireName.indexOf(':')
    const backslash = wireName.indexOf('\\')
    if (colon < 0 || backslash < colon) return MISSING
    const host = wireName.slice(colon + 1, backslash).toLowerCase()
    const { IgnoreOSNameValidation, ValidateTcpAddress } = this.#context.settings
    switch (wireName.slice(0, colon).toUpperCase()) {
      case 'OS':
        if (IgnoreOSNameValidation === 0 && !this.#names.has(host)) return FOREIGN
        break
      case 'TCP':
        if (ValidateTcpAddress === 1 && !this.#addresses.has(host)) return FOREIGN
        break
      case 'SPX':
      case 'IPX':
        break
      default:
        return MISSING
    }
    return this.locatePath(wireName.slice(backslash + 1))
  }

  /** A queue of this machine by its path, `private$\q` or `q`. */
  locatePath(path: string): Location {
    if (path.toLowerCase() === ORDER_QUEUE_NAME) return ORDER_QUEUE
    const queue = this.#context.localQueues.byName(path)
    return queue === null || queue.number < 0 ? MISSING : { kind: 'queue', queue }
  }

  #locatePublic(guid: Guid): Location {
    const queue = this.#context.localQueues.registry.byGuid(guid)
    return queue === null ? MISSING : { kind: 'queue', queue }
  }

  #locateNumber(number: number): Location {
    if (number === ORDER_QUEUE_NUMBER) return ORDER_QUEUE
    const queue = this.#context.localQueues.byNumber(number)
    return queue === null ? MISSING : { kind: 'queue', queue }
  }
}
