import { nearestName } from '../../lab/nearest-name.js'
import type { Finder } from '../finder.js'
import type { Parties } from '../parties.js'
import type { SeenMessage } from '../seen-message.js'
import type { Session } from '../session.js'
import { type FindingFilter, partiesCalled, plainName } from './finding-filter.js'

/** Peers can make up names: no more of them are kept, and beyond that nothing is called unknown. */
const NAMES_MAX = 10_000
/** Those that are listed where none is near. */
const LISTED_MAX = 5

/** Addresses and queues of a capture, to tell a filter that hides everything from one that names what is not there. */
export class SeenNames implements Finder {
  readonly #addresses = new Set<string>()
  readonly #queues = new Set<string>()

  session({ connection: { client, server } }: Session): void {
    for (const { address } of [client, server]) if (this.#addresses.size < NAMES_MAX) this.#addresses.add(address)
  }

  message({ destination }: SeenMessage): void {
    if (this.#queues.size < NAMES_MAX) this.#queues.add(destination)
  }

  /** What a filter asks for that the capture does not have, with what is near: a line. Null: it has all of it. */
  lacking({ hosts, queue }: FindingFilter, parties: Parties): string | null {
    const host = hosts.find(host => !this.#hasHost(host, parties))
    if (host !== undefined) {
      const known = parties.list().flatMap(({ names, addresses }) => [...names, ...addresses.keys()])
      const none = 'no machine of that name, address or QMId was seen in the capture'
      return `--host ${host}: ${none}${instead(host, [...known, ...this.#addresses])}`
    }
    if (queue === null || this.#hasQueue(queue)) return null
    const names = Array.from(this.#queues, name => name.replace(/^.*[\\/]/, ''))
    return `--queue ${queue}: no message in the capture is for a queue with that in its name${instead(queue, names)}`
  }

  #hasHost(host: string, parties: Parties): boolean {
    if (this.#addresses.size >= NAMES_MAX || partiesCalled(host, parties).length > 0) return true
    return [plainName(host), ...parties.addressesCalled(host)].some(address => this.#addresses.has(address))
  }

  #hasQueue(queue: string): boolean {
    if (this.#queues.size >= NAMES_MAX) return true
    const wanted = queue.toLowerCase()
    return [...this.#queues].some(name => name.toLowerCase().includes(wanted))
  }
}

function instead(name: string, all: readonly string[]): string {
  const known = [...new Set(all)]
  const near = nearestName(name, known)
  if (near !== null) return `; did you mean ${near}?`
  if (known.length === 0) return ''
  const more = known.length - LISTED_MAX
  return `; there are ${known.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
