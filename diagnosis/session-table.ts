import type { SeenConnection } from '../capture/tcp/seen-connection.js'
import { Session } from './session.js'

/** The sessions that are open, by their connections, and how many there were. */
export class SessionTable {
  opened = 0
  readonly #open = new Map<number, Session>()

  of(connection: SeenConnection): Session {
    const known = this.#open.get(connection.id)
    if (known !== undefined) return known
    const session = new Session(connection)
    this.#open.set(connection.id, session)
    this.opened += 1
    return session
  }

  forget({ connection }: Session): void {
    this.#open.delete(connection.id)
  }

  open(): Iterable<Session> {
    return this.#open.values()
  }
}
