import type { StoreOperation } from '../queue-manager/actions.js'
import { systemQueueName } from '../queue-manager/queue-registry.js'
import { StoredRow, StoredRowError } from '../queue-manager/stored-row.js'

export interface QueueContents {
  /** With `;journal` or `;SUBQUEUE` after the name of the queue it belongs to. */
  readonly name: string
  readonly transactional: boolean
  messages: number
  bytes: number
}

export interface OutgoingContents {
  readonly formatName: string
  readonly paused: boolean
  messages: number
  /** Of the messages, those in a transactional sequence. */
  transactional: number
  bytes: number
}

export interface IncomingSequenceContents {
  /** GUID of the queue manager that sends. */
  readonly source: string
  readonly queue: string
  /** Last taken: identifier (ordinal and time stamp) and number. */
  readonly ordinal: number
  readonly timeStamp: number
  readonly number: number
}

export interface OutgoingSequenceContents {
  readonly queue: string
  readonly ordinal: number
  readonly timeStamp: number
  readonly nextNumber: number
  readonly lastAcknowledged: number
}

interface StoredQueue {
  readonly name: string
  readonly transactional: boolean
}

interface Tally {
  messages: number
  transactional: number
  bytes: number
}

/** What the rows of a store mean to a queue manager, summed up. Rows with packets come after all others. */
export class StoreContents {
  readonly incomingSequences: IncomingSequenceContents[] = []
  readonly outgoingSequences: OutgoingSequenceContents[] = []
  /** Messages that were sent and whose final acknowledgement is to come. */
  awaitingFinalAck = 0
  /** Rows that are not as this version of mqlab writes them. */
  unknownRows = 0
  readonly #queues = new Map<number, StoredQueue>()
  readonly #outgoing = new Map<number, { formatName: string; paused: boolean }>()
  readonly #suffixes = new Map<number, string>()
  /** By number of the queue and suffix. */
  readonly #held = new Map<string, Tally>()
  readonly #waiting = new Map<number, Tally>()

  add(operation: StoreOperation): void {
    try {
      this.#take(new StoredRow(operation))
    } catch (error) {
      if (!(error instanceof StoredRowError)) throw error
      this.unknownRows++
    }
  }

  get queues(): QueueContents[] {
    const queues: QueueContents[] = []
    for (const [number, { name, transactional }] of this.#queues) {
      const main = this.#held.get(`${number} `)
      queues.push({ name, transactional, messages: main?.messages ?? 0, bytes: main?.bytes ?? 0 })
    }
    for (const [place, { messages, bytes }] of this.#held) {
      const [number, suffix] = [Number(place.slice(0, place.indexOf(' '))), place.slice(place.indexOf(' ') + 1)]
      const queue = this.#queues.get(number)
      // Queues of the system have no row.
      if (queue !== undefined && suffix === '') continue
      const name = `${queue?.name ?? systemQueueName(number)}${suffix === '' ? '' : `;${suffix}`}`
      queues.push({ name, transactional: queue?.transactional ?? false, messages, bytes })
    }
    return queues.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get outgoing(): OutgoingContents[] {
    const numbers = new Set([...this.#outgoing.keys(), ...this.#waiting.keys()])
    return [...numbers].map(number => {
      const { formatName, paused } = this.#outgoing.get(number) ?? { formatName: `queue ${number}`, paused: false }
      const { messages, transactional, bytes } = this.#waiting.get(number) ?? newTally()
      return { formatName, paused, messages, transactional, bytes }
    })
  }

  #take(row: StoredRow): void {
    switch (row.table) {
      case 'queue':
        this.#queues.set(row.whole('number'), { name: row.text('name'), transactional: row.flag('transactional') })
        break
      case 'outgoing-queue':
        this.#outgoing.set(row.numberKey, { formatName: row.text('formatName'), paused: row.flag('paused') })
        break
      case 'message-state':
        this.#suffixes.set(row.numberKey, row.text(0))
        break
      case 'incoming-sequence':
        this.incomingSequences.push({
          source: row.text('source'),
          queue: this.#queueName(row.whole('queueNumber')),
          ...idOf(row),
          number: row.whole('number'),
        })
        break
      case 'outgoing-sequence':
        this.outgoingSequences.push({
          queue: row.textKey,
          ...idOf(row),
          nextNumber: row.whole('nextNumber'),
          lastAcknowledged: row.whole('lastAcknowledged'),
        })
        break
      case 'awaiting-final-ack':
        this.awaitingFinalAck++
        break
      case 'message':
        count(this.#held, `${row.number(0)} ${this.#suffixes.get(row.numberKey) ?? row.text(1)}`, row.whole(3), false)
        break
      case 'outgoing':
        count(this.#waiting, row.whole(0), row.whole(6), row.whole(1) > 0)
        break
    }
  }

  #queueName(number: number): string {
    return this.#queues.get(number)?.name ?? `queue ${number}`
  }
}

const newTally = (): Tally => ({ messages: 0, transactional: 0, bytes: 0 })

function count<Key>(tallies: Map<Key, Tally>, key: Key, bytes: number, transactional: boolean): void {
  let tally = tallies.get(key)
  if (tally === undefined) {
    tally = newTally()
    tallies.set(key, tally)
  }
  tally.messages++
  tally.bytes += bytes
  if (transactional) tally.transactional++
}

const idOf = (row: StoredRow) => ({ ordinal: row.whole('ordinal'), timeStamp: row.whole('timeStamp') })
