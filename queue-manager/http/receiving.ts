import { decodePacket, type UserMessagePacket } from '../../protocol/binary/packet.js'
import { DecodeError, EncodeError } from '../../protocol/errors.js'
import { ANONYMOUS_ID, effectiveId, type SrmpMessage } from '../../protocol/srmp/message.js'
import { decodeSrmpRequest, kindOf, parseRequestHead, renderRequestHead } from '../../protocol/srmp/request.js'
import { hasExpired, packetOfMessage } from '../../protocol/srmp/to-packet.js'
import type { Endpoint, ExchangeId, HttpRequest } from '../actions.js'
import { wallSeconds } from '../clock.js'
import type { Context } from '../context.js'
import { type IncomingSequence, judgeStream, type ReceiptAddress } from '../incoming-sequence.js'
import type { LocalQueue } from '../local-queue.js'
import type { DiscardReason } from '../notes.js'
import { type Carrier, QueueEntry, transactionPlace } from '../queue-entry.js'

/** What becomes of a request: its status. No other is given ([MC-MQSRM] 3.1.5.1). */
type Status = 200 | 400 | 500

/** The messages that other machines post to this one ([MC-MQSRM] 3.1.5.1). */
export class HttpReceiving {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** A request came: the action `http-answer` answers it, once what it claims is true. */
  requested(peer: Endpoint, request: HttpRequest): ExchangeId {
    const exchange = this.#context.sessions.nextExchange()
    this.#context.counters.httpRequests += 1
    const reception = new HttpReception(this.#context, exchange, peer.address)
    try {
      const body = request.body.length === 1 ? (request.body[0] as Buffer) : Buffer.concat(request.body)
      const whole = { ...request, body: [body] }
      reception.receive(decodeSrmpRequest(whole), whole)
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof EncodeError)) throw error
      this.#context.counters.malformedRequests += 1
      reception.refuse(400, error.message)
    }
    return exchange
  }
}

/** One message on its way in: the steps of [MC-MQSRM] 3.1.5.1, in the order of decision 0022. */
class HttpReception implements Carrier {
  readonly connection: ExchangeId
  readonly peer: string
  readonly #context: Context
  #isAnswered = false

  constructor(context: Context, exchange: ExchangeId, peer: string) {
    this.#context = context
    this.connection = exchange
    this.peer = peer
  }

  receive(message: SrmpMessage, request: HttpRequest): void {
    const place = this.#context.httpNames.locate(message.to)
    switch (place.kind) {
      case 'malformed':
        this.refuse(400, `"${message.to}" is not the URL of a queue`)
        break
      case 'foreign':
        this.#context.counters.discardedByNameValidation += 1
        this.refuse(400, `"${message.to}" is not on this machine, and no mapping names it`)
        break
      case 'elsewhere':
        this.#forward(message, request, place.formatName)
        break
      case 'here':
        this.#deliver(message, request, place.path)
    }
  }

  /** It is not taken: nothing of it is kept, and the sender hears why by the status. */
  refuse(status: Status, error: string): void {
    const { log, now } = this.#context
    if (log.noting) log.note(now, { kind: 'http-refused', peer: this.peer, status, error })
    this.#answer(status)
  }

  taken(): void {
    this.#answer(200)
  }

  failed(reason: string): void {
    this.refuse(500, reason)
  }

  acknowledgeSequence(sequence: IncomingSequence): void {
    this.#context.streamReceipts.add(sequence)
  }

  /** Store and forward: taken when it is stored, whatever it is; the next machine looks into it (3.1.5.1.3). */
  #forward(message: SrmpMessage, request: HttpRequest, formatName: string): void {
    const { counters, log, now, outgoingQueues } = this.#context
    if (hasExpired(message, wallSeconds(now))) {
      this.#discard(message, null, 'expired')
      return
    }
    const { bytes, packet } = this.#packetOf(message, request, true)
    const passage = outgoingQueues.internal.forwardTo(formatName, packet, bytes)
    if (passage !== 'passed') {
      const hasWay = passage === 'no-room'
      if (hasWay) counters.quotaCloses += 1
      else counters.discardedOtherwise += 1
      this.refuse(hasWay ? 500 : 400, `no ${hasWay ? 'room' : 'way'} for ${formatName}`)
      return
    }
    counters.forwarded += 1
    if (log.noting)
      log.note(now, {
        kind: 'forwarded',
        connection: this.connection,
        peer: this.peer,
        source: packet.user.sourceQueueManager,
        messageId: packet.user.messageId,
        queue: formatName,
        tx: transactionPlace(packet.transaction),
      })
    this.#answerAfterStore()
  }

  /** For a queue of this machine (3.1.5.1.3, 3.1.5.1.5). */
  #deliver(message: SrmpMessage, request: HttpRequest, path: string): void {
    this.#context.counters.userMessagesReceived += 1
    const { acknowledgements, destinations } = this.#context
    const location = destinations.locatePath(path)
    const kind = kindOf(message)
    if (location.kind !== 'queue' && location.kind !== 'order-queue') {
      this.#context.counters.discardedOtherwise += 1
      this.refuse(400, `there is no queue ${path}`)
    } else if (kind === 'stream-receipt') {
      acknowledgements.streamReceiptReceived(this, message)
      this.#answerAfterStore()
    } else if (kind === 'final-stream-receipt') {
      acknowledgements.finalReceiptReceived(message)
      this.#answerAfterStore()
    } else if (kind === 'unknown' || (location.kind === 'order-queue' && kind !== 'user')) {
      this.#context.counters.protocolViolations += 1
      this.#answer(200)
    } else if (location.kind === 'order-queue') {
      this.refuse(400, 'the order queue takes receipts only')
    } else this.#intoQueue(message, request, location.queue)
  }

  #intoQueue(message: SrmpMessage, request: HttpRequest, queue: LocalQueue): void {
    const { now, localQueues, security } = this.#context
    if ((message.stream !== null) !== queue.transactional) {
      this.#context.counters.discardedOtherwise += 1
      const wanted = queue.transactional ? 'stream messages' : 'messages that are no part of a stream'
      this.refuse(400, `${queue.name} takes only ${wanted}`)
      return
    }
    const { bytes, packet } = this.#packetOf(message, request, false)
    const judged = security.checkIncoming(now.monotonicMs, packet, bytes, queue.properties)
    if (judged !== null) {
      // decision 0022: the sender is not told
      const denied = 'messageClass' in judged && judged.reason === 'access-denied'
      this.#discard(message, packet, denied ? 'access-denied' : 'security')
      return
    }
    if (hasExpired(message, wallSeconds(now))) {
      this.#discard(message, packet, 'expired')
      return
    }
    const quota = localQueues.quota(queue, bytes.length)
    if (quota === 'machine-quota') {
      this.#context.counters.quotaCloses += 1
      this.refuse(500, 'machine quota reached')
    } else if (quota === 'queue-quota') this.#discard(message, packet, 'queue-quota')
    else this.#takeInStream(message, packet, bytes, queue)
  }

  /** The stream rule first, then the memory of identifiers: one that is refused here may come again (3.1.5.1.6.3, .11). */
  #takeInStream(message: SrmpMessage, packet: UserMessagePacket, bytes: Buffer, queue: LocalQueue): void {
    const { counters, identifiers, incomingSequences, now } = this.#context
    const { stream } = message
    let sequence: IncomingSequence | null = null
    if (stream !== null) {
      sequence = incomingSequences.find('srmp', stream.streamId.guid, queue.number)
      if (sequence.taken.number === 0 && incomingSequences.isFull) {
        counters.quotaCloses += 1
        this.refuse(500, 'too many incoming streams')
        return
      }
      const { current, previous, sendReceiptsTo } = stream
      const before = previous ?? current - 1
      const verdict = judgeStream(sequence.taken, stream.streamId.sequence, current, before, sendReceiptsTo !== null)
      sequence.lastPeer = this.peer
      if (verdict !== 'accept') {
        if (verdict === 'duplicate') {
          counters.duplicatesRejected += 1
          // its receipt may be lost (decision 0022)
          this.acknowledgeSequence(sequence)
        } else counters.outOfSequenceRejected += 1
        this.#discard(message, packet, verdict)
        return
      }
      const receipts = receiptAddress(message, sequence)
      sequence.take({ id: stream.streamId.sequence, number: current, receipts })
    }
    const { index, guid } = effectiveId(message)
    // all messages without Msmq have this one (3.1.5.1.11)
    const isRemembered = index !== ANONYMOUS_ID.index || guid !== ANONYMOUS_ID.guid
    if (isRemembered && identifiers.seen(guid, index, now.monotonicMs)) {
      counters.duplicatesRejected += 1
      if (sequence !== null) this.#pass(sequence)
      this.#discard(message, packet, 'duplicate')
      return
    }
    const receiptsTo = sequence?.taken.receipts?.to
    const awaited = message.msmq?.deadLetter === true && receiptsTo !== undefined
    const finalAckTo = awaited ? `DIRECT=${receiptsTo}` : null
    new QueueEntry(this.#context, this, packet, bytes, queue, sequence, isRemembered).enter(finalAckTo)
  }

  /** A message that was taken in an earlier stream has its place in this one, too, and is not taken again. */
  #pass(sequence: IncomingSequence): void {
    const { batch, incomingSequences } = this.#context
    const { taken, generation } = sequence
    incomingSequences.keep(sequence)
    batch.changed(sequence)
    batch.whenAllDurable(error => {
      if (error !== null) {
        sequence.rollBack()
        // an earlier write may have failed, and this one not
        batch.changed(sequence)
      } else if (sequence.generation === generation) {
        sequence.durable = taken
        this.acknowledgeSequence(sequence)
      }
    })
  }

  /** Dropped for good: the sender is told that it was taken, as the specification has it (decision 0022). */
  #discard(message: SrmpMessage, packet: UserMessagePacket | null, reason: DiscardReason): void {
    const { counters, log, now } = this.#context
    if (reason !== 'duplicate') counters.discardedOtherwise += 1
    counters.discardedByReason[reason] = (counters.discardedByReason[reason] ?? 0) + 1
    const { index, guid } = effectiveId(message)
    if (log.noting)
      log.note(now, {
        kind: 'discarded',
        connection: this.connection,
        peer: this.peer,
        source: guid,
        messageId: index,
        destination: `DIRECT=${message.to}`,
        reason,
        tx: transactionPlace(packet?.transaction ?? null),
      })
    this.#answerAfterStore()
  }

  /** What is under way in the store may be the original of what came again: nothing is claimed before that is there. */
  #answerAfterStore(): void {
    this.#context.batch.whenAllDurable(error => {
      if (error === null) this.#answer(200)
      else this.failed(`store: ${error}`)
    })
  }

  #answer(status: Status): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    const { counters, log } = this.#context
    counters.httpStatusesGiven[status] = (counters.httpStatusesGiven[status] ?? 0) + 1
    log.push({ do: 'http-answer', exchange: this.connection, status })
  }

  /** The form in which queues keep it, with the request that brought it. */
  #packetOf(
    message: SrmpMessage,
    request: HttpRequest,
    deadLetter: boolean,
  ): { bytes: Buffer; packet: UserMessagePacket } {
    // the body is whole now, however it came
    const headers = request.headers.filter(([name]) => name.toLowerCase() !== 'transfer-encoding')
    const head = renderRequestHead({ ...request, headers })
    // it will be read again from there, and must not fail then
    parseRequestHead(head)
    const body = request.body[0] as Buffer
    const part = message.body?.bytes
    const partAt = part === undefined ? body.length : part.byteOffset - body.byteOffset
    const compound = {
      pieces: [head, body.subarray(0, partAt), body.subarray(partAt + (part?.length ?? 0))],
      bodyOffset: head.length + partAt,
    }
    const bytes = packetOfMessage(message, compound, wallSeconds(this.#context.now), deadLetter)
    return { bytes, packet: decodePacket(bytes) as UserMessagePacket }
  }
}

/** As the first message of the stream said; later ones do not say it again (2.2.5.3.4). */
function receiptAddress({ stream, to }: SrmpMessage, { taken }: IncomingSequence): ReceiptAddress | null {
  const sendReceiptsTo = stream?.sendReceiptsTo ?? null
  return sendReceiptsTo === null ? taken.receipts : { to: sendReceiptsTo, from: to }
}
