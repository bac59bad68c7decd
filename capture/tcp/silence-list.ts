import type { Connection } from './connection.js'

/** Connections by how long they have been silent. A connection is in one list. */
export class SilenceList {
  oldest: Connection | null = null
  private newest: Connection | null = null

  add(connection: Connection): void {
    connection.list = this
    connection.older = this.newest
    connection.newer = null
    if (this.newest === null) this.oldest = connection
    else this.newest.newer = connection
    this.newest = connection
  }

  remove(connection: Connection): void {
    const { older, newer } = connection
    if (older === null) this.oldest = newer
    else older.newer = newer
    if (newer === null) this.newest = older
    else newer.older = older
    connection.list = null
    connection.older = null
    connection.newer = null
  }

  /** It was heard of just now. Takes it over from the list that it is in. */
  touch(connection: Connection): void {
    if (connection === this.newest) return
    connection.list!.remove(connection)
    this.add(connection)
  }
}
