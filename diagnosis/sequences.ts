import type { FrameRef } from '../capture/frame.js'
import type { Guid } from '../protocol/guid.js'
import { Intervals } from './intervals.js'
import { Recent } from './recent.js'
import type { MachineEnd, SeenMessage, SeenOrderAck } from './seen-message.js'

/** A peer can invent sequences; beyond so many the first that was seen is forgotten. */
const SEQUENCES_MAX = 50_000
const RECEIVERS_MAX = 64
const TRANSACTIONS_MAX = 1_024

/** What one receiver had of a sequence, and said of it. */
export interface SequenceReceiver {
  readonly end: MachineEnd
  readonly arrived: Intervals
  readonly arrivals: Recent<FrameRef>
  /** The first message of the sequence that it got, as far as the capture shows. */
  readonly firstNumber: number
  readonly firstPrevious: number
  readonly firstFrame: FrameRef
  lastFrame: FrameRef
  /** Highest number that it has taken by the acceptance rule, as far as what arrived and what it acknowledged tell. */
  taken: number
  /** The latest message that it cannot take, since it lacks the one before; null when it has caught up. */
  refused: { readonly number: number; readonly previous: number; readonly frame: FrameRef } | null
  /** Highest number in its order acks; 0 before the first. */
  acknowledged: number
  lastAck: FrameRef | null
  /** It passes messages on: a front end or a routing server, so that its copy is not the delivered one. */
  forwards: boolean
}

/** A receiver took numbers of a sequence, as its order ack says: from `after` + 1 to `upTo`. */
export interface Acknowledgement {
  readonly sequence: Sequence
  readonly receiver: SequenceReceiver
  readonly after: number
  readonly upTo: number
  readonly ack: SeenOrderAck
}

/** Numbers of one transaction's messages; `to` is null until its last message was seen. */
export interface SeenTransaction {
  readonly from: number
  to: number | null
}

/** One transactional sequence: what one queue manager sends to one queue, under one sequence id. */
export class Sequence {
  readonly source: Guid
  readonly id: string
  destination: string
  /** Addresses that its source sent it from, on the outer side of balancers. */
  readonly homes = new Set<string>()
  readonly receivers: SequenceReceiver[] = []
  /** First transmissions, and the latest one of each recent number. */
  highestSent = 0
  readonly sent = new Recent<FrameRef>()
  firstSent: FrameRef | null = null
  lastSent: FrameRef | null = null
  /** Transmissions beyond the first of a number. */
  resends = 0
  /** Those since an order ack last brought its source further. */
  resendsInVain = 0
  /** Highest number that an order ack which reached its source said, and when. */
  home = 0
  lastHome: FrameRef | null = null
  /** Order acks that reached another machine. */
  astray = 0
  readonly transactions: SeenTransaction[] = []

  constructor(source: Guid, id: string, destination: string) {
    this.source = source
    this.id = id
    this.destination = destination
  }

  receiver(end: MachineEnd): SequenceReceiver | undefined {
    return this.receivers.find(each => isSameMachine(each.end, end))
  }

  /** The transaction that a number belongs to; null where it was not seen, or too long ago. */
  transactionOf(number: number): SeenTransaction | null {
    return this.transactions.findLast(({ from }) => from <= number) ?? null
  }
}

/** What was refused is not kept: it has to be sent again. */
function take(receiver: SequenceReceiver, number: number): void {
  receiver.taken = number
  if (receiver.refused !== null && receiver.refused.previous <= number) receiver.refused = null
}

/** The QMId decides; where clones share one, or no packet told it, the address does. */
export function isSameMachine(a: MachineEnd, b: MachineEnd): boolean {
  if (a.qmId !== null && b.qmId !== null && a.qmId !== b.qmId) return false
  return a.address === b.address
}

/**
 * All transactional sequences of a capture: what was sent, what reached whom, what was acknowledged. Every finder asks
 * here; it is told of everything before them.
 */
export class Sequences {
  readonly #sequences = new Map<string, Sequence>()
  readonly #byId = new Map<string, Sequence[]>()
  readonly #forwarders = new Set<string>()

  list(): Iterable<Sequence> {
    return this.#sequences.values()
  }

  /** That of a transactional message, made when it is new. */
  of(source: Guid, id: string, destination: string): Sequence {
    const key = `${source}/${id}`
    const known = this.#sequences.get(key)
    if (known !== undefined) {
      known.destination = destination
      return known
    }
    if (this.#sequences.size >= SEQUENCES_MAX) this.#forgetOldest()
    const sequence = new Sequence(source, id, destination)
    this.#sequences.set(key, sequence)
    const namesakes = this.#byId.get(id)
    if (namesakes === undefined) this.#byId.set(id, [sequence])
    else namesakes.push(sequence)
    return sequence
  }

  /** The sequence that an order ack is about: one that reached its writer, if several sources use the id. */
  acknowledgedBy(ack: SeenOrderAck): Sequence | null {
    const namesakes = this.#byId.get(ack.sequence) ?? []
    if (ack.forSource !== null) return namesakes.find(({ source }) => source === ack.forSource) ?? null
    const own = namesakes.filter(({ receivers }) =>
      receivers.some(({ end }) => end.qmId === ack.source || end.address === ack.from.address),
    )
    return own.length === 1 ? own[0]! : namesakes.length === 1 ? namesakes[0]! : null
  }

  /** Returns where the same number was sent before: false for the first time, null when that is too long ago. */
  sent(sequence: Sequence, message: SeenMessage): FrameRef | null | false {
    const { number, isFirst, isLast } = message.transaction!
    if (message.forwarded) {
      this.#passesOn(sequence, message.from)
      return false
    }
    if (sequence.homes.size < RECEIVERS_MAX) sequence.homes.add(message.from.address)
    let before: FrameRef | null | false = false
    if (number > sequence.highestSent) {
      sequence.highestSent = number
      const open = sequence.transactions.at(-1)
      if (isFirst || open === undefined || open.to !== null) {
        sequence.transactions.push({ from: number, to: isLast ? number : null })
        if (sequence.transactions.length > TRANSACTIONS_MAX) sequence.transactions.shift()
      } else if (isLast) open.to = number
    } else {
      before = sequence.sent.get(number)
      sequence.resends += 1
      sequence.resendsInVain += 1
    }
    sequence.sent.set(number, message.last)
    sequence.firstSent ??= message.first
    sequence.lastSent = message.last
    return before
  }

  #passesOn(sequence: Sequence, by: MachineEnd): void {
    if (this.#forwarders.size < SEQUENCES_MAX) this.#forwarders.add(by.address)
    for (const receiver of sequence.receivers) if (receiver.end.address === by.address) receiver.forwards = true
  }

  arrived(sequence: Sequence, message: SeenMessage, at: MachineEnd): SequenceReceiver | null {
    const { number, previous } = message.transaction!
    let receiver = sequence.receiver(at)
    if (receiver === undefined) {
      if (sequence.receivers.length >= RECEIVERS_MAX) return null
      receiver = {
        end: at,
        arrived: new Intervals(),
        arrivals: new Recent<FrameRef>(),
        firstNumber: number,
        firstPrevious: previous,
        firstFrame: message.last,
        lastFrame: message.last,
        taken: 0,
        refused: null,
        acknowledged: 0,
        lastAck: null,
        forwards: this.#forwarders.has(at.address),
      }
      sequence.receivers.push(receiver)
    }
    receiver.lastFrame = message.last
    if (receiver.arrived.add(number)) receiver.arrivals.set(number, message.last)
    if (number <= receiver.taken) return receiver
    if (previous > receiver.taken) {
      if (receiver.refused?.number !== number) receiver.refused = { number, previous, frame: message.last }
    } else take(receiver, number)
    return receiver
  }

  /** What an order ack, seen where it was sent, newly says of its writer; null when that is nothing. */
  acknowledged(ack: SeenOrderAck): Acknowledgement | null {
    const sequence = this.acknowledgedBy(ack)
    const receiver = sequence?.receivers.find(
      ({ end }) => end.address === ack.from.address || (end.qmId !== null && end.qmId === ack.source),
    )
    if (sequence === null || receiver === undefined) return null
    const after = receiver.acknowledged
    receiver.lastAck = ack.last
    if (ack.number <= after) return null
    receiver.acknowledged = ack.number
    if (ack.number > receiver.taken) take(receiver, ack.number)
    return { sequence, receiver, after, upTo: ack.number, ack }
  }

  #forgetOldest(): void {
    const [key, oldest] = this.#sequences.entries().next().value!
    this.#sequences.delete(key)
    const namesakes = this.#byId.get(oldest.id)!.filter(sequence => sequence !== oldest)
    if (namesakes.length === 0) this.#byId.delete(oldest.id)
    else this.#byId.set(oldest.id, namesakes)
  }
}
