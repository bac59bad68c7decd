import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { takeAddressBlock } from '../../lab/worlds/address-block.js'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import type { QueueOptions } from '../../queue-manager/queue-properties.js'
import type { ReceivedMessage } from '../../queue-manager/queued-message.js'
import { createSettings } from '../../queue-manager/settings.js'
import { LmdbStore } from '../../store/lmdb-store.js'
import { Driver } from '../../transport/driver.js'
import { createResolver } from '../../transport/resolver.js'
import {
  expectedMessage,
  expectedOutcome,
  FEATURE_KEYS,
  type FeatureAddresses,
  featureMessage,
  featureOutcome,
  featureQueues,
  seenMessage,
  TARGET,
} from '../fixtures/feature-exchange.js'
import { DELIVERIES, type Delivery, FEATURE_ROWS, type FeatureRow, FORMS, type Form } from '../fixtures/feature-rows.js'
import { guidOf, SENDER_TIME_STAMP } from '../fixtures/sim-tests.js'

const ROWS = [
  'nothing but a body',
  'a body of 4 MB',
  'all properties at once',
  'a response queue',
  'all acks, of which both positive ones come',
  'no such queue',
  'a queue that takes no transactional messages',
  'a full queue',
  'a journal at the target',
  'a journal at the source: transactional messages when they are received',
  'two destinations',
  'a message with a signature 2.0, to a queue that wants one',
  'a body that is encrypted and signed',
  'a receipt that is aborted, then one that is committed',
]
const SETTINGS = { SeqMaxAckDelay: 0.2, OrderAckTimeout: 20, RecoverableAckSendTimeoutMin: 20, AckWaitTimeout: 200 }
const PATIENCE_MS = 60_000
/** What must not come has had the time to. */
const SETTLE_MS = 50

/** A queue manager on sockets and a store of its own on the disk. */
class Machine {
  readonly driver: Driver<QueueManager>
  readonly #store: LmdbStore
  readonly #received = new Map<number, readonly ReceivedMessage[]>()

  private constructor(number: 1 | 2, addresses: FeatureAddresses, row: FeatureRow, store: LmdbStore) {
    const address = addresses[number - 1]!
    const own = number === 1 ? row.settings?.sender : row.settings?.receiver
    this.#store = store
    this.driver = new Driver({
      engine: new QueueManager({
        name: `N${number}`,
        guid: guidOf(number),
        addresses: [address],
        settings: createSettings({ ...SETTINGS, ...own }),
        sequenceTimeStamp: SENDER_TIME_STAMP + number,
        security: { keys: FEATURE_KEYS[number - 1]!, randomBytes: size => Buffer.alloc(size, 0x5a) },
        stored: store.load(),
        packets: store,
      }),
      store,
      resolver: createResolver({
        names: {},
        queueManagers: { [guidOf(1)]: [addresses[0]], [guidOf(2)]: [addresses[1]] },
      }),
      listen: { address, port: 1801 },
      localAddress: address,
      limits: { lingerMs: 50 },
      onReceived: (request, _queue, messages) => this.#received.set(request, messages),
    })
  }

  static async start(
    number: 1 | 2,
    addresses: FeatureAddresses,
    row: FeatureRow,
    queues: readonly QueueOptions[],
    directory: string,
  ): Promise<Machine> {
    const machine = new Machine(number, addresses, row, await LmdbStore.open(join(directory, `${number}`)))
    await machine.driver.start()
    for (const queue of queues) machine.driver.call((engine, now) => engine.createQueue(now, queue))
    return machine
  }

  get engine(): QueueManager {
    return this.driver.engine
  }

  async receive(transaction?: number): Promise<readonly ReceivedMessage[]> {
    const options = { timeoutMs: PATIENCE_MS, ...(transaction !== undefined && { transaction }) }
    const request = this.driver.call((engine, now) => engine.receive(now, TARGET, options))
    while (!this.#received.has(request)) await sleep(2)
    return this.#received.get(request)!
  }

  async stop(): Promise<void> {
    await this.driver.stop()
    await this.#store.close()
  }
}

async function perform(receiver: Machine, row: FeatureRow): Promise<ReceivedMessage[]> {
  const received: ReceivedMessage[] = []
  for (const { do: step } of row.steps ?? [])
    if (step === 'receive') received.push(...(await receiver.receive()))
    else if (step === 'receive and abort' || step === 'receive and commit') {
      const transaction = receiver.driver.call((engine, now) => engine.begin(now))
      received.push(...(await receiver.receive(transaction)))
      receiver.driver.call((engine, now) =>
        step === 'receive and abort' ? engine.abort(now, transaction) : engine.commit(now, transaction),
      )
    } else throw new Error(`${step} is not for real sockets`)
  return received
}

async function exchange(row: FeatureRow, delivery: Delivery, form: Form, addresses: FeatureAddresses) {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-features-'))
  const queues = featureQueues(row, delivery)
  const machines: Machine[] = []
  try {
    for (const number of [1, 2] as const)
      machines.push(await Machine.start(number, addresses, row, queues[number - 1]!, directory))
    const [sender, receiver] = machines as [Machine, Machine]
    const message = featureMessage(row, form, addresses)
    sender.driver.call((engine, now) =>
      delivery === 'transactional'
        ? engine.sendTransaction(now, [message])
        : engine.send(now, { ...message, delivery }),
    )
    const received = await perform(receiver, row)
    const wanted = JSON.stringify(expectedOutcome(row, delivery))
    const deadlineMs = performance.now() + PATIENCE_MS
    const look = () => featureOutcome(sender.engine, receiver.engine)
    while (JSON.stringify(look()) !== wanted && performance.now() < deadlineMs) await sleep(5)
    await sleep(SETTLE_MS)
    return { outcome: look(), seen: seenMessage(receiver.engine, received) }
  } finally {
    await Promise.all(machines.map(machine => machine.stop()))
    rmSync(directory, { recursive: true })
  }
}

t.setTimeout(240_000)
const block = await takeAddressBlock(process.pid)
t.teardown(() => block.release())
const addresses: FeatureAddresses = [block.address(2), block.address(3)]

for (const what of ROWS)
  t.test(what, async t => {
    const row = FEATURE_ROWS.find(row => row.what === what)
    if (row === undefined) throw new Error(`there is no row of that name`)
    for (const delivery of row.deliveries ?? DELIVERIES)
      for (const form of row.forms ?? FORMS) {
        const { outcome, seen } = await exchange(row, delivery, form, addresses)
        t.strictSame(outcome, expectedOutcome(row, delivery), `${delivery}, ${form}: where everything is`)
        const expected = expectedMessage(row, delivery, form, addresses)
        if (Object.keys(expected).length > 0) t.match(seen, expected, `${delivery}, ${form}: as it was sent`)
      }
  })
