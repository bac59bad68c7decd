import { shortHost } from './queue-url.js'

/** What is known of the machine whose files are looked at. Names without regard to case, addresses without brackets. */
export interface MachineNames {
  /** Computer name, DNS name, addresses: what leads here and nowhere else. Empty when nothing is known. */
  readonly own: readonly string[]
  /** Names shared with others: the balancer's virtual name, a public address. */
  readonly aliases: readonly string[]
  /** `private$\name` or `name`, of its queues; null when they are not known. */
  readonly queues: readonly string[] | null
}

/** Names that each machine has for itself. */
export const SELF_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

/** Whose a host is. `unknown` when nothing was told about the machine. */
export type HostOwner = 'own' | 'shared' | 'other' | 'unknown'

export class Machine {
  readonly #own: ReadonlySet<string>
  readonly #aliases: ReadonlySet<string>
  readonly #queues: ReadonlySet<string> | null
  readonly names: MachineNames

  constructor(names: MachineNames) {
    this.names = names
    this.#own = new Set(names.own.map(bareHost))
    this.#aliases = new Set(names.aliases.map(bareHost))
    this.#queues = names.queues === null ? null : new Set(names.queues.map(queue => queue.toLowerCase()))
  }

  /** `host` in lower case, without port and brackets. */
  ownerOf(host: string): HostOwner {
    if (SELF_HOSTS.has(host) || this.#own.has(host)) return 'own'
    if (this.#aliases.has(host)) return 'shared'
    return this.#own.size === 0 ? 'unknown' : 'other'
  }

  /** The names told that are `host` but for what follows the first dot. */
  namesLike(host: string): string[] {
    return [...this.#own, ...this.#aliases].filter(name => name !== host && shortHost(name) === shortHost(host))
  }

  /** Is that queue here? Queues of the system are everywhere; null when queues are not known. */
  has(queue: string): boolean | null {
    if (queue.endsWith('$')) return true
    return this.#queues === null ? null : this.#queues.has(queue)
  }
}

/** Lower case, without the brackets of an IPv6 address. */
const bareHost = (host: string) => host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
