import type { Session } from '../session.js'
import { endKey, openerOf, type SeenEnd, takerOf } from './seen-end.js'

/** All sessions that one machine opened to one address. */
export interface SeenRoute {
  readonly client: SeenEnd
  /** Where it connected to. */
  readonly server: string
  readonly isHttp: boolean
  /** By {@link endKey}: who answered, how often. */
  readonly hosts: Map<string, { readonly end: SeenEnd; sessions: number }>
  sessions: number
  /** The host saw another address than the client's. */
  translated: number
  /** Both sides of a balancer were captured, and the host saw the client's address. */
  kept: number
}

const ROUTES_MAX = 10_000

/** Which machines reached which others by which address: what shows a balancer, and how it balances. */
export class SeenRoutes {
  readonly #routes = new Map<string, SeenRoute>()

  list(): SeenRoute[] {
    return [...this.#routes.values()]
  }

  /** A session that is over, or as far as the capture goes. Sides towards hosts are told of by those towards clients. */
  add(session: Session): void {
    if (session.protocol === 'unknown' || session.front !== null) return
    const client = openerOf(session)
    const server = session.connection.server.address
    const isHttp = session.protocol === 'http'
    const key = `${endKey(client)} ${server} ${isHttp}`
    let route = this.#routes.get(key)
    if (route === undefined) {
      if (this.#routes.size >= ROUTES_MAX) return
      route = { client, server, isHttp, hosts: new Map(), sessions: 0, translated: 0, kept: 0 }
      this.#routes.set(key, route)
    }
    route.sessions += 1
    if (session.back !== null) {
      if (session.backmost.connection.client.address === client.address) route.kept += 1
      else route.translated += 1
    }
    const end = takerOf(session)
    const host = route.hosts.get(endKey(end))
    if (host === undefined) route.hosts.set(endKey(end), { end, sessions: 1 })
    else host.sessions += 1
  }
}
