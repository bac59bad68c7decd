import type { MqErrorName } from '../protocol/mq-error.js'
import type { Action, ConnectionId } from './actions.js'
import type { Now } from './clock.js'
import type { NoteBody } from './notes.js'

/** Where one connection's next bytes go: the open `write` action, as long as the host has not taken it. */
export interface WriteSlot {
  generation: number
  chunks: Buffer[]
}

export function createWriteSlot(): WriteSlot {
  return { generation: -1, chunks: [] }
}

/** The actions that the host has yet to take, in order. Writes to one connection between two takes are one action. */
export class ActionLog {
  readonly noting: boolean
  #actions: Action[] = []
  #generation = 0

  constructor(noting: boolean) {
    this.noting = noting
  }

  push(action: Action): void {
    this.#actions.push(action)
  }

  /** A send, a commit or another `request` came about (`error` null), or was refused. */
  outcome(request: number, error: MqErrorName | null): void {
    if (error === null) this.#actions.push({ do: 'outcome', request, outcome: 'accepted' })
    else this.#actions.push({ do: 'outcome', request, outcome: 'refused', error })
  }

  /** The same of one that hung on the store alone: `failure` is what went wrong there, or null. */
  stored(request: number, failure: string | null): void {
    this.outcome(request, failure === null ? null : 'MQ_ERROR_MESSAGE_STORAGE_FAILED')
  }

  write(connection: ConnectionId, slot: WriteSlot, bytes: Buffer): void {
    if (slot.generation === this.#generation) {
      slot.chunks.push(bytes)
      return
    }
    slot.generation = this.#generation
    slot.chunks = [bytes]
    this.#actions.push({ do: 'write', connection, chunks: slot.chunks })
  }

  /** Callers test `noting` first, so that a benchmark does not even make the note. */
  note(now: Now, body: NoteBody): void {
    if (this.noting) this.#actions.push({ do: 'note', note: { atMs: now.wallMs, ...body } })
  }

  take(): Action[] {
    const actions = this.#actions
    this.#actions = []
    this.#generation += 1
    return actions
  }

  get isEmpty(): boolean {
    return this.#actions.length === 0
  }
}
