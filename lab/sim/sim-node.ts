import type { Guid } from '../../protocol/guid.js'
import type { SendOutcome } from '../../queue-manager/actions.js'
import type { MessageToSend } from '../../queue-manager/message-to-send.js'
import type { Note } from '../../queue-manager/notes.js'
import { type HttpOptions, QueueManager, type SendTicket } from '../../queue-manager/queue-manager.js'
import type { QueueOptions } from '../../queue-manager/queue-properties.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import type { ReceiveOptions } from '../../queue-manager/reads.js'
import type { SecurityKeys } from '../../queue-manager/security/security-keys.js'
import { createSettings } from '../../queue-manager/settings.js'
import type { ApplicationHost } from '../../transport/application-host.js'
import type { Random } from './random.js'
import type { SimDriver } from './sim-driver.js'
import { SimMachine, type SimMachineOptions } from './sim-machine.js'
import type { SimStore, SimStoreOptions } from './sim-store.js'
import type { VirtualClock, VirtualClockOptions } from './virtual-clock.js'
import type { SimWorld } from './world.js'

/** Runs on one queue manager, from its start to its end. */
export interface SimApplication {
  start(): void
  outcome(request: number, outcome: SendOutcome, error: string | undefined): void
  received(request: number, messages: readonly ReceivedMessage[], error: string | undefined): void
}

export interface SimNodeOptions {
  readonly name: string
  readonly dnsName?: string
  readonly address: string
  readonly guid: Guid
  readonly settings?: Readonly<Record<string, number>>
  readonly sequenceTimeStamp?: number
  readonly queues?: readonly QueueOptions[]
  /** Where it takes SRMP messages over HTTP, on its own address; absent: nowhere. Sending over HTTP needs neither. */
  readonly httpPort?: number
  readonly httpsPort?: number
  /** What it says of itself over HTTP. Its ports are those above where nothing else is said. */
  readonly http?: HttpOptions
  readonly security?: SecurityKeys
  readonly clock?: VirtualClockOptions
  readonly store?: SimStoreOptions
  readonly driven?: SimMachineOptions['driven']
  /** Called for each life of the machine. It is started when the queues are there, and then gets all answers. */
  readonly application?: (host: ApplicationHost<QueueManager>) => SimApplication
}

/** What became of a send or a commit. It stays unknown when the queue manager crashed before it could say. */
export interface Submission {
  outcome: SendOutcome | 'unknown'
  error: string | null
  messageIds: readonly number[]
}

export interface ReceiveAnswer {
  readonly messages: readonly ReceivedMessage[]
  readonly error: string | undefined
}

/** One machine of a simulation whose queue manager is called by hand. */
export class SimNode {
  readonly name: string
  readonly guid: Guid
  readonly machine: SimMachine
  /** What its queue managers noted, over all its lives. */
  readonly notes: Note[] = []
  readonly #world: SimWorld
  /** What keys of messages are drawn from; machines without keys draw nothing. */
  readonly #keyRandom: Random | null
  readonly #options: SimNodeOptions
  readonly #submissions = new Map<number, Submission>()
  /** Outcomes that came before the call they answer returned. */
  readonly #early = new Map<number, { outcome: SendOutcome; error: string | undefined }>()
  readonly #consumed = new Map<number, ReceiveAnswer>()

  constructor(world: SimWorld, options: SimNodeOptions) {
    this.#world = world
    this.#options = options
    this.name = options.name
    this.guid = options.guid
    const { address, clock, store, driven, httpPort, httpsPort } = options
    this.machine = new SimMachine(world, {
      address,
      engine: disk => this.#engine(disk),
      ...(driven === undefined ? {} : { driven }),
      http: {
        ...(httpPort === undefined ? {} : { http: httpPort }),
        ...(httpsPort === undefined ? {} : { https: httpsPort }),
      },
      ...(clock === undefined ? {} : { clock }),
      ...(store === undefined ? {} : { store }),
    })
    this.#keyRandom = options.security === undefined ? null : world.random.fork()
  }

  get address(): string {
    return this.machine.address
  }

  get clock(): VirtualClock {
    return this.machine.clock
  }

  get store(): SimStore {
    return this.machine.store
  }

  get driver(): SimDriver<QueueManager> {
    return this.machine.driver
  }

  get engine(): QueueManager {
    return this.driver.engine
  }

  get isRunning(): boolean {
    return this.machine.isRunning
  }

  /** Starts a queue manager on what the disk holds. */
  start(): void {
    this.#submissions.clear()
    this.#early.clear()
    this.#consumed.clear()
    let application: SimApplication | null = null
    const host = this.machine.start({
      onOutcome: (request, outcome, error) => {
        const submission = this.#submissions.get(request)
        if (application !== null) application.outcome(request, outcome, error)
        else if (submission === undefined) this.#early.set(request, { outcome, error })
        else settle(submission, outcome, error)
      },
      onReceived: (request, _queue, messages, error) => {
        if (application === null) this.#consumed.set(request, { messages, error })
        else application.received(request, messages, error)
      },
      onNote: note => {
        this.notes.push(note)
        this.#world.history.push({ node: this.name, note })
      },
    })
    const { engine } = this
    for (const queue of this.#options.queues ?? []) {
      const known = engine.localQueues().some(local => local.name === queue.name)
      if (!known) host.call((_, now) => engine.createQueue(now, queue))
    }
    application = this.#options.application?.(host) ?? null
    application?.start()
  }

  #engine(store: SimStore): QueueManager {
    const { name, dnsName, address, guid, settings, sequenceTimeStamp, security: keys } = this.#options
    const { http, httpPort, httpsPort } = this.#options
    const random = this.#keyRandom
    return new QueueManager({
      name,
      ...(dnsName === undefined ? {} : { dnsName }),
      guid,
      addresses: [address],
      settings: createSettings(settings),
      sequenceTimeStamp: sequenceTimeStamp ?? 0x5f00_0000,
      stored: store.load(),
      packets: store,
      http: {
        ...(httpPort === undefined ? {} : { port: httpPort }),
        ...(httpsPort === undefined ? {} : { securePort: httpsPort }),
        ...http,
      },
      ...(keys === undefined || random === null ? {} : { security: { keys, randomBytes: size => random.bytes(size) } }),
    })
  }

  /** Ends at once; the disk keeps what was durable. See `SimDriver.crash`. */
  crash(how: 'process' | 'power' = 'process'): void {
    this.machine.crash(how)
  }

  /** Hands a message over. */
  send(message: MessageToSend): Submission {
    return this.#submit(this.driver.call((engine, now) => engine.send(now, message)))
  }

  sendTransaction(messages: readonly MessageToSend[]): Submission {
    return this.#submit(this.driver.call((engine, now) => engine.sendTransaction(now, messages)))
  }

  /** Texts of the message bodies in a queue, oldest first, without removing any. */
  bodies(queue: string): string[] {
    return this.engine.peek(queue, Number.MAX_SAFE_INTEGER).map(bodyText)
  }

  /** Removes up to `max` messages and returns their bodies' texts, after whatever virtual time the disk takes. */
  consume(queue: string, max = 1_000_000): string[] {
    return this.receive(queue, { max }).map(bodyText)
  }

  /** As {@link answer}; no messages when the answer is an error. */
  receive(queue: string, options: ReceiveOptions): readonly ReceivedMessage[] {
    return this.answer(queue, options).messages
  }

  /** Receives, and lets virtual time pass until the answer is there. */
  answer(queue: string, options: ReceiveOptions): ReceiveAnswer {
    const request = this.driver.call((engine, now) => engine.receive(now, queue, options))
    if (!this.#world.runUntil(() => this.#consumed.has(request), 60_000))
      throw new Error(`receive from ${queue} was not answered`)
    return this.#consumed.get(request)!
  }

  #submit({ request, messageIds }: SendTicket): Submission {
    const submission: Submission = { outcome: 'unknown', error: null, messageIds }
    this.#submissions.set(request, submission)
    const early = this.#early.get(request)
    if (early !== undefined) settle(submission, early.outcome, early.error)
    return submission
  }

  notesOf<K extends Note['kind']>(kind: K): Extract<Note, { kind: K }>[] {
    return this.notes.filter((note): note is Extract<Note, { kind: K }> => note.kind === kind)
  }
}

function settle(submission: Submission, outcome: SendOutcome, error: string | undefined): void {
  submission.outcome = outcome
  submission.error = error ?? null
}

function bodyText({ message }: ReceivedMessage): string {
  return message.properties.body.toString()
}
