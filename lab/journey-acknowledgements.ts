import { isNegativeAcknowledgment, messageClassName } from '../protocol/message-class.js'
import { counted } from './finding.js'
import type { EventOf, LabEvent } from './history.js'
import type { JourneyCarriage, Tell } from './journey-carriage.js'
import type { JourneyState, Traveller } from './journey-state.js'
import { ACK_TEXTS, isSameQueue, isUrl } from './journey-text.js'

/** Follows the acknowledgements of one message: who made them, how they left, where they came. */
export class JourneyAcknowledgements {
  readonly #state: JourneyState
  readonly #carriage: JourneyCarriage
  readonly #tell: Tell
  readonly #acks: Traveller[] = []
  /** The newest sending of each machine. */
  readonly #newestSent = new Map<string, EventOf<'sent'>>()

  constructor(state: JourneyState, carriage: JourneyCarriage, tell: Tell) {
    this.#state = state
    this.#carriage = carriage
    this.#tell = tell
  }

  event(event: LabEvent): void {
    switch (event.kind) {
      case 'sent':
        this.#sent(event)
        break
      case 'session-acked': {
        const ack = this.#ack(event)
        if (ack !== undefined) this.#carriage.settled(event.node, ack.name)
        break
      }
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
    }
  }

  #sent(event: EventOf<'sent'>): void {
    this.#newestSent.set(event.node, event)
    const ack = this.#ack(event)
    if (ack !== undefined) this.#ackTransmitted(event, ack)
  }

  /** Only the first that answers to a coming of the message: those for later messages of the sequence cover it as well. */
  #orderAckSent(event: EventOf<'order-ack-sent'>): void {
    const { node, messageId, destination, forSource, sequence, number, sessionPeer, direct } = event
    const own = this.#state.places.get(sequence)
    if (
      forSource !== this.#state.target.source ||
      own === undefined ||
      number < own ||
      !this.#state.unanswered.delete(node)
    )
      return
    const name = isUrl(destination) ? 'the stream receipt' : 'the order ack'
    const traveller = { name: `${name} of ${node}`, node, messageId, queue: destination }
    const where = isUrl(destination)
      ? 'the URL that its sequence named for receipts'
      : direct
        ? `the address that the message came from, that of ${this.#state.whose(sessionPeer)}`
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
    const own = this.#state.places.get(sequence)
    const ack = this.#acks.find(each => each.messageId === messageId && this.#state.nodes.get(each.node)?.guid === from)
    const frees =
      this.#state.owners.has(node) && result === 'matched' && own !== undefined && number >= own && !this.#state.hasLeft
    if (ack === undefined && !frees) return
    const name = ack?.name ?? 'a later order ack'
    if (frees) {
      this.#state.hasLeft = true
      this.#tell(
        event,
        `gets ${name}: its messages up to number ${number} are done, and its outgoing queue is rid of ${counted(removed, 'message')}`,
      )
    } else {
      const isStranger = !this.#state.owners.has(node)
      this.#tell(
        event,
        `gets ${name}${isStranger ? `, which is not for it` : ''}: ${ACK_TEXTS[result]}`,
        isStranger || result === 'unknown-sequence' || result === 'never-sent',
      )
    }
  }

  #otherAckSent(event: EventOf<'final-ack-sent' | 'admin-ack-sent'>): void {
    const { node, destination, forSource, forMessageId, messageClass } = event
    if (forSource !== this.#state.target.source || forMessageId !== this.#state.target.messageId) return
    const name = event.kind === 'final-ack-sent' ? 'a final ack' : 'an acknowledgement'
    const isBad = isNegativeAcknowledgment(messageClass)
    this.#tell(event, `makes ${name} for it, for ${destination}: ${messageClassName(messageClass)}`, isBad)
    if (event.kind === 'final-ack-sent')
      this.#ackSent({ name: `the final ack of ${node}`, node, messageId: event.messageId, queue: destination })
  }

  #finalAckReceived(event: EventOf<'final-ack-received'>): void {
    const { node, from, forMessageId, messageClass, matched } = event
    if (forMessageId !== this.#state.target.messageId) return
    // another sender has messages of these numbers too, and finds its own
    if (matched && !this.#state.owners.has(node)) return
    if (!this.#acks.some(each => this.#state.nodes.get(each.node)?.guid === from)) return
    const text = `gets the final ack of it: ${messageClassName(messageClass)}${matched ? '' : ', and knows of no such message'}`
    this.#tell(event, text, !matched || isNegativeAcknowledgment(messageClass))
  }

  #ack({ node, queue, messageId }: EventOf<'sent' | 'session-acked'>): Traveller | undefined {
    return this.#acks.find(each => each.node === node && each.messageId === messageId && isSameQueue(each.queue, queue))
  }
}
