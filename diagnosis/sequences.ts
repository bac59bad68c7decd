import type { FrameRef } from '../capture/frame.js'
import type { Guid } from '../protocol/guid.js'
import { Intervals } from './intervals.js'
import { isSameMachine } from './machine-end.js'
import { Recent, RecentFrames } from './recent.js'
import type { MachineEnd, SeenFinalAck, SeenMessage, SeenOrderAck } from './seen-message.js'
import type { SeenTransaction, SeenTransactions } from './seen-transactions.js'

/** A peer can invent sequences; beyond so many the first that was seen is forgotten. */
const SEQUENCES_MAX = 50_000
const RECEIVERS_MAX = 64
/** Sources that use one sequence id; acks do not say which of them they are for. */
const NAMESAKES_MAX = 256

/** What one receiver had of a sequence, and said of it. */
export interface SequenceReceiver {
  readonly end: MachineEnd
  readonly arrived: Intervals
  readonly arrivals: RecentFrames
  /** Highest number that it has taken by the acceptance rule, as far as what arrived and what it acknowledged tell. */
  taken: number
  /** The number up to which `taken` rests on what may lie in a hole of the capture; 0 where an order ack has said so since. */
  guessed: number
  /** Those that it took by that rule when they arrived, as is not only guessed, or acknowledged. */
  readonly accepted: Intervals
  /** Highest number that it said for good it does not take: a negative final ack. */
  turnedAway: number
  /** The first message that it could not take, since it lacked the one before; null when it has caught up. */
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

/** One transactional sequence: what one queue manager sends to one queue, under one sequence id. */
export class Sequence {
  readonly source: Guid
  readonly id: string
  /** Source and time stamp of its start: clones number their transactions alike, and each from its own. */
  readonly life: string
  readonly isHttp: boolean
  destination: string
  /** Addresses that its source sent it from, on the outer side of balancers. */
  readonly homes = new Set<string>()
  readonly receivers: SequenceReceiver[] = []
  /** First transmissions, and the latest one of each recent number. */
  highestSent = 0
  readonly sent = new RecentFrames()
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
  /** The transaction that each of its recent messages belongs to. */
  readonly transactions = new Recent<SeenTransaction>()

  constructor(source: Guid, id: string, destination: string, isHttp: boolean) {
    this.life = `${source}/${id.slice(0, 8)}`
    this.isHttp = isHttp
    this.source = source
    this.id = id
    this.destination = destination
  }

  /** The first of its homes; null where none was seen. */
  get homeAddress(): string | null {
    return this.homes.values().next().value ?? null
  }

  receiver(end: MachineEnd): SequenceReceiver | undefined {
    return this.receivers.find(each => isSameMachine(each.end, end))
  }
}

/** What was refused is not kept: it has to be sent again. */
function take(receiver: SequenceReceiver, number: number): void {
  receiver.taken = number
  if (receiver.refused !== null && receiver.refused.previous <= number) receiver.refused = null
}

/**
 * All transactional sequences of a capture: what was sent, what reached whom, what was acknowledged. Every finder asks
 * here; it is told of everything before them.
 */
export class Sequences {
  readonly #sequences = new Map<string, Sequence>()
  readonly #byId = new Map<string, Sequence[]>()
  readonly #forwarders = new Set<string>()
  readonly #refusals = new Set<string>()
  /** Addresses that order acks came from. */
  readonly #acknowledgers = new Set<string>()
  readonly #transactions: SeenTransactions

  constructor(transactions: SeenTransactions) {
    this.#transactions = transactions
  }

  list(): Iterable<Sequence> {
    return this.#sequences.values()
  }

  get(source: Guid, id: string): Sequence | null {
    return this.#sequences.get(`${source}/${id}`) ?? null
  }

  /** That of a transactional message, made when it is new. */
  of(source: Guid, id: string, destination: string, isHttp: boolean): Sequence {
    const key = `${source}/${id}`
    const known = this.#sequences.get(key)
    if (known !== undefined) {
      known.destination = destination
      return known
    }
    if (this.#sequences.size >= SEQUENCES_MAX) this.#forgetOldest()
    const sequence = new Sequence(source, id, destination, isHttp)
    this.#sequences.set(key, sequence)
    const namesakes = this.#byId.get(id)
    if (namesakes === undefined) this.#byId.set(id, [sequence])
    else if (namesakes.length < NAMESAKES_MAX) namesakes.push(sequence)
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
    const { number } = message.transaction!
    if (message.forwarded) {
      this.#passesOn(sequence, message.from)
      return false
    }
    if (sequence.homes.size < RECEIVERS_MAX) sequence.homes.add(message.from.address)
    let before: FrameRef | null | false = false
    if (number > sequence.highestSent) {
      sequence.highestSent = number
      sequence.transactions.set(number, this.#transactions.sent(sequence, message))
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

  arrived(sequence: Sequence, message: SeenMessage, at: MachineEnd): void {
    const { number, previous } = message.transaction!
    let receiver = sequence.receiver(at)
    if (receiver === undefined) {
      if (sequence.receivers.length >= RECEIVERS_MAX) return
      receiver = {
        end: at,
        arrived: new Intervals(),
        arrivals: new RecentFrames(),
        taken: 0,
        guessed: 0,
        accepted: new Intervals(),
        turnedAway: 0,
        refused: null,
        acknowledged: 0,
        lastAck: null,
        forwards: this.#forwarders.has(at.address),
      }
      sequence.receivers.push(receiver)
    }
    if (receiver.arrived.add(number)) receiver.arrivals.set(number, message.last)
    if (number <= receiver.taken) return
    // the message before may lie in what the capture lacks of this very stream
    if (previous > receiver.taken && message.session.holes[message.direction]) {
      take(receiver, number)
      receiver.guessed = number
    } else if (previous > receiver.taken) receiver.refused ??= { number, previous, frame: message.last }
    else {
      take(receiver, number)
      if (receiver.guessed === 0) this.#accepts(sequence, receiver, number, message.last)
    }
  }

  /** What an order ack, seen where it was sent, newly says of its writer; null when that is nothing. */
  acknowledged(ack: SeenOrderAck): Acknowledgement | null {
    if (this.#acknowledgers.size < SEQUENCES_MAX) this.#acknowledgers.add(ack.from.address)
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
    // from there on each message that came was taken
    if (ack.number >= receiver.guessed) receiver.guessed = 0
    for (const [from, to] of receiver.arrived.within(after + 1, ack.number))
      for (let number = from; number <= to; number += 1) this.#accepts(sequence, receiver, number, ack.last)
    return { sequence, receiver, after, upTo: ack.number, ack }
  }

  #accepts(sequence: Sequence, receiver: SequenceReceiver, number: number, frame: FrameRef): void {
    if (receiver.accepted.add(number)) this.#transactions.taken(sequence, receiver, number, frame)
  }

  /** A machine refused a message, in an administration ack. */
  refused(source: Guid, by: MachineEnd): void {
    if (this.#refusals.size < SEQUENCES_MAX) this.#refusals.add(`${source}@${by.address}`)
  }

  /**
   * Over HTTP: a machine that acknowledged nothing, of no sequence at all. It may be a front end, which takes messages in
   * whatever order they come.
   */
  mayOnlyPassOn({ isHttp }: Sequence, { end }: SequenceReceiver): boolean {
    return isHttp && !this.#acknowledgers.has(end.address)
  }

  /** It has refused messages of the sequence's source: what it did not acknowledge it may have refused. */
  refuses({ source }: Sequence, { end }: SequenceReceiver): boolean {
    return this.#refusals.has(`${source}@${end.address}`)
  }

  /** A message came to a bad end at the machine that says so. */
  turnedAway(ack: SeenFinalAck): void {
    if (ack.sequence === null || ack.number === null) return
    for (const { receivers } of this.#byId.get(ack.sequence) ?? []) {
      const receiver = receivers.find(({ end }) => end.address === ack.from.address)
      if (receiver !== undefined) receiver.turnedAway = Math.max(receiver.turnedAway, ack.number)
    }
  }

  #forgetOldest(): void {
    const [key, oldest] = this.#sequences.entries().next().value!
    this.#sequences.delete(key)
    const namesakes = (this.#byId.get(oldest.id) ?? []).filter(sequence => sequence !== oldest)
    if (namesakes.length === 0) this.#byId.delete(oldest.id)
    else this.#byId.set(oldest.id, namesakes)
  }
}
