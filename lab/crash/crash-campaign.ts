import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createHttpGateway, type HttpGateway } from '../../gateway/gateway.js'
import type { Guid } from '../../protocol/guid.js'
import { NodeHandle } from '../node-handle.js'
import { createRandom, type Random } from '../sim/random.js'
import { takeAddressBlock } from '../worlds/address-block.js'
import { type CrashVerdict, checkCrashes, type NodeLedgers } from './crash-check.js'
import {
  CRASH_HTTP_PORT,
  CRASH_QUEUES,
  type CrashPlaces,
  crashHttp,
  crashLayout,
  FRONT_ENDS,
  nodeLedgers,
  RECEIVER,
  SENDER,
} from './crash-layout.js'
import { readLedger } from './crash-ledger.js'
import type { CrashNodeSpec } from './crash-node-spec.js'
import type { KillPlace } from './killing-store.js'

export interface CrashCampaignOptions {
  readonly seed: number
  /**
   * `binary`, the default: the sender talks to the receiver. `http`: to a balancer, which spreads connections or requests over two
   * front ends that map the queues to the receiver (NLB-5); those are killed as well.
   */
  readonly over?: CrashPlaces['over']
  /** How long processes are killed and started; the start, the end and the check take their own time. */
  readonly durationMs: number
  /** What has to be done in any case: after its duration the campaign goes on for it, but no longer than `withinMs` in all. */
  readonly atLeast?: CrashCampaignWork & { readonly withinMs: number }
  /** For the stores and the ledgers; created if need be. A campaign needs a new one. */
  readonly directory: string
  /** Mean life of a process after it is ready. Default 700 ms. */
  readonly lifeMs?: number
  readonly onProgress?: (text: string) => void
  readonly signal?: AbortSignal
}

/** Counts as in the report. */
export interface CrashCampaignWork {
  readonly kills: number
  readonly accepted: number
  readonly taken: number
}

export interface CrashCampaignReport extends CrashVerdict {
  readonly seed: number
  readonly durationMs: number
  /** Times that processes were killed: by the campaign, or by themselves at a place in their writes. */
  readonly kills: number
  readonly killsInWrites: number
  readonly killsWhileOpening: number
}

/** Timers of hours are no use to a run of seconds; nothing else differs from the defaults. */
const SETTINGS = {
  TryConnectInterval: 50,
  AckWaitTimeout: 2_000,
  RecoverableAckSendTimeoutMin: 50,
  OrderAckTimeout: 20,
  SeqMaxAckDelay: 0.2,
  SeqResend13Time: 0.3,
  SeqResend46Time: 0.6,
  SeqResend79Time: 1,
  SeqResend10Time: 2,
  HttpRetransmissionTimeout: 100,
  HttpAnswerTimeout: 2_000,
}
const LOAD = { offersEveryMs: 2, takesEveryMs: 3, outgoingMax: 200, bodyBytesMax: 200_000 }
/** Over HTTP a message needs four machines at one time, and what two front ends bring out of order comes again. */
const HTTP_LOAD = { ...LOAD, outgoingMax: 40, bodyBytesMax: 100_000 }
const LIFE_MS = 700
const OPENING_SHARE = 0.1
const IN_WRITE_SHARE = 0.45
const OPENING_MS_MAX = 400
const KILL_WRITE_MAX = 120
/** A process that has not come to the place of its death by then dies here. */
const LIFE_MS_MAX = 5_000
/** So many lives are spent with a disk that is soon full, for what is taken is taken slowly. */
const FULL_SHARE = 0.3
const SLOW_TAKES_EVERY_MS = 300
const FULL_BYTES_MIN = 4 * 1024 * 1024
const FULL_BYTES_MAX = 5 * 1024 * 1024
const DRAIN_MS = 60_000
const DRAIN_POLL_MS = 100
/** By what all machines say of the beginning and the end of it, so long must nothing have been under way anywhere. */
const QUIET_MS = 500
const STOP_MS = 20_000
/** Between two looks into the ledgers for what is still to be done. */
const LOOK_MS = 1_000

/**
 * Kills a sender and a receiver (and, over HTTP, what is between them), each a process with its queue manager on a durable store, at random moments under load,
 * starts them again on what they left, again and again, now and then with a disk that fills up; lets them drain at last and judges their ledgers. The seed
 * draws the load and the moments; what the processes make of them is up to the machine, so a seed is not a replay.
 * @throws {AddressBlockError} on systems without the loopback addresses
 */
export async function runCrashCampaign(options: CrashCampaignOptions): Promise<CrashCampaignReport> {
  const block = await takeAddressBlock(options.seed)
  const campaign = new Campaign(options, last => block.address(last))
  try {
    return await campaign.run()
  } finally {
    await campaign.clear()
    await block.release()
  }
}

class Campaign {
  readonly #options: CrashCampaignOptions
  /** The sender, the receiver, and the front ends. */
  readonly #machines: Machine[]
  readonly #gateway: HttpGateway | null
  readonly #findings: string[] = []

  constructor(options: CrashCampaignOptions, address: (last: number) => string) {
    const random = createRandom(options.seed)
    const { over = 'binary', directory } = options
    const places = { over, sender: address(2), receiver: address(3), cluster: address(4) }
    const layout = crashLayout(places, over === 'http' ? HTTP_LOAD : LOAD)
    const find = (finding: string) => this.#findings.push(finding)
    const machine = (name: string, number: number, more: Pick<MachineSpec, 'offers' | 'takes'>) => {
      const at = address(number + 1 + (number > 2 ? 1 : 0))
      const http = over === 'http' ? { http: crashHttp(name, at, places) } : {}
      return new Machine(options, random.fork(), find, {
        ...machineSpec(name, number, at, directory),
        ...http,
        ...more,
      })
    }
    this.#options = options
    this.#machines = [
      machine(SENDER, 1, { offers: layout.offers, takes: layout.senderTakes }),
      machine(RECEIVER, 2, { takes: layout.receiverTakes }),
    ]
    this.#gateway = null
    if (over === 'binary') return
    const frontEnds = FRONT_ENDS.map((name, index) =>
      machine(name, 3 + index, { takes: { ...layout.receiverTakes, node: name, lanes: [] } }),
    )
    this.#machines.push(...frontEnds)
    this.#gateway = createHttpGateway({
      listen: { address: places.cluster, port: CRASH_HTTP_PORT },
      hosts: frontEnds.map(({ spec: { name, address } }) => ({ name, address, port: CRASH_HTTP_PORT })),
      balance: random.pick(['connection', 'request'] as const),
      spread: 'random',
      seed: options.seed,
      source: 'translate',
    })
  }

  async run(): Promise<CrashCampaignReport> {
    const { durationMs, directory, seed } = this.#options
    mkdirSync(directory, { recursive: true })
    await this.#gateway?.start()
    const startedMs = performance.now()
    const isOver = this.#overAfter(startedMs)
    const ended = () => isOver() || this.#findings.length > 0 || this.#options.signal?.aborted === true
    const telling = setInterval(() => this.#tell(Math.max(0, startedMs + durationMs - performance.now())), 1_000)
    try {
      await Promise.all(this.#machines.map(machine => machine.liveAndDie(ended)))
      this.#options.signal?.throwIfAborted()
      if (this.#findings.length === 0) await this.#drain()
    } finally {
      clearInterval(telling)
    }
    const verdict = checkCrashes(CRASH_QUEUES, this.#ledgers())
    return {
      ...verdict,
      // What could not be brought to its end is not to be judged by its ledgers.
      findings: this.#findings.length > 0 ? this.#findings : verdict.findings,
      seed,
      durationMs,
      kills: this.#sum(machine => machine.kills),
      killsInWrites: this.#sum(machine => machine.killsInWrites),
      killsWhileOpening: this.#sum(machine => machine.killsWhileOpening),
    }
  }

  /** Whether the killing is over: the time is, and enough was done, or nobody waits for it any longer. */
  #overAfter(startedMs: number): () => boolean {
    const { durationMs, atLeast } = this.#options
    let nextLookMs = startedMs + durationMs
    return () => {
      const nowMs = performance.now()
      if (nowMs < nextLookMs) return false
      if (atLeast === undefined || nowMs >= startedMs + atLeast.withinMs || this.#isDone(atLeast)) return true
      nextLookMs = nowMs + LOOK_MS
      return false
    }
  }

  #isDone(atLeast: CrashCampaignWork): boolean {
    if (this.#sum(({ kills }) => kills) < atLeast.kills) return false
    // its findings are of no use yet: much is under way
    const { tally } = checkCrashes(CRASH_QUEUES, this.#ledgers())
    return tally.accepted >= atLeast.accepted && tally.taken >= atLeast.taken
  }

  #sum(count: (machine: Machine) => number): number {
    return this.#machines.reduce((total, each) => total + count(each), 0)
  }

  /** Ends what still runs, as after a failure. */
  async clear(): Promise<void> {
    await Promise.all(this.#machines.map(machine => machine.clear()))
    await this.#gateway?.stop()
  }

  #tell(leftMs: number): void {
    const kills = this.#machines.map(({ name, kills }) => `${name} killed ${kills} times`).join(', ')
    this.#options.onProgress?.(`${kills}; ${Math.ceil(leftMs / 1000)} s left`)
  }

  /** A last life for both, in which what is under way arrives. */
  async #drain(): Promise<void> {
    this.#options.onProgress?.('letting the queues drain')
    for (const machine of this.#machines) if (!(await machine.rise())) return
    const deadlineMs = performance.now() + DRAIN_MS
    // their clock is this one: they are on this machine
    let quietSinceMs = Date.now()
    while (!this.#machines.every(machine => machine.sampledMs - quietSinceMs >= QUIET_MS)) {
      if (performance.now() > deadlineMs) {
        this.#findings.push(`never drained: ${this.#machines.map(machine => machine.depths).join('; ')}`)
        return
      }
      await sleep(DRAIN_POLL_MS)
      if (!this.#machines.every(machine => machine.isEmpty)) quietSinceMs = Date.now()
    }
    for (const machine of this.#machines) await machine.stop()
  }

  #ledgers(): NodeLedgers[] {
    const [sender, receiver, ...frontEnds] = this.#machines.map(({ spec }) => spec)
    return nodeLedgers(
      readLedger(sender!.offersLedger),
      readLedger(sender!.takesLedger),
      readLedger(receiver!.takesLedger),
      frontEnds.map(({ takesLedger }) => readLedger(takesLedger)),
    )
  }
}

type MachineSpec = Omit<CrashNodeSpec, 'life' | 'seed' | 'kill' | 'storeBytesMax'>

function machineSpec(name: string, number: number, address: string, directory: string): Omit<MachineSpec, 'takes'> {
  return {
    kind: 'crash-node',
    name,
    guid: `0000000${number}-0000-4000-8000-00000000000${number}` as Guid,
    sequenceTimeStamp: 0x6000_0000 + number,
    address,
    port: 1801,
    settings: SETTINGS,
    queues: CRASH_QUEUES,
    directory: join(directory, name),
    offersLedger: join(directory, `${name}-offers.jsonl`),
    takesLedger: join(directory, `${name}-takes.jsonl`),
  }
}

/** One of them: a disk, and one process after the other on it. */
class Machine {
  readonly spec: MachineSpec
  kills = 0
  killsInWrites = 0
  killsWhileOpening = 0
  readonly #options: CrashCampaignOptions
  readonly #random: Random
  readonly #find: (finding: string) => void
  #life = 0
  #handle: NodeHandle | null = null

  constructor(options: CrashCampaignOptions, random: Random, find: (finding: string) => void, spec: MachineSpec) {
    this.#options = options
    this.#random = random
    this.#find = find
    this.spec = spec
  }

  get name(): string {
    return this.spec.name
  }

  /** Life after life, until `ended`. */
  async liveAndDie(ended: () => boolean): Promise<void> {
    while (!ended()) await this.#liveOnce(ended)
  }

  /** A life that nobody ends. Returns whether it came about. */
  async rise(): Promise<boolean> {
    const handle = this.#begin()
    try {
      await handle.opened()
      return true
    } catch (error) {
      this.#find(`${this.name}, life ${this.#life}: ${(error as Error).message}`)
      return false
    }
  }

  get isEmpty(): boolean {
    const sample = this.#handle?.lastSample ?? null
    return sample !== null && sample.outgoingMessages === 0 && sample.localMessages === 0
  }

  /** Wall clock of what is known of it; a machine that stands still, or has not been heard of, is behind. */
  get sampledMs(): number {
    return this.#handle?.lastSample?.atMs ?? 0
  }

  get depths(): string {
    const sample = this.#handle?.lastSample
    return `${this.name} has ${sample?.outgoingMessages} outgoing, ${sample?.localMessages} waiting or under way`
  }

  async stop(): Promise<void> {
    const exit = await this.#handle?.stop(STOP_MS)
    if (exit?.orderly === false)
      this.#find(`${this.name} did not stop in order: ${exit.failure?.message ?? exit.signal}`)
  }

  async clear(): Promise<void> {
    if (this.#handle?.running !== true) return
    this.#handle.kill()
    await this.#handle.exited
  }

  async #liveOnce(ended: () => boolean): Promise<void> {
    const random = this.#random
    const share = random.unit()
    if (share < OPENING_SHARE) {
      const handle = this.#begin()
      await sleep(random.unit() * OPENING_MS_MAX)
      await this.#die(handle, 'opening')
      return
    }
    const inWrite = share < OPENING_SHARE + IN_WRITE_SHARE
    const place: KillPlace | undefined = inWrite
      ? {
          write: 1 + Math.floor(KILL_WRITE_MAX * random.unit() ** 2),
          when: random.pick(['before', 'under way', 'durable']),
        }
      : undefined
    const handle = this.#begin({
      ...(place !== undefined && { kill: place }),
      ...(random.chance(FULL_SHARE) && {
        storeBytesMax: random.between(FULL_BYTES_MIN, FULL_BYTES_MAX),
        takes: { ...this.spec.takes, everyMs: SLOW_TAKES_EVERY_MS },
      }),
    })
    // a process that comes to its place early may not have said that it is ready
    await handle.opened().catch(() => undefined)
    handle.start()
    const lifeMs = inWrite ? LIFE_MS_MAX : -(this.#options.lifeMs ?? LIFE_MS) * Math.log(1 - random.unit())
    const untilMs = performance.now() + Math.min(lifeMs, LIFE_MS_MAX)
    while (handle.running && performance.now() < untilMs && !ended()) {
      const restMs = Math.max(1, Math.min(100, untilMs - performance.now()))
      await Promise.race([sleep(restMs), handle.exited])
    }
    await this.#die(handle, inWrite && !handle.running ? 'write' : 'random')
  }

  async #die(handle: NodeHandle, where: 'opening' | 'write' | 'random'): Promise<void> {
    handle.kill()
    const exit = await handle.exited
    if (exit.failure !== null || (exit.signal !== 'SIGKILL' && exit.exitCode !== null)) {
      const how = exit.failure?.message ?? `ended by itself, exit code ${exit.exitCode}`
      this.#find(`${this.name}, life ${this.#life}: ${how}`)
    }
    this.kills += 1
    if (where === 'write') this.killsInWrites += 1
    if (where === 'opening') this.killsWhileOpening += 1
  }

  #begin(fate: Partial<Pick<CrashNodeSpec, 'kill' | 'storeBytesMax' | 'takes'>> = {}): NodeHandle {
    this.#life += 1
    this.#handle = new NodeHandle({ ...this.spec, ...fate, life: this.#life, seed: this.#random.u32() }, {})
    return this.#handle
  }
}
