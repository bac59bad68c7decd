import { connect, type Socket } from 'node:net'
import type { Address } from './address.js'

export interface Holding {
  readonly to: Address
  /** Local addresses, in turn. */
  readonly sources: readonly string[]
  readonly sessions: number
  readonly bodyBytes: number
}

export interface Held {
  readonly open: number
  /** Messages of this call that came back whole and unaltered, one of each session. */
  readonly echoed: number
  /** Sessions that ended, ever, by error code; `end` where the other side closed. */
  readonly lost: Readonly<Record<string, number>>
}

/** Sessions being opened at a time. */
const AT_ONCE = 64
const ECHO_TIMEOUT_MS = 20_000

/** Keeps many connections to an echo server open; each sends a message once at the beginning and once whenever asked. */
export async function startSessionHolder(_options: Record<string, never>) {
  const sessions = new Set<Session>()
  const lost: Record<string, number> = {}
  const isLost = (session: Session, how: string) => {
    if (sessions.delete(session)) lost[how] = (lost[how] ?? 0) + 1
  }

  const exchange = async (chosen: Iterable<Session>): Promise<number> => {
    const echoes = await Promise.all(Array.from(chosen, session => session.exchange()))
    return echoes.filter(whole => whole).length
  }
  return {
    /** Opens so many, each of which has had its message back when this resolves. */
    open: async ({ to, sources, sessions: count, bodyBytes }: Holding): Promise<Held> => {
      let echoed = 0
      for (let opened = 0; opened < count; opened += AT_ONCE) {
        const some = Array.from({ length: Math.min(AT_ONCE, count - opened) }, (_, index) => {
          const session: Session = new Session(to, sources[(opened + index) % sources.length]!, bodyBytes, how =>
            isLost(session, how),
          )
          sessions.add(session)
          return session
        })
        echoed += await exchange(some)
      }
      return { open: sessions.size, echoed, lost }
    },
    /** One message on each session that is open, and its echo. */
    exchange: async (): Promise<Held> => {
      let echoed = 0
      const all = [...sessions]
      for (let at = 0; at < all.length; at += AT_ONCE) echoed += await exchange(all.slice(at, at + AT_ONCE))
      return { open: sessions.size, echoed, lost }
    },
    release: (): void => {
      for (const session of sessions) session.close()
      sessions.clear()
    },
  }
}

class Session {
  readonly #socket: Socket
  readonly #message: Buffer
  #received = 0
  #altered = false
  #back: ((whole: boolean) => void) | null = null

  constructor({ address, port }: Address, localAddress: string, bodyBytes: number, lost: (how: string) => void) {
    this.#message = Buffer.alloc(bodyBytes, `${localAddress} `)
    this.#socket = connect({ host: address, port, localAddress, noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    let how = 'end'
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message
    })
    this.#socket.on('close', () => {
      lost(how)
      this.#back?.(false)
    })
  }

  /** Resolves with whether the message came back as it was. */
  exchange(): Promise<boolean> {
    this.#received = 0
    this.#altered = false
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#back?.(false), ECHO_TIMEOUT_MS)
      this.#back = whole => {
        clearTimeout(timer)
        this.#back = null
        resolve(whole)
      }
      this.#socket.write(this.#message)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    const end = this.#received + chunk.length
    if (this.#message.compare(chunk, 0, chunk.length, this.#received, end) !== 0) this.#altered = true
    this.#received = end
    if (end >= this.#message.length) this.#back?.(!this.#altered && end === this.#message.length)
  }
}
