import { buildOrderAck, buildUserMessage, orderQueueAt, stampTransaction } from '../protocol/binary/build.js'
import { TX_FLAGS } from '../protocol/binary/transaction-header.js'
import { MESSAGE_ID_OFFSET, SENT_TIME_OFFSET, transactionHeaderOffset } from '../protocol/binary/user-message-layout.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'
import type { TxSequenceId } from '../protocol/sequence-id.js'
import { type CaptureClock, CaptureConnection, type CaptureHost, type CaptureLeg } from './capture-connection.js'
import { CaptureFile, type CaptureFormat } from './capture-file.js'
import { CaptureSession } from './capture-session.js'
import { createRandom, randomGuid } from './random.js'

export interface CaptureTraffic {
  readonly format: CaptureFormat
  /** The file ends soon after so many bytes, when all that is under way is over. */
  readonly bytes: number
  readonly seed: number
  /** At most 250 of each: two at least where anything goes wrong. */
  readonly senders: number
  readonly receivers: number
  /** `keep`: one segment on which balanced receivers answer for the cluster's address. `translate`: both sides of a box that
   *  puts its own address in place of the senders'. */
  readonly source: 'keep' | 'translate'
  /** Each sender has one, in turns. */
  readonly deliveries: readonly ('express' | 'recoverable' | 'transactional')[]
  readonly bodyBytes: number
  /** Messages that are written at once, a transaction where they are transactional; 1 to 8. */
  readonly burst: number
  /** Of all senders together. */
  readonly messagesPerS: number
  /** Share of order acks that reach another sender. The next one of the sequence makes up for it. */
  readonly misroutedShare: number
  /** Share of bursts after which a transaction is delivered, not acknowledged to its sender, and delivered by another receiver. */
  readonly duplicateShare: number
  /** Share of frames with messages that the capture lacks. */
  readonly holeShare: number
}

/** What is in the capture: what a diagnosis has to find. */
export interface CaptureTruth {
  readonly bytes: number
  readonly frames: number
  /** Of TCP, both sides of a balancer counted as one. Those that carry order acks are open when the file ends. */
  readonly connections: number
  /** Of applications, each counted once. */
  readonly messages: number
  /** Second deliveries of such messages, by another receiver. */
  readonly duplicates: number
  readonly orderAcks: number
  readonly misroutedAcks: number
  readonly holes: number
  readonly missingBytes: number
  /** From the first frame to the last. */
  readonly seconds: number
}

export const DEFAULT_TRAFFIC: CaptureTraffic = {
  format: 'pcapng',
  bytes: 1e9,
  seed: 1,
  senders: 20,
  receivers: 3,
  source: 'keep',
  deliveries: ['transactional', 'recoverable', 'express'],
  bodyBytes: 1024,
  burst: 4,
  messagesPerS: 4000,
  misroutedShare: 0.01,
  duplicateShare: 0.0005,
  holeShare: 0,
}

const STARTED_US = 1_700_000_000_000_000
/** TimeStamp of the first sender's sequences; the others' follow, so that each sequence id has one owner. */
const SEQUENCE_TIME_S = STARTED_US / 1e6 - 1000
const PORT = 1801
const PORT_FIRST = 49_152
const PORTS = 16_384
/** Of the balancer towards the hosts. */
const BACK_PORT_FIRST = 20_000
const VIP = [10, 0, 0, 5]
const BALANCER: CaptureHost = { mac: [2, 0, 10, 0, 0, 5], address: VIP }
const QUEUE = 'TCP:10.0.0.5\\private$\\orders'
const OTHER_QUEUE = 'TCP:10.0.0.5\\private$\\invoices'
/** SeqResend13Time's default, in which the first resends come. */
const RESEND_US = 30e6
const BURSTS_PER_ACK = 4
/** Then a session ends and the next message opens another. */
const MESSAGES_PER_SESSION = 2_000

interface Machine {
  readonly guid: Guid
  readonly host: CaptureHost
  readonly startedUs: number
  /** Of its next message. */
  messageId: number
}

interface Sender extends Machine {
  /** TimeStamp of its sequence ids. */
  readonly sequenceTimeS: number
  readonly delivery: CaptureTraffic['deliveries'][number]
  readonly receiver: Machine
  readonly packet: Buffer
  readonly otherPacket: Buffer
  session: CaptureSession | null
  bursts: number
  /** Last number of its sequence to the cluster, and how far that is acknowledged to it. */
  number: number
  acknowledged: number
  sequences: number
}

/** A transaction that nobody acknowledged to its sender, to be sent again. */
interface Resend {
  readonly atUs: number
  readonly sender: Sender
  readonly deliveredBy: Machine
  readonly ordinal: number
  readonly messageId: number
  readonly sentTimeS: number
}

/** Writes a capture of senders, a balancer and receivers, the same bytes for the same traffic, and says what is in it. */
export function generateCapture(path: string, traffic: CaptureTraffic): CaptureTruth {
  return new Generator(path, traffic).run()
}

class Generator {
  readonly #traffic: CaptureTraffic
  readonly #file: CaptureFile
  readonly #clock: CaptureClock = { nowUs: STARTED_US }
  readonly #random: () => number
  readonly #receivers: readonly Machine[]
  readonly #senders: readonly Sender[]
  readonly #resends: Resend[] = []
  /** By receiver and the sender that it reaches. */
  readonly #ackSessions = new Map<Machine, Map<Machine, CaptureSession>>()
  #connections = 0
  #holes = 0
  #missingBytes = 0
  #ports = 0
  #messages = 0
  #duplicates = 0
  #orderAcks = 0
  #misroutedAcks = 0

  constructor(path: string, traffic: CaptureTraffic) {
    this.#traffic = traffic
    this.#random = createRandom(traffic.seed)
    this.#file = new CaptureFile(path, traffic.format)
    this.#receivers = Array.from({ length: traffic.receivers }, (_, index) => this.#machine(2, index))
    this.#senders = Array.from({ length: traffic.senders }, (_, index) => this.#sender(index))
  }

  run(): CaptureTruth {
    const { bytes, messagesPerS, burst } = this.#traffic
    const paceUs = (burst * 1e6) / messagesPerS
    let dueUs = STARTED_US
    while (this.#file.size < bytes) {
      dueUs += paceUs
      this.#clock.nowUs = Math.max(this.#clock.nowUs, Math.round(dueUs))
      const sender = this.#senders[this.#random() % this.#senders.length]!
      this.#burst(sender)
      if (this.#happens(this.#traffic.duplicateShare)) this.#deliverUnacknowledged(sender)
      this.#resendDue()
    }
    return this.#end()
  }

  #end(): CaptureTruth {
    for (const sender of this.#senders) this.#endSession(sender)
    const last = this.#resends.at(-1)
    if (last !== undefined) this.#clock.nowUs = Math.max(this.#clock.nowUs, last.atUs)
    this.#resendDue()
    this.#file.close()
    return {
      bytes: this.#file.size,
      frames: this.#file.frames,
      connections: this.#connections,
      messages: this.#messages,
      duplicates: this.#duplicates,
      orderAcks: this.#orderAcks,
      misroutedAcks: this.#misroutedAcks,
      holes: this.#holes,
      missingBytes: this.#missingBytes,
      seconds: (this.#clock.nowUs - STARTED_US) / 1e6,
    }
  }

  #machine(network: number, index: number): Machine {
    return {
      guid: randomGuid(this.#random),
      host: { mac: [2, 0, 10, network, 0, index + 1], address: [10, network, 0, index + 1] },
      startedUs: STARTED_US - 1e9 - (this.#random() % 1e9),
      messageId: 1 + (this.#random() % 1e6),
    }
  }

  #sender(index: number): Sender {
    const machine = this.#machine(1, index)
    const { deliveries, receivers } = this.#traffic
    const delivery = deliveries[index % deliveries.length]!
    return {
      ...machine,
      sequenceTimeS: SEQUENCE_TIME_S + index,
      delivery,
      receiver: this.#receivers[Math.floor(index / deliveries.length) % receivers]!,
      packet: this.#packet(machine.guid, delivery, QUEUE),
      otherPacket: this.#packet(machine.guid, 'transactional', OTHER_QUEUE),
      session: null,
      bursts: 0,
      number: 0,
      acknowledged: 0,
      sequences: 1,
    }
  }

  #packet(source: Guid, delivery: Sender['delivery'], destination: string): Buffer {
    const body = Buffer.alloc(this.#traffic.bodyBytes)
    for (let at = 0; at + 4 <= body.length; at += 4) body.writeUInt32LE(this.#random(), at)
    return buildUserMessage({
      priority: delivery === 'transactional' ? 0 : 3,
      timeToReachQueue: 0xffff_ffff,
      sourceQueueManager: source,
      queueManagerAddress: NIL_GUID,
      timeToBeReceived: 0xffff_ffff,
      sentTime: 0,
      messageId: 0,
      delivery: delivery === 'express' ? 'express' : 'recoverable',
      destination: { type: 7, name: destination },
      transaction:
        delivery === 'transactional'
          ? {
              flags: 0,
              sequenceId: { ordinal: 0, timeStamp: 0 },
              sequenceNumber: 0,
              previousSequenceNumber: 0,
            }
          : undefined,
      acknowledgements: 0,
      label: 'generated',
      messageClass: 0,
      bodyType: 0,
      applicationTag: 0,
      body,
    })
  }

  #burst(sender: Sender): void {
    sender.session ??= this.#openSession(sender, sender.receiver, this.#traffic.holeShare)
    const { session, packet } = sender
    const recoverable = sender.delivery !== 'express'
    for (let index = 0; index < this.#traffic.burst; index++) {
      stampMessage(packet, sender.messageId++, this.#nowS)
      if (sender.delivery === 'transactional') {
        sender.number += 1
        stampPlace(packet, { ordinal: 1, timeStamp: sender.sequenceTimeS }, sender.number, index, this.#traffic.burst)
      }
      session.message(packet, recoverable)
    }
    session.flush()
    this.#messages += this.#traffic.burst
    sender.bursts += 1
    if (sender.bursts % BURSTS_PER_ACK === 0) {
      session.acknowledge()
      if (sender.delivery === 'transactional') {
        const astray = this.#happens(this.#traffic.misroutedShare)
        if (!astray) sender.acknowledged = sender.number
        this.#orderAck(sender.receiver, sender, 1, sender.number, astray ? this.#other(sender) : sender)
      }
    }
    if (session.messages >= MESSAGES_PER_SESSION) this.#endSession(sender)
  }

  /** Whatever is owed is acknowledged first. */
  #endSession(sender: Sender): void {
    if (sender.session === null) return
    this.#close(sender.session, sender.bursts % BURSTS_PER_ACK !== 0)
    sender.session = null
    sender.bursts = 0
    if (sender.number > sender.acknowledged) this.#orderAck(sender.receiver, sender, 1, sender.number, sender)
    sender.acknowledged = sender.number
  }

  /** The first transaction of a sequence to another queue: its order ack reaches another sender. */
  #deliverUnacknowledged(sender: Sender): void {
    sender.sequences += 1
    const resend = {
      atUs: this.#clock.nowUs + RESEND_US,
      sender,
      deliveredBy: sender.receiver,
      ordinal: sender.sequences,
      messageId: sender.messageId,
      sentTimeS: this.#nowS,
    }
    sender.messageId += this.#traffic.burst
    this.#messages += this.#traffic.burst
    this.#transaction(resend, sender.receiver, this.#other(sender))
    this.#resends.push(resend)
  }

  #resendDue(): void {
    for (let next = this.#resends[0]; next !== undefined && next.atUs <= this.#clock.nowUs; next = this.#resends[0]) {
      this.#resends.shift()
      const { deliveredBy } = next
      const receiver = this.#receivers[(this.#receivers.indexOf(deliveredBy) + 1) % this.#receivers.length]!
      this.#duplicates += this.#traffic.burst
      this.#transaction(next, receiver, next.sender)
    }
  }

  /** In a session of its own, with an order ack to whomever. */
  #transaction({ sender, ordinal, messageId, sentTimeS }: Resend, receiver: Machine, acknowledgedTo: Machine): void {
    const { burst } = this.#traffic
    const session = this.#openSession(sender, receiver, 0)
    for (let index = 0; index < burst; index++) {
      stampMessage(sender.otherPacket, messageId + index, sentTimeS)
      stampPlace(sender.otherPacket, { ordinal, timeStamp: sender.sequenceTimeS }, index + 1, index, burst)
      session.message(sender.otherPacket, true)
    }
    session.flush()
    this.#close(session, true)
    this.#orderAck(receiver, sender, ordinal, burst, acknowledgedTo)
  }

  /** Of that sequence of `sender`, up to `number`, to whichever machine. */
  #orderAck(receiver: Machine, sender: Sender, ordinal: number, number: number, to: Machine): void {
    const sessions = this.#ackSessions.get(receiver) ?? new Map<Machine, CaptureSession>()
    this.#ackSessions.set(receiver, sessions)
    const session = sessions.get(to) ?? this.#openSession(receiver, to, 0)
    const address = (this.#traffic.source === 'translate' ? VIP : to.host.address).join('.')
    session.message(
      buildOrderAck({
        sourceQueueManager: receiver.guid,
        destination: orderQueueAt(address),
        sentTime: this.#nowS,
        messageId: receiver.messageId++,
        sequenceId: { ordinal, timeStamp: sender.sequenceTimeS },
        sequenceNumber: number,
      }),
      false,
    )
    session.flush()
    this.#orderAcks += 1
    if (to !== sender) this.#misroutedAcks += 1
    sessions.set(to, session)
    session.acknowledge()
    if (session.messages < MESSAGES_PER_SESSION) return
    this.#close(session, false)
    sessions.delete(to)
  }

  #openSession(client: Machine, server: Machine, holeShare: number): CaptureSession {
    const loses = holeShare === 0 ? null : () => this.#happens(holeShare)
    const legs = this.#legs(client, server, PORT_FIRST + (this.#ports++ % PORTS))
    const connection = new CaptureConnection(this.#file, this.#clock, legs, this.#random, loses)
    const session = new CaptureSession(connection)
    this.#connections += 1
    session.open(client.guid, server.guid, Math.floor((this.#clock.nowUs - client.startedUs) / 1000))
    return session
  }

  /** Where messages to the cluster, and order acks, pass the place of the capture. */
  #legs(client: Machine, server: Machine, port: number): readonly CaptureLeg[] {
    const from = { host: client.host, port }
    if (this.#traffic.source === 'translate') {
      const box = { host: BALANCER, port: BACK_PORT_FIRST + (port - PORT_FIRST) }
      return [
        { client: from, server: { host: BALANCER, port: PORT } },
        { client: box, server: { host: server.host, port: PORT } },
      ]
    }
    const isBalanced = this.#receivers.includes(server)
    const host = isBalanced ? { mac: server.host.mac, address: VIP } : server.host
    return [{ client: from, server: { host, port: PORT } }]
  }

  #close(session: CaptureSession, owesAck: boolean): void {
    if (owesAck) session.acknowledge()
    session.close()
    this.#holes += session.connection.holes
    this.#missingBytes += session.connection.missingBytes
  }

  #other(sender: Sender): Sender {
    const step = 1 + (this.#random() % (this.#senders.length - 1))
    return this.#senders[(this.#senders.indexOf(sender) + step) % this.#senders.length]!
  }

  #happens(share: number): boolean {
    return this.#random() < share * 2 ** 32
  }

  get #nowS(): number {
    return Math.floor(this.#clock.nowUs / 1e6)
  }
}

function stampMessage(packet: Buffer, messageId: number, sentTimeS: number): void {
  packet.writeUInt32LE(messageId, MESSAGE_ID_OFFSET)
  packet.writeUInt32LE(sentTimeS, SENT_TIME_OFFSET)
}

/** The message is the one at `index` of its transaction of `size`. */
function stampPlace(packet: Buffer, sequence: TxSequenceId, number: number, index: number, size: number): void {
  const at = transactionHeaderOffset(packet)
  const edges = (index === 0 ? TX_FLAGS.FM : 0) | (index === size - 1 ? TX_FLAGS.LM : 0)
  const transaction = Math.floor((number - 1) / size) + 1
  packet.writeUInt32LE(edges | ((transaction << TX_FLAGS.ID_SHIFT) & TX_FLAGS.ID), at)
  stampTransaction(packet, sequence, number, number - 1)
}
