import { messageClassName } from '../protocol/message-class.js'
import { counted } from './finding.js'
import type { EventOf, LabEvent } from './history.js'
import type { HistoryHeader } from './history-format.js'
import { JourneyAcknowledgements } from './journey-acknowledgements.js'
import { JourneyCarriage, type Tell } from './journey-carriage.js'
import { JourneyState, type JourneyStep, type JourneyTarget, type Traveller } from './journey-state.js'
import { ACK_TEXTS, DISCARD_TEXTS, FAULT_TEXTS, isSameQueue, isUrl, ordinal, placeText } from './journey-text.js'
import { timeText } from './report/time-text.js'

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

/**
 * Follows one message through a run, event by event in the order of time: who took it, sent it, to whom the gateway gave
 * it, who stored, forwarded, discarded and received it, and where the acknowledgements went that say so. Over HTTP a post
 * is a sending. Memory does not grow with the run, only with the journey.
 */
export class MessageJourney {
  readonly copies: JourneyCopy[] = []
  readonly #state: JourneyState
  readonly #carriage: JourneyCarriage
  readonly #acknowledgements: JourneyAcknowledgements
  readonly #messages: Traveller[] = []
  readonly #passing = new Map<string, boolean[]>()
  /** Machines whose links or disks are not well. */
  readonly #ill = new Set<string>()
  readonly #tell: Tell
  #steps: JourneyStep[] = []

  constructor(run: Pick<HistoryHeader, 'nodes' | 'gateway'>, target: JourneyTarget) {
    const tell: Tell = (event, text, wrong = false, step = event.kind) =>
      this.#steps.push({ atMs: event.atMs, node: event.node, step, text, wrong })
    this.#tell = tell
    this.#state = new JourneyState(run, target)
    this.#carriage = new JourneyCarriage(run, tell)
    this.#acknowledgements = new JourneyAcknowledgements(this.#state, this.#carriage, tell)
    for (const node of this.#state.owners)
      this.#messages.push({ name: 'it', node, messageId: target.messageId, queue: null })
  }

  /** The steps that this event adds. */
  event(event: LabEvent): readonly JourneyStep[] {
    this.#steps = []
    this.#carriage.event(event)
    this.#acknowledgements.event(event)
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
      case 'resend':
        this.#resend(event)
        break
      case 'given-up':
      case 'dead-lettered':
        this.#givenUp(event)
        break
      case 'order-ack-sent':
        this.#orderAckMade(event)
        break
      case 'order-ack-received':
        this.#orderAckCame(event)
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
    if (!this.#state.owners.has(node) || messageId !== this.#state.target.messageId) return
    this.#learnQueue(node, queue)
    this.#state.learn(tx)
    this.#tell(event, `takes it from its application, for ${queue}${placeText(tx)}`)
  }

  #sent(event: EventOf<'sent'>): void {
    const { node, connection, queue, messageId, tx, attempt } = event
    if (messageId !== this.#state.target.messageId) return
    const message = this.#message(node, queue, messageId)
    const source = event.source ?? this.#state.nodes.get(node)?.guid
    const isIt = message !== undefined && source === this.#state.target.source && this.#state.mayStandAt(tx)
    this.#onItsWay(node, queue).push(isIt)
    if (!isIt) return
    message.queue = queue
    this.#state.learn(tx)
    const again = attempt > 1 ? ` again, for the ${ordinal(attempt)} time,` : ''
    this.#tell(event, `sends it${again} over session ${connection}${this.#carriage.to(event)}${placeText(tx)}`)
    this.#carriage.carry(event, message.name)
  }

  #sessionAcked(event: EventOf<'session-acked'>): void {
    const { node, queue, messageId } = event
    if (messageId !== this.#state.target.messageId) return
    const isIt = this.#onItsWay(node, queue).shift() === true
    const message = this.#message(node, queue, messageId)
    if (message === undefined || !isIt) return
    this.#carriage.settled(node, 'it')
    if (!this.#state.owners.has(node)) this.#messages.splice(this.#messages.indexOf(message), 1)
    const stays = this.#state.places.size > 0 && this.#state.owners.has(node) && !this.#state.hasLeft
    const how = isUrl(queue) ? 'has the answer 200 for it' : 'has the session ack for it'
    this.#tell(
      event,
      `${how}${stays ? '; it stays in the outgoing queue until its order ack' : ', and is done with it'}`,
    )
  }

  #httpAnswered(event: EventOf<'http-answered'>): void {
    const { node, queue, messageId, status } = event
    if (messageId !== this.#state.target.messageId || this.#onItsWay(node, queue)[0] !== true) return
    this.#tell(event, `has the answer ${status} for it`, true)
  }

  #arrived(event: EventOf<'arrived'>): void {
    const { node, queue, peer, tx } = event
    if (!this.#isIt(event)) return
    this.#state.learn(tx)
    const others = this.copies.filter(copy => copy.node !== node && copy.arrived > 0).map(copy => copy.node)
    const copy = this.#copy(node)
    copy.arrived += 1
    this.#state.unanswered.add(node)
    const again =
      copy.arrived > 1
        ? ', which had it already'
        : others.length > 0
          ? `: another copy, ${others.join(' and ')} had it already`
          : ''
    this.#tell(
      event,
      `stores it in ${queue}${placeText(tx)}; it came from ${this.#state.whose(peer)}${again}`,
      again !== '',
    )
  }

  #discarded(event: EventOf<'discarded'>): void {
    const { node, peer, reason, tx } = event
    if (!this.#isIt(event)) return
    this.#state.learn(tx)
    this.#copy(node).discarded += 1
    this.#state.unanswered.add(node)
    const isFine = reason === 'duplicate'
    this.#tell(
      event,
      `does not take it, ${DISCARD_TEXTS[reason]}; it came from ${this.#state.whose(peer)}${placeText(tx)}`,
      !isFine,
    )
  }

  #forwarded(event: EventOf<'forwarded'>): void {
    const { node, queue, peer, tx } = event
    if (!this.#isIt(event)) return
    this.#state.learn(tx)
    if (this.#message(node, queue, event.messageId) === undefined)
      this.#messages.push({ name: 'it', node, messageId: event.messageId, queue })
    this.#tell(
      event,
      `a front end, takes it from ${this.#state.whose(peer)} and stores it, to pass it on to ${queue}${placeText(tx)}`,
    )
  }

  #ended(event: EventOf<'consumed' | 'removed'>): void {
    const { node, queue, source, messageId } = event
    const copy = this.copies.find(each => each.node === node)
    if (source !== this.#state.target.source || messageId !== this.#state.target.messageId || copy === undefined) return
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

  /** The message may be an order ack itself. */
  #orderAckMade(event: EventOf<'order-ack-sent'>): void {
    const { node, messageId, destination, sequence, number } = event
    if (!this.#state.owners.has(node) || messageId !== this.#state.target.messageId) return
    this.#learnQueue(node, destination)
    this.#tell(event, `makes it: an order ack up to number ${number} of sequence ${sequence}, for ${destination}`)
  }

  #orderAckCame(event: EventOf<'order-ack-received'>): void {
    const { node, from, messageId, number, sequence, result } = event
    if (from !== this.#state.target.source || messageId !== this.#state.target.messageId) return
    this.#copy(node).arrived += 1
    this.#tell(
      event,
      `takes it, an order ack up to number ${number} of sequence ${sequence}: ${ACK_TEXTS[result]}`,
      result === 'unknown-sequence' || result === 'never-sent',
    )
  }

  #resend(event: EventOf<'resend'>): void {
    const { node, sequence, stage, messages, nextInMs } = event
    if (!this.#state.owners.has(node) || !this.#state.places.has(sequence) || this.#state.hasLeft) return
    this.#tell(
      event,
      `has had no order ack in time (stage ${stage} of the resend schedule): ${counted(messages, 'unacknowledged message')} to be sent again; it looks again in ${timeText(nextInMs)}`,
      true,
    )
  }

  #givenUp(event: EventOf<'given-up' | 'dead-lettered'>): void {
    const { node, queue, messageId, messageClass } = event
    // what a machine gives up is its own, and has its own MessageIDs; what it took it can only dead-letter
    const isHere =
      event.kind === 'dead-lettered' &&
      this.copies.some(copy => copy.node === node) &&
      messageId === this.#state.target.messageId
    if (this.#message(node, queue, messageId) === undefined && !isHere) return
    this.#state.hasLeft = true
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
      (this.#state.owners.has(node) && this.#state.places.size > 0 && !this.#state.hasLeft) ||
      this.#state.unanswered.has(node) ||
      this.copies.some(copy => copy.node === node && copy.consumed < copy.arrived) ||
      this.#messages.some(each => each.node === node && !this.#state.owners.has(node))
    if (!concerned) return
    const { text, isGood } = FAULT_TEXTS[event.fault]
    if (isGood && event.fault.endsWith('-well') && !this.#ill.delete(node)) return
    if (!isGood && /^(disk|link)-/.test(event.fault)) this.#ill.add(node)
    this.#tell(event, text, !isGood)
  }

  #injected(event: EventOf<'injected'>): void {
    const { packet, what } = event
    if (packet?.source !== this.#state.target.source || packet.messageId !== this.#state.target.messageId) return
    this.#tell(event, `the fault script strikes: ${what}`, true)
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
    if (source !== this.#state.target.source || messageId !== this.#state.target.messageId) return false
    if (this.#state.target.node === null) return true
    if (tx !== null) return this.#state.mayStandAt(tx)
    const clone = this.#state.run.nodes.find(({ address }) => address === peer)
    return clone === undefined || clone.guid !== source || clone.name === this.#state.target.node
  }

  #learnQueue(node: string, queue: string): void {
    const message = this.#messages.find(each => each.node === node && each.queue === null)
    if (message !== undefined) message.queue = queue
    else this.#messages.push({ name: 'it', node, messageId: this.#state.target.messageId, queue })
  }

  #copy(node: string): JourneyCopy {
    let copy = this.copies.find(each => each.node === node)
    if (copy === undefined) {
      copy = { node, arrived: 0, consumed: 0, discarded: 0 }
      this.copies.push(copy)
    }
    return copy
  }
}
