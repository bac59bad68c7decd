import type { SeenBalancer } from './balancer.js'
import type { Cast } from './cast.js'

/** Of all HTTP in scenarios; see lab/scenario-checks.ts. */
const HTTP_PORT = 8080

/** A queue by what messages are addressed to. */
export interface AddressedQueue {
  /** `private$\orders`. */
  readonly name: string
  /** Where it is addressed by its number alone; null otherwise. */
  readonly number: number | null
}

const TCP = /^(?:DIRECT=)?TCP:([^\\]+)\\(.+)$/i
const OS = /^(?:DIRECT=)?OS:([^\\]+)\\(.+)$/i
const HTTP = /^(?:DIRECT=)?https?:\/\/(\[[^\]]+\]|[^/:\\]+)(?::\d+)?[/\\]msmq[/\\](.+)$/i
const PRIVATE = /^PRIVATE=([0-9a-f-]{36})\\([0-9a-f]{1,8})$/i

/** The address in a direct name; null where it has none. */
export function addressedTo(destination: string): string | null {
  return (TCP.exec(destination) ?? HTTP.exec(destination))?.[1] ?? null
}

/** The queue that a destination names; null for one that is not private. */
export function queueIn(destination: string): AddressedQueue | null {
  const byNumber = PRIVATE.exec(destination)
  if (byNumber !== null) {
    const number = Number.parseInt(byNumber[2]!, 16)
    return { name: `private$\\queue${number}`, number }
  }
  const named = (TCP.exec(destination) ?? OS.exec(destination) ?? HTTP.exec(destination))?.[2]
  const name = named === undefined ? undefined : /^private\$[/\\]([^\\/;+,"]{1,124})$/i.exec(named)?.[1]
  return name === undefined ? null : { name: `private$\\${name}`, number: null }
}

/** A destination as scenarios write it, with placeholders for what the run decides; null where it has none. */
export function scenarioName(destination: string, cast: Cast, balancer: SeenBalancer | null): string | null {
  const queue = queueIn(destination)
  if (queue === null) return null
  const tcp = TCP.exec(destination)
  if (tcp !== null) {
    const place = placeOf(tcp[1]!, cast, balancer)
    return place === null ? null : `DIRECT=TCP:{${place}}\\${queue.name}`
  }
  const os = OS.exec(destination)
  if (os !== null) {
    const machine = cast.named(os[1]!)?.name ?? (balancer === null ? null : '{cluster}')
    return machine === null ? null : `DIRECT=OS:${machine}\\${queue.name}`
  }
  const http = HTTP.exec(destination)
  if (http !== null) {
    const place = placeOf(http[1]!, cast, balancer)
    return place === null ? null : `DIRECT=HTTP://{${place}}:${HTTP_PORT}/msmq/${queue.name.replace('\\', '/')}`
  }
  const machine = cast.withQmId(PRIVATE.exec(destination)![1]!.toLowerCase())?.name
  const guid = machine ?? (balancer === null ? null : 'cluster')
  return guid === null ? null : `PRIVATE={${guid}.guid}\\${queue.number!.toString(16)}`
}

/** What stands between the braces for an address, or a name that is used like one. */
function placeOf(host: string, cast: Cast, balancer: SeenBalancer | null): string | null {
  if (balancer?.addresses.has(host)) return 'vip'
  const machine = cast.withAddress(host) ?? cast.named(host)
  return machine?.name ?? (balancer === null ? null : 'vip')
}
