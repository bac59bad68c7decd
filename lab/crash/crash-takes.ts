import { createTrackedBody, TRACKED_BODY_SIZE } from '../../protocol/tracked-body.js'
import type { Now } from '../../queue-manager/clock.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import type { ApplicationHost } from '../../transport/application-host.js'
import type { Random } from '../sim/random.js'
import {
  type Answer,
  type Answers,
  type CrashApplicationParts,
  type CrashEngine,
  type CrashQueue,
  identityOf,
} from './crash-application.js'
import type { Ledger, LedgerLine, TakenMessage } from './crash-ledger.js'

export interface TakesSpec {
  readonly node: string
  /** All queues of the campaign. */
  readonly queues: readonly CrashQueue[]
  /** Groups of own queues; a lane takes from its queues, one receive or transaction after the other. */
  readonly lanes: readonly (readonly number[])[]
  /** Mean rest between two takes. */
  readonly everyMs: number
  /** Where transactions send their replies, in the name of `sender`; absent: nowhere. */
  readonly reply?: { readonly sender: number; readonly queue: number; readonly formatName: string }
}

const TRANSACTION_SHARE = 0.7
const ABORTED_SHARE = 0.25
const REPLY_SHARE = 0.5
const RECEIVES_MAX = 4
const MESSAGES_MAX = 8
/** When there is nothing to take and nothing was said to have arrived. */
const IDLE_MS = 50
const ALL = Number.MAX_SAFE_INTEGER

type TakeLine = Extract<LedgerLine, { do: 'take' }>

/**
 * Receives without end, in transactions and outside, and keeps the ledger so that after any crash each message is known
 * to have been taken or not: a take that was open is settled by what the queues hold when the queue manager is back.
 */
export class CrashTakes {
  readonly #host: ApplicationHost<CrashEngine>
  readonly #spec: TakesSpec
  readonly #ledger: Ledger
  readonly #written: readonly LedgerLine[]
  readonly #answers: Answers
  readonly #random: Random
  #nextTake: number
  #nextReply: number
  #stopped = false
  #busy = 0

  constructor(
    host: ApplicationHost<CrashEngine>,
    spec: TakesSpec,
    { ledger, written, answers, random }: CrashApplicationParts,
  ) {
    this.#host = host
    this.#spec = spec
    this.#ledger = ledger
    this.#written = written
    this.#answers = answers
    this.#random = random
    const takes = written.filter(line => line.do === 'take')
    this.#nextTake = takes.reduce((last, { take }) => Math.max(last, take), 0) + 1
    this.#nextReply = takes.reduce((last, { reply }) => Math.max(last, reply), 0) + 1
  }

  /** Settles what the last life left open, and begins. To be called before anything new can arrive. */
  start(): void {
    this.#host.call(engine => {
      this.#settleOpenTakes(engine)
      this.audit(engine)
    })
    for (const lane of this.#spec.lanes) this.#rest(lane)
  }

  /** Takes no more; transactions that are open come to their end. */
  stop(): void {
    this.#stopped = true
  }

  /** Takes under way. */
  get busy(): number {
    return this.#busy
  }

  get isQuiet(): boolean {
    return this.#stopped && this.#busy === 0
  }

  /** With nothing under way, what a queue says it holds is what it holds. */
  audit(engine: CrashEngine): void {
    for (const { name, messages, bytes, journal, journalMessages, journalBytes } of engine.localQueues()) {
      if (!this.#spec.queues.some(queue => this.#isOwn(queue, name))) continue
      this.#auditQueue(engine, name, messages, bytes)
      if (journal) this.#auditQueue(engine, `${name};journal`, journalMessages, journalBytes)
    }
  }

  #auditQueue(engine: CrashEngine, name: string, messages: number, bytes: number): void {
    const held = engine.peek(name, ALL)
    const heldBytes = held.reduce((sum, { packet }) => sum + packet.length, 0)
    if (messages !== held.length || bytes !== heldBytes)
      this.#wrong(`${name} counts ${messages} messages, ${bytes} bytes; it holds ${held.length}, ${heldBytes}`)
  }

  #isOwn({ node, name }: CrashQueue, wanted: string): boolean {
    return node === this.#spec.node && name === wanted
  }

  #settleOpenTakes(engine: CrashEngine): void {
    const open = openTakes(this.#written)
    if (open.length === 0) return
    const there = new Set<string>()
    for (const [index, queue] of this.#spec.queues.entries())
      if (queue.node === this.#spec.node)
        for (const message of this.#identify(index, engine.peek(queue.name, ALL))) there.add(message.join())
    for (const { take, by, messages } of open) {
      const gone = messages.flatMap((message, index) => (there.has(message.join()) ? [] : [index]))
      if (gone.length === 0) this.#ledger.append({ do: 'back', take })
      else {
        this.#ledger.append({ do: 'taken', take, only: gone })
        if (by === 'transaction' && gone.length < messages.length)
          this.#wrong(`of the ${messages.length} messages of transaction ${take} only ${gone.length} were gone`)
      }
    }
  }

  #rest(lane: readonly number[], delayMs = this.#spec.everyMs * 2 * this.#random.unit()): void {
    this.#host.setTimer(() => this.#turn(lane), delayMs)
  }

  #turn(lane: readonly number[]): void {
    if (this.#stopped) return
    this.#host.call((engine, now) => {
      const filled = lane.filter(queue => engine.peek(this.#name(queue), 1).length > 0)
      if (filled.length === 0) {
        this.#rest(lane, IDLE_MS)
        return
      }
      this.#busy += 1
      const inTransaction = lane.every(queue => this.#spec.queues[queue]!.transactional)
      if (inTransaction && this.#random.chance(TRANSACTION_SHARE))
        new TransactionalTake(this.#parts(lane), engine.begin(now)).receive(this.#random.between(1, RECEIVES_MAX))
      else this.#receive(engine, now, lane, this.#random.pick(filled))
    })
  }

  /** A receive outside a transaction. Its messages are known beforehand: nobody else takes from these queues. */
  #receive(engine: CrashEngine, now: Now, lane: readonly number[], queue: number): void {
    const name = this.#name(queue)
    const max = this.#random.between(1, MESSAGES_MAX)
    const messages = this.#identify(queue, engine.peek(name, max))
    const take = this.#enter('receive', messages, 0)
    this.#answers.expect(engine.receive(now, name, { max }), answer => {
      if (!('messages' in answer)) return
      if (answer.error !== undefined) this.#ledger.append({ do: 'back', take })
      else {
        this.#ledger.append({ do: 'taken', take })
        const got = this.#identify(queue, answer.messages)
        if (got.join('|') !== messages.join('|'))
          this.#wrong(`take ${take} of ${messages.join('|')} got ${got.join('|')}`)
      }
      this.#done(lane)
    })
  }

  #parts(lane: readonly number[]): TransactionalTakeParts {
    const { reply } = this.#spec
    return {
      host: this.#host,
      answers: this.#answers,
      random: this.#random,
      ledger: this.#ledger,
      lane,
      name: queue => this.#name(queue),
      identify: (queue, messages) => this.#identify(queue, messages),
      enter: (messages, replyNumber) => this.#enter('transaction', messages, replyNumber),
      wrong: what => this.#wrong(what),
      done: () => this.#done(lane),
      createReply: () => {
        if (reply === undefined) return null
        const number = this.#nextReply
        this.#nextReply += 1
        const { sender, queue: queueIndex } = reply
        const body = createTrackedBody({ sender, number, queueIndex, bodySize: TRACKED_BODY_SIZE })
        return { number, message: { destination: reply.formatName, body } }
      },
    }
  }

  #enter(by: TakeLine['by'], messages: readonly TakenMessage[], reply: number): number {
    const take = this.#nextTake
    this.#nextTake += 1
    this.#ledger.append({ do: 'take', take, by, messages, reply })
    return take
  }

  #done(lane: readonly number[]): void {
    this.#busy -= 1
    this.#rest(lane)
  }

  #identify(queue: number, messages: readonly ReceivedMessage[]): TakenMessage[] {
    return messages.map(message => {
      const identity = identityOf(message)
      if (identity !== null) return [queue, identity.sender, identity.number]
      this.#wrong(`${this.#name(queue)}: message ${message.lookupId} has a body that is not as it was sent`)
      return [queue, 0, message.lookupId]
    })
  }

  #name(queue: number): string {
    return this.#spec.queues[queue]!.name
  }

  #wrong(what: string): void {
    this.#ledger.append({ do: 'wrong', what })
  }
}

interface TransactionalTakeParts {
  readonly host: ApplicationHost<CrashEngine>
  readonly answers: Answers
  readonly random: Random
  readonly ledger: Ledger
  readonly lane: readonly number[]
  name(queue: number): string
  identify(queue: number, messages: readonly ReceivedMessage[]): TakenMessage[]
  enter(messages: readonly TakenMessage[], reply: number): number
  wrong(what: string): void
  done(): void
  createReply(): { readonly number: number; readonly message: { destination: string; body: Buffer } } | null
}

/** One transaction: some receives, perhaps a reply, then a commit or an abort. */
class TransactionalTake {
  readonly #parts: TransactionalTakeParts
  readonly #transaction: number
  readonly #messages = new Map<number, ReceivedMessage[]>()

  constructor(parts: TransactionalTakeParts, transaction: number) {
    this.#parts = parts
    this.#transaction = transaction
  }

  receive(receives: number): void {
    const { host, answers, random, lane, name } = this.#parts
    if (receives === 0) {
      this.#end()
      return
    }
    const queue = random.pick(lane)
    const max = random.between(1, MESSAGES_MAX)
    const request = host.call((engine, now) =>
      engine.receive(now, name(queue), { max, transaction: this.#transaction }),
    )
    answers.expect(request, (answer: Answer) => {
      if (!('messages' in answer)) return
      const before = this.#messages.get(queue)
      if (before === undefined) this.#messages.set(queue, [...answer.messages])
      else before.push(...answer.messages)
      this.receive(receives - 1)
    })
  }

  #end(): void {
    const { host, answers, random } = this.#parts
    if (random.chance(ABORTED_SHARE)) {
      const request = host.call((engine, now) => engine.abort(now, this.#transaction))
      answers.expect(request, () => this.#checkPutBack())
    } else this.#commit()
  }

  #commit(): void {
    const { host, answers, random, ledger } = this.#parts
    const messages = [...this.#messages].flatMap(([queue, got]) => this.#parts.identify(queue, got))
    const reply = messages.length > 0 && random.chance(REPLY_SHARE) ? this.#parts.createReply() : null
    const take = this.#parts.enter(messages, reply?.number ?? 0)
    const request = host.call((engine, now) => {
      if (reply !== null) answers.expect(engine.send(now, reply.message, this.#transaction).request, () => undefined)
      return engine.commit(now, this.#transaction)
    })
    answers.expect(request, answer => {
      if (!('outcome' in answer)) return
      ledger.append({ do: answer.outcome === 'accepted' ? 'taken' : 'back', take })
      this.#parts.done()
    })
  }

  /** Aborted: the messages are the first of their queues again, each with one abort more. */
  #checkPutBack(): void {
    const { host, identify, name, wrong, done } = this.#parts
    host.call(engine => {
      for (const [queue, got] of this.#messages) {
        const first = engine.peek(name(queue), got.length)
        const [expected, found] = [identify(queue, got).join('|'), identify(queue, first).join('|')]
        if (expected !== found) wrong(`${name(queue)}: abort put back ${expected}, first are ${found}`)
        else if (got.some(({ abortCount }, index) => first[index]!.abortCount !== abortCount + 1))
          wrong(`${name(queue)}: abort of ${expected} did not count`)
      }
    })
    done()
  }
}

/** Takes that a crash cut off, oldest first. */
export function openTakes(lines: readonly LedgerLine[]): TakeLine[] {
  const open = new Map<number, TakeLine>()
  for (const line of lines)
    if (line.do === 'take') open.set(line.take, line)
    else if (line.do === 'taken' || line.do === 'back') open.delete(line.take)
  return [...open.values()]
}
