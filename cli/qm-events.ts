import type { Logger } from 'pino'
import { NIL_GUID } from '../protocol/guid.js'
import { messageClassName } from '../protocol/message-class.js'
import type { Note } from '../queue-manager/notes.js'
import { type BudgetedLine, LineBudget } from './line-budget.js'

type NoteKind = Note['kind']
type NoteOf<Kind extends NoteKind> = Extract<Note, { kind: Kind }>

const CHARACTERS_MAX = 256

interface Line extends BudgetedLine {
  readonly message: string
}

/**
 * Logs what operators want to know of the history: sessions and how they ended, messages refused, given up or sent
 * again. Messages that go their way are not logged one by one; the metrics count them. However much happens, the log
 * does not grow beyond a {@link LineBudget}.
 */
export class EventLog {
  readonly #logger: Logger
  readonly #open = new Set<number>()
  readonly #budget: LineBudget

  constructor(logger: Logger) {
    this.#logger = logger
    this.#budget = new LineBudget(logger)
  }

  note(note: Note): void {
    const line = this.#lineOf(note)
    if (line === null || !this.#logger.isLevelEnabled(line.level)) return
    const { kind, atMs, ...fields } = note
    if (!this.#budget.allows(line, atMs)) return
    this.#logger[line.level]({ event: kind, ...shortened(fields), ...named(note) }, line.message)
  }

  /** The store refused or failed a write: what it was for is told by the engine to whom it matters. */
  storeFailed(nowMs: number, error: Error): void {
    const line: Line = { subject: 'store-failed', level: 'error', message: 'the store did not take a write' }
    if (!this.#budget.allows(line, nowMs)) return
    this.#logger.error(
      { event: line.subject, code: (error as { code?: string }).code, error: error.message },
      line.message,
    )
  }

  /** Call it every few seconds, with Infinity at the end. */
  settle(nowMs: number): void {
    this.#budget.settle(nowMs)
  }

  #lineOf(note: Note): Line | null {
    switch (note.kind) {
      case 'session-open':
        this.#open.add(note.connection)
        return { subject: 'session-open', level: 'info', message: 'session open' }
      case 'session-closed':
        return this.#open.delete(note.connection)
          ? { subject: 'session-closed', level: 'info', message: 'session closed' }
          : noSession(note)
      case 'session-connecting':
        return { subject: note.kind, level: 'debug', message: 'connecting' }
      case 'discarded':
        // Duplicates are the protocol at work: what was sent again had arrived.
        return note.reason === 'duplicate'
          ? { subject: 'duplicate', level: 'debug', message: 'message had arrived before' }
          : { subject: `discarded-${note.reason}`, level: 'warn', message: 'message not put into a queue' }
      case 'dead-lettered':
        return { subject: note.kind, level: 'warn', message: 'message given up' }
      case 'resend':
        return { subject: note.kind, level: 'warn', message: 'no order ack in time: sent again' }
      case 'express-lost':
        return { subject: note.kind, level: 'warn', message: 'express messages ended with the last run' }
      case 'http-refused':
        return { subject: `${note.kind}-${note.status}`, level: 'warn', message: 'HTTP request refused' }
      case 'http-answered':
        return note.status === 400
          ? { subject: 'http-answered-400', level: 'warn', message: 'the receiver refuses a message over HTTP' }
          : { subject: 'http-answered', level: 'warn', message: 'no 200 over HTTP: to be posted again' }
      case 'forwarded':
        return { subject: note.kind, level: 'debug', message: 'message taken to be sent on' }
      case 'order-ack-received':
        return note.result === 'unknown-sequence' || note.result === 'never-sent'
          ? { subject: note.kind, level: 'warn', message: 'order ack for nothing of ours' }
          : null
      case 'qmid-cached':
        return note.change === 'kept-other'
          ? { subject: note.kind, level: 'warn', message: 'two addresses have one QMId' }
          : { subject: note.kind, level: 'debug', message: 'QMId and address' }
      case 'resolved':
        return note.addresses.length === 0
          ? { subject: 'not-resolved', level: 'warn', message: 'no address is known for the destination' }
          : { subject: note.kind, level: 'debug', message: 'address found' }
      default:
        return null
    }
  }
}

/** What a reader of the log would have to look up. */
function named(note: Note): Record<string, unknown> {
  if (note.kind === 'dead-lettered') return { class: messageClassName(note.messageClass) }
  // Over HTTP nobody says who they are when they connect.
  return note.kind === 'session-open' && note.peerGuid === NIL_GUID ? { peerGuid: null } : {}
}

/** A peer's names may be long. */
function shortened(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && value.length > CHARACTERS_MAX ? `${value.slice(0, CHARACTERS_MAX)}...` : value,
    ]),
  )
}

/** A connection that ended before it was a session: refused by either side, or no such peer. */
function noSession({ queue }: NoteOf<'session-closed'>): Line {
  return queue === null
    ? { subject: 'session-refused', level: 'info', message: 'connection gave no session' }
    : { subject: 'session-failed', level: 'info', message: 'no session with the destination' }
}
