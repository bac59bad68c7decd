import type { Guid } from '../protocol/guid.js'
import { isNegativeAcknowledgment, messageClassName } from '../protocol/message-class.js'
import type { TxPlace } from '../queue-manager/notes.js'
import type { EventOf, LabEvent, RunNode } from './history.js'
import type { HistoryHeader } from './history-format.js'
import { JourneyCarriage } from './journey-carriage.js'
import { ACK_TEXTS, DISCARD_TEXTS, FAULT_TEXTS, isSameQueue, isUrl, ordinal, placeText } from './journey-text.js'
import { timeText } from './report/time-text.js'

/** The message that is followed. */
export interface JourneyTarget {
  /** QMId of the queue manager that sent it first. */
  readonly source: Guid
  readonly messageId: number
  /** Which of the nodes with that QMId; null when it is not known which clone it was. */
  readonly node: string | null
  /** In the workload of the node; null when it is of none, or not known. */
  readonly number: number | null
}

/** One thing that happened to the message, or to an acknowledgement of it. */
export interface JourneyStep {
  readonly atMs: number
  readonly node: string
  /** Kind of step: mostly that of the event; `decision` and `request` of the gateway. */
  readonly step: string
  readonly text: string
  /** It should not be so where everything is well. */
  readonly wrong: boolean
}

/** What of the message came to one machine. */
export interface JourneyCopy {
  readonly node: string
  /** Times it was put into a queue there. */
  arrived: number
  /** Times an application received it there. */
  consumed: number
  /** Times it came and was not put into a queue. */
  discarded: number
}

/** Something that travels: the message, or an acknowledgement of it. */
interface Traveller {
  readonly name: string
  /** The queue manager whose outgoing queue it is in. */
  readonly node: string
  readonly messageId: number
  /** The queue; null until it is known. */
  queue: string | null
}

/**
 * Follows one message through a run, event by event in the order of time: who took it, sent it, to whom the gateway gave
 * it, who stored, forwarded, discarded and received it, and where the acknowledgements went that say so. Over HTTP a post
 * is a sending. Memory does not grow with the run, only with the journey.
 */
export class MessageJourney {
  readonly copies: JourneyCopy[] = []
  readonly #target: JourneyTarget
  readonly #run: Pick<HistoryHeader, 'nodes' | 'gateway'>
  readonly #carriage: JourneyCarriage
  readonly #nodes: ReadonlyMap<string, RunNode>
  /** Nodes whose message it is, or may be. */
  readonly #owners: ReadonlySet<string>
  readonly #messages: Traveller[] = []
  readonly #acks: Traveller[] = []
  /** Sequences that it is in, and its number there. */
  readonly #places = new Map<string, number>()
  /** Machines where it came since they last acknowledged it. */
  readonly #unanswered = new Set<string>()
  readonly #passing = new Map<string, boolean[]>()
  /** The newest sending of each machine. */
  readonly #newestSent = new Map<string, EventOf<'sent'>>()
  /** Machines whose links or disks are not well. */
  readonly #ill = new Set<string>()
  #steps: JourneyStep[] = []
  #hasLeft = false

  constructor(run: Pick<HistoryHeader, 'nodes' | 'gateway'>, target: JourneyTarget) {
    this.#run = run
    this.#target = target
    this.#carriage = new JourneyCarriage(run, (event, text, wrong, step) => this.#tell(event, text, wrong, step))
    this.#nodes = new Map(run.nodes.map(node => [node.name, node]))
    this.#owners = new Set(
      run.nodes
        .filter(({ name, guid }) => (target.node === null ? guid === target.source : name === target.node))
        .map(({ name }) => name),
    )
    for (const node of this.#owners) this.#messages.push({ name: 'it', node, messageId: target.messageId, queue: null })
  }

  /** The steps that this event adds. */
  event(event: LabEvent): readonly JourneyStep[] {
    this.#steps = []
    this.#carriage.event(event)
    this.#follow(event)
    return this.#steps
  }

  #follow(event: LabEvent): void {
    switch (event.kind) {
      case 'accepted':
        this.#accepted(event)
        break
      case 'sent':
        this.#sent(event)
        break
      case 'session-acked':
        this.#sessionAcked(event)
        break
      case 'session-closed':
        if (event.queue !== null) this.#onItsWay(event.node, event.queue).length = 0
        break
      case 'http-answered':
        this.#httpAnswered(event)
        break
      case 'arrived':
        this.#arrived(event)
        break
      case 'discarded':
        this.#discarded(event)
        break
      case 'forwarded':
        this.#forwarded(event)
        break
      case 'consumed':
      case 'removed':
        this.#ended(event)
        break
      case 'order-ack-sent':
        this.#orderAckSent(event)
        break
      case 'order-ack-received':
        this.#orderAckReceived(event)
        break
      case 'final-ack-sent':
      case 'admin-ack-sent':
        this.#otherAckSent(event)
        break
      case 'final-ack-received':
        this.#finalAckReceived(event)
        break
      case 'resend':
        this.#resend(event)
        break
      case 'given-up':
      case 'dead-lettered':
        this.#givenUp(event)
        break
      case 'fault':
        this.#fault(event)
        break
      case 'injected':
        this.#injected(event)
    }
  }

  #accepted(event: EventOf<'accepted'>): void {
    const { node, queue, messageId, tx } = event
    if (!this.#owners.has(node) || messageId !== this.#target.messageId) return
    this.#learnQueue(node, queue)
    this.#learn(tx)
    this.#tell(event, `takes it from its application, for ${queue}${placeText(tx)}`)
  }

  #sent(event: EventOf<'sent'>): void {
    this.#newestSent.set(event.node, event)
    const { node, connection, queue, messageId, tx, attempt } = event
    const ack = this.#ack(node, queue, messageId)
    if (ack !== undefined) {
      this.#ackTransmitted(event, ack)
      return
    }
    if (messageId !== this.#target.messageId) return
    const message = this.#message(node, queue, messageId)
    const source = event.source ?? this.#nodes.get(node)?.guid
    const isIt = message !== undefined && source === this.#target.source && this.#isPlaceOfIts(tx)
    this.#onItsWay(node, queue).push(isIt)
    if (!isIt) return
    message.queue = queue
    this.#learn(tx)
    const again = attempt > 1 ? ` again, for the ${ordinal(attempt)} time,` : ''
    this.#tell(event, `sends it${again} over session ${connection}${this.#carriage.to(event)}${placeText(tx)}`)
    this.#carriage.carry(event, message.name)
  }

  #sessionAcked(event: EventOf<'session-acked'>): void {
    const { node, queue, messageId } = event
    const ack = this.#ack(node, queue, messageId)
    if (ack !== undefined) this.#carriage.settled(node, ack.name)
    if (messageId !== this.#target.messageId) return
    const isIt = this.#onItsWay(node, queue).shift() === true
    const message = this.#message(node, queue, messageId)
    if (message === undefined || !isIt) return
    this.#carriage.settled(node, 'it')
    if (!this.#owners.has(node)) this.#messages.splice(this.#messages.indexOf(message), 1)
    const stays = this.#places.size > 0 && this.#owners.has(node) && !this.#hasLeft
    const how = isUrl(queue) ? 'has the answer 200 for it' : 'has the session ack for it'
    this.#tell(
      event,
      `${how}${stays ? '; it stays in the outgoing queue until its order ack' : ', and is done with it'}`,
    )
  }

  #httpAnswered(event: EventOf<'http-answered'>): void {
    const { node, queue, messageId, status } = event
    if (messageId !== this.#target.messageId || this.#onItsWay(node, queue)[0] !== true) return
    this.#tell(event, `has the answer ${status} for it`, true)
  }

  #arrived(event: EventOf<'arrived'>): void {
    const { node, queue, peer, tx } = event
    if (!this.#isIt(event)) return
    this.#learn(tx)
    const others = this.copies.filter(copy => copy.node !== node && copy.arrived > 0).map(copy => copy.node)
    const copy = this.#copy(node)
    copy.arrived += 1
    this.#unanswered.add(node)
    const again =
      copy.arrived > 1
        ? ', which had it already'
        : others.length > 0
          ? `: another copy, ${others.join(' and ')} had it already`
          : ''
    this.#tell(event, `stores it in ${queue}${placeText(tx)}; it came from ${this.#whose(peer)}${again}`, again !== '')
  }

  #discarded(event: EventOf<'discarded'>): void {
    const { node, peer, reason, tx } = event
    if (!this.#isIt(event)) return
    this.#learn(tx)
    this.#copy(node).discarded += 1
    this.#unanswered.add(node)
    const isFine = reason === 'duplicate'
    this.#tell(
      event,
      `does not take it, ${DISCARD_TEXTS[reason]}; it came from ${this.#whose(peer)}${placeText(tx)}`,
      !isFine,
    )
  }

  #forwarded(event: EventOf<'forwarded'>): void {
    const { node, queue, peer, tx } = event
    if (!this.#isIt(event)) return
    this.#learn(tx)
    if (this.#message(node, queue, event.messageId) === undefined)
      this.#messages.push({ name: 'it', node, messageId: event.messageId, queue })
    this.#tell(
      event,
      `a front end, takes it from ${this.#whose(peer)} and stores it, to pass it on to ${queue}${placeText(tx)}`,
    )
  }

  #ended(event: EventOf<'consumed' | 'removed'>): void {
    const { node, queue, source, messageId } = event
    const copy = this.copies.find(each => each.node === node)
    if (source !== this.#target.source || messageId !== this.#target.messageId || copy === undefined) return
    if (event.kind === 'removed') {
      const why = messageClassName(event.messageClass)
      this.#tell(event, `it leaves ${queue}, and no application has received it: ${why}`, true)
      return
    }
    copy.consumed += 1
    const others = this.copies.filter(each => each.node !== node && each.consumed > 0).map(each => each.node)
    const again =
      copy.consumed > 1 ? ', again' : others.length > 0 ? `; one of ${others.join(' and ')} had received it before` : ''
    this.#tell(event, `an application receives it from ${queue}${again}`, again !== '')
  }

  /** Only the first that answers to a coming of the message: those for later messages of the sequence cover it as well. */
  #orderAckSent(event: EventOf<'order-ack-sent'>): void {
    const { node, messageId, destination, forSource, sequence, number, sessionPeer, direct } = event
    const own = this.#places.get(sequence)
    if (forSource !== this.#target.source || own === undefined || number < own || !this.#unanswered.delete(node)) return
    const name = isUrl(destination) ? 'the stream receipt' : 'the order ack'
    const traveller = { name: `${name} of ${node}`, node, messageId, queue: destination }
    const where = isUrl(destination)
      ? 'the URL that its sequence named for receipts'
      : direct
        ? `the address that the message came from, that of ${this.#whose(sessionPeer)}`
        : `the address that its cache has for QMId ${forSource}`
    this.#tell(
      event,
      `acknowledges numbers up to ${number} of sequence ${sequence}: ${name} (MessageID ${messageId}) for ${destination}, ${where}`,
    )
    this.#ackSent(traveller)
  }

  /** Where the session was open, an acknowledgement has left before it is told of. */
  #ackSent(ack: Traveller): void {
    this.#acks.push(ack)
    const sent = this.#newestSent.get(ack.node)
    if (sent?.messageId === ack.messageId && isSameQueue(ack.queue, sent.queue)) this.#ackTransmitted(sent, ack)
  }

  #ackTransmitted(event: EventOf<'sent'>, ack: Traveller): void {
    this.#tell(event, `sends that acknowledgement over session ${event.connection}${this.#carriage.to(event)}`)
    this.#carriage.carry(event, ack.name)
  }

  #orderAckReceived(event: EventOf<'order-ack-received'>): void {
    const { node, from, messageId, sequence, number, result, removed } = event
    const own = this.#places.get(sequence)
    const ack = this.#acks.find(each => each.messageId === messageId && this.#nodes.get(each.node)?.guid === from)
    const frees = this.#owners.has(node) && result === 'matched' && own !== undefined && number >= own && !this.#hasLeft
    if (ack === undefined && !frees) return
    const name = ack?.name ?? 'a later order ack'
    if (frees) {
      this.#hasLeft = true
      this.#tell(
        event,
        `gets ${name}: its messages up to number ${number} are done, ${removed} leave the outgoing queue`,
      )
    } else {
      const isStranger = !this.#owners.has(node)
      this.#tell(
        event,
        `gets ${name}${isStranger ? `, which is not for it` : ''}: ${ACK_TEXTS[result]}`,
        isStranger || result === 'unknown-sequence' || result === 'never-sent',
      )
    }
  }

  #otherAckSent(event: EventOf<'final-ack-sent' | 'admin-ack-sent'>): void {
    const { node, destination, forSource, forMessageId, messageClass } = event
    if (forSource !== this.#target.source || forMessageId !== this.#target.messageId) return
    const name = event.kind === 'final-ack-sent' ? 'a final ack' : 'an acknowledgement'
    const isBad = isNegativeAcknowledgment(messageClass)
    this.#tell(event, `makes ${name} for it, for ${destination}: ${messageClassName(messageClass)}`, isBad)
    if (event.kind === 'final-ack-sent')
      this.#ackSent({ name: `the final ack of ${node}`, node, messageId: event.messageId, queue: destination })
  }

  #finalAckReceived(event: EventOf<'final-ack-received'>): void {
    const { from, forMessageId, messageClass, matched } = event
    if (forMessageId !== this.#target.messageId) return
    if (!this.#acks.some(each => this.#nodes.get(each.node)?.guid === from)) return
    const text = `gets the final ack of it: ${messageClassName(messageClass)}${matched ? '' : ', and knows of no such message'}`
    this.#tell(event, text, !matched || isNegativeAcknowledgment(messageClass))
  }

  #resend(event: EventOf<'resend'>): void {
    const { node, sequence, stage, messages, nextInMs } = event
    if (!this.#owners.has(node) || !this.#places.has(sequence) || this.#hasLeft) return
    this.#tell(
      event,
      `has had no order ack in time (stage ${stage} of the resend schedule): ${messages} unacknowledged messages are to be sent again; it looks again in ${timeText(nextInMs)}`,
      true,
    )
  }

  #givenUp(event: EventOf<'given-up' | 'dead-lettered'>): void {
    const { node, queue, messageId, messageClass } = event
    const isHere = this.copies.some(copy => copy.node === node) && messageId === this.#target.messageId
    if (this.#message(node, queue, messageId) === undefined && !isHere) return
    this.#hasLeft = true
    const why = messageClassName(messageClass)
    this.#tell(
      event,
      event.kind === 'given-up' ? `gives it up: ${why}` : `puts it into the dead-letter queue: ${why}`,
      true,
    )
  }

  /** What befalls a machine that has to do with the message, from then on. */
  #fault(event: EventOf<'fault'>): void {
    const { node } = event
    const concerned =
      (this.#owners.has(node) && this.#places.size > 0 && !this.#hasLeft) ||
      this.#unanswered.has(node) ||
      this.copies.some(copy => copy.node === node && copy.consumed < copy.arrived) ||
      this.#messages.some(each => each.node === node && !this.#owners.has(node))
    if (!concerned) return
    const { text, isGood } = FAULT_TEXTS[event.fault]
    if (isGood && event.fault.endsWith('-well') && !this.#ill.delete(node)) return
    if (!isGood && /^(disk|link)-/.test(event.fault)) this.#ill.add(node)
    this.#tell(event, text, !isGood)
  }

  #injected(event: EventOf<'injected'>): void {
    const { packet, what } = event
    if (packet?.source !== this.#target.source || packet.messageId !== this.#target.messageId) return
    this.#tell(event, `the fault script strikes: ${what}`, true)
  }

  #ack(node: string, queue: string, messageId: number): Traveller | undefined {
    return this.#acks.find(each => each.node === node && each.messageId === messageId && isSameQueue(each.queue, queue))
  }

  #message(node: string, queue: string, messageId: number): Traveller | undefined {
    return this.#messages.find(
      each =>
        each.node === node && each.messageId === messageId && (each.queue === null || isSameQueue(each.queue, queue)),
    )
  }

  /**
   * By each sending to a queue, under the message's number, that the session has yet to acknowledge, whether it was of this
   * message: a machine that passes messages on may send several with one MessageID. Sessions acknowledge in order.
   */
  #onItsWay(node: string, queue: string): boolean[] {
    const key = `${node} ${queue.toLowerCase()}`
    let sent = this.#passing.get(key)
    if (sent === undefined) {
      sent = []
      this.#passing.set(key, sent)
    }
    return sent
  }

  /** Whether it is the message: a clone of its sender may have one with the same identity, in another sequence. */
  #isIt({ source, messageId, tx, peer }: EventOf<'arrived' | 'discarded' | 'forwarded'>): boolean {
    if (source !== this.#target.source || messageId !== this.#target.messageId) return false
    if (this.#target.node === null) return true
    if (tx !== null) return this.#isPlaceOfIts(tx)
    const clone = this.#run.nodes.find(({ address }) => address === peer)
    return clone === undefined || clone.guid !== source || clone.name === this.#target.node
  }

  /** In another sequence it may be sent anew; then it is its sender who says so. */
  #isPlaceOfIts(tx: TxPlace | null): boolean {
    if (tx === null || this.#target.node === null) return true
    const timeStamp = Number.parseInt(tx.sequence, 16)
    const owner = this.#nodes.get(this.#target.node)
    return owner === undefined || owner.sequenceTimeStamp === timeStamp
  }

  #learn(tx: TxPlace | null): void {
    if (tx !== null) this.#places.set(tx.sequence, tx.number)
  }

  #learnQueue(node: string, queue: string): void {
    const message = this.#messages.find(each => each.node === node && each.queue === null)
    if (message !== undefined) message.queue = queue
    else this.#messages.push({ name: 'it', node, messageId: this.#target.messageId, queue })
  }

  #copy(node: string): JourneyCopy {
    let copy = this.copies.find(each => each.node === node)
    if (copy === undefined) {
      copy = { node, arrived: 0, consumed: 0, discarded: 0 }
      this.copies.push(copy)
    }
    return copy
  }

  #whose(address: string): string {
    const { nodes, gateway } = this.#run
    const name = gateway?.address === address ? 'the gateway' : nodes.find(node => node.address === address)?.name
    return name === undefined ? address : `${name} (${address})`
  }

  #tell(event: LabEvent, text: string, wrong = false, step: string = event.kind): void {
    this.#steps.push({ atMs: event.atMs, node: event.node, step, text, wrong })
  }
}
