import { ipBytes } from '../../../protocol/ip-address.js'
import type { ClusterConfig } from '../../nlb/cluster-config.js'
import { isJenkinsHash } from '../../nlb/jhash.js'
import { type PlaneCounters, PlaneError, type PlaneHostCounters } from '../plane.js'
import { commonFilter, type HostFilter, hostFilters, removedFilter } from './host-filter.js'
import { countElements, countTracked, type KernelCount, readCounters } from './kernel-counts.js'
import type { KernelPlane, KernelPlaneOptions, Machine } from './kernel-options.js'
import { type Cable, cableCommand, machineScript, middleScript, portScript, type Wiring } from './links.js'
import { Namespaces, removeAbandoned } from './namespaces.js'
import { nlbRules, powerRules } from './nlb-rules.js'
import { findProgram, kernelError, namespacesLacking, runProgram } from './programs.js'
import { type RouterMode, routerRules } from './router-rules.js'
import { TABLE } from './rule-text.js'

/** The machine in the middle: no name of a host or a machine can be the same. */
const MIDDLE = 'middle'

const NO_COUNT: KernelCount = { packets: 0, bytes: 0 }

/**
 * See {@link KernelPlane} for how it is used. Nothing happens before `start`.
 * @throws {PlaneError} `MSMQ_PLANE_SETUP`: a hash that the kernel does not know, an IPv6 address, a name used twice.
 */
export function createKernelPlane(options: KernelPlaneOptions): KernelPlane {
  return new NamespacePlane(options)
}

class NamespacePlane implements KernelPlane {
  readonly mode: KernelPlane['mode']
  readonly #options: KernelPlaneOptions
  readonly #seed: number
  readonly #namespaces = new Namespaces()
  /** By machine: wired, or about to be. */
  readonly #cables = new Map<string, Cable>()
  /** Filters that are in force, by host; under `nlb`. */
  readonly #filters = new Map<string, HostFilter>()
  /** Rules that are in force, by machine. */
  readonly #texts = new Map<string, string>()
  /** Machines that were ever planned. */
  #planned = 0
  #isUp = false
  #isStale = false
  #work: Promise<void> | undefined
  #failure: PlaneError | undefined

  constructor(options: KernelPlaneOptions) {
    const { cluster, mode, machines = [] } = options
    if (!isJenkinsHash(cluster.hash)) throw setupError(`the kernel cannot evaluate ${cluster.hash.name}: choose jhash`)
    this.mode = mode
    this.#options = options
    this.#seed = cluster.hash.seed
    for (const address of [...cluster.config.addresses, options.snatAddress ?? []].flat()) checkAddress(address)
    for (const host of cluster.config.hosts) this.#plan(host, true)
    for (const machine of machines) this.#plan(machine, false)
  }

  async start(): Promise<void> {
    const lacking = namespacesLacking()
    if (lacking !== null) throw new PlaneError('MSMQ_PLANE_LACKING', 'kernel', lacking)
    try {
      await removeAbandoned()
      await this.#namespaces.add(MIDDLE)
      await this.#namespaces.run(MIDDLE, middleScript(this.#wiring))
      await Promise.all(Array.from(this.#cables.values(), cable => this.#wire(cable)))
      await this.#apply()
    } catch (error) {
      await this.#namespaces.removeAll().catch(() => {})
      throw error instanceof PlaneError ? error : kernelError('could not set up network namespaces', error)
    }
    this.#isUp = true
    for (const { name } of this.#options.cluster.config.hosts) this.#announce(name)
    // what has changed since the rules were made
    this.changed()
  }

  async stop(): Promise<void> {
    this.#isUp = false
    await this.#work
    await this.#namespaces.removeAll()
    this.#texts.clear()
    this.#filters.clear()
  }

  changed(): void {
    if (!this.#isUp) return
    this.#isStale = true
    this.#work ??= this.#catchUp().finally(() => {
      this.#work = undefined
    })
  }

  async applied(): Promise<void> {
    await this.#work
    if (this.#failure !== undefined) throw this.#failure
  }

  namespaceOf(machine: string): string {
    return this.#namespaces.nameOf(this.#cable(machine).name)
  }

  addressOf(machine: string): string {
    return this.#cable(machine).address
  }

  command(machine: string, commandLine: readonly string[]): string[] {
    return [findProgram('ip') ?? 'ip', 'netns', 'exec', this.namespaceOf(machine), ...commandLine]
  }

  async connections(host: string): Promise<number> {
    const { mark } = this.#cable(host)
    if (mark === null) throw new RangeError(`${host} is no host of the cluster`)
    if (this.mode !== 'nlb') return (await this.#tracked()).get(mark) ?? 0
    return countElements(await this.#namespaces.run(host, `nft -j list set netdev ${TABLE} connections`))
  }

  async counters(): Promise<PlaneCounters> {
    const hosts = [...this.#cables.values()].filter(({ mark }) => mark !== null)
    if (this.mode === 'nlb') {
      const each = hosts.map(async ({ name }) => [name, await this.#countersOfHost(name)] as const)
      return { hosts: Object.fromEntries(await Promise.all(each)), silences: null, splitBrains: null, failures: {} }
    }
    const [counts, tracked] = await Promise.all([this.#counts(MIDDLE), this.#tracked()])
    return {
      hosts: Object.fromEntries(
        hosts.map(({ name, mark }): [string, PlaneHostCounters] => [
          name,
          {
            connections: counts(`opened_${mark}`).packets,
            active: tracked.get(mark!) ?? 0,
            datagrams: counts(`datagrams_${mark}`).packets,
            bytesToHost: null,
            bytesToClient: null,
          },
        ]),
      ),
      silences: counts('nobody').packets,
      splitBrains: 0,
      failures: {},
    }
  }

  async #countersOfHost(host: string): Promise<PlaneHostCounters> {
    const [counts, active] = await Promise.all([this.#counts(host), this.connections(host)])
    return {
      connections: counts('opened').packets,
      active,
      datagrams: counts('datagrams').packets,
      bytesToHost: counts('received').bytes,
      bytesToClient: counts('sent').bytes,
    }
  }

  async #counts(machine: string): Promise<(name: string) => KernelCount> {
    const counters = readCounters(await this.#namespaces.run(machine, 'nft -j list counters'))
    return name => counters.get(name) ?? NO_COUNT
  }

  async #tracked(): Promise<Map<number, number>> {
    return countTracked(await this.#namespaces.run(MIDDLE, 'cat /proc/net/nf_conntrack'))
  }

  async #catchUp(): Promise<void> {
    while (this.#isStale && this.#isUp) {
      this.#isStale = false
      try {
        await this.#apply()
        this.#failure = undefined
      } catch (error) {
        this.#failure = error instanceof PlaneError ? error : kernelError('could not apply a change', error)
        this.#options.onError?.(this.#failure)
      }
    }
  }

  async #apply(): Promise<void> {
    const { cluster } = this.#options
    const { config } = cluster
    const filters = hostFilters(cluster)
    const added = config.hosts.filter(({ name }) => !this.#cables.has(name))
    await Promise.all(
      added.map(async host => {
        const cable = this.#plan(host, true)
        try {
          await this.#wire(cable)
        } catch (error) {
          // with the next change it is tried anew
          await this.#namespaces.remove(host.name).catch(() => {})
          this.#cables.delete(host.name)
          throw error
        }
        this.#announce(host.name)
      }),
    )
    if (this.mode === 'nlb') await this.#applyToHosts(config, filters)
    else await this.#applyToRouter(config, this.mode, filters)
  }

  async #applyToRouter(config: ClusterConfig, mode: RouterMode, filters: readonly HostFilter[]): Promise<void> {
    const priorities = new Map(config.hosts.map(({ name, priority }) => [name, priority]))
    const ranked = filters.toSorted((a, b) => priorities.get(a.host)! - priorities.get(b.host)!)
    const hosts = [...this.#cables.values()].flatMap(({ mark, ...host }) => (mark === null ? [] : { ...host, mark }))
    const input = { config, mode, seed: this.#seed, filters: ranked, hosts, snatAddress: this.#wiring.snatAddress }
    await Promise.all([
      this.#load(MIDDLE, routerRules(input)),
      ...filters.map(({ host, connected }) => this.#load(host, powerRules(connected))),
    ])
  }

  /** Each host's table is replaced at once, but not all tables at one moment: first all give up, then all take. */
  async #applyToHosts(config: ClusterConfig, present: readonly HostFilter[]): Promise<void> {
    const removed = [...this.#filters.values()].filter(({ host }) => !present.some(one => one.host === host))
    const filters = [...present, ...removed.map(filter => removedFilter(filter, config.rules.length))]
    for (const step of [commonFilter, (_: HostFilter | undefined, after: HostFilter) => after])
      await Promise.all(
        filters.map(async after => {
          const filter = step(this.#filters.get(after.host), after)
          await this.#load(after.host, nlbRules(config, this.#seed, filter))
          this.#filters.set(after.host, filter)
        }),
      )
  }

  /** The model is not told of each connection: a drain has to wait for `connections`. */
  #announce(host: string): void {
    this.#options.cluster.countConnections(host, 0, 0)
  }

  async #load(machine: string, rules: string): Promise<void> {
    if (this.#texts.get(machine) === rules) return
    try {
      await runProgram('ip', ['netns', 'exec', this.#namespaces.nameOf(machine), 'nft', '-f', '-'], rules)
    } catch (error) {
      throw kernelError(`nftables refused the rules of ${machine}`, error)
    }
    this.#texts.set(machine, rules)
  }

  async #wire(cable: Cable): Promise<void> {
    const namespace = this.#namespaces.nameOf(cable.name)
    await this.#namespaces.add(cable.name)
    await runProgram('ip', ['-batch', '-'], cableCommand(cable, this.#namespaces.nameOf(MIDDLE), namespace))
    await this.#namespaces.run(MIDDLE, portScript(this.#wiring, cable))
    await this.#namespaces.run(cable.name, machineScript(this.#wiring, cable))
  }

  /** Gives a machine its place. */
  #plan({ name, address }: Machine, isHost: boolean): Cable {
    if (name === MIDDLE || this.#cables.has(name)) throw setupError(`two machines are named ${name}`)
    checkAddress(address)
    const other = [...this.#cables.values()].find(cable => cable.address === address)
    if (other !== undefined) throw setupError(`${name} and ${other.name} have the same address ${address}`)
    if (this.#options.cluster.config.addresses.includes(address))
      throw setupError(`${address} of ${name} is the cluster's: a machine needs its own`)
    const index = this.#planned++
    const cable = { name, address, index, mark: isHost ? index + 1 : null }
    this.#cables.set(name, cable)
    return cable
  }

  #cable(machine: string): Cable {
    const cable = this.#cables.get(machine)
    if (cable === undefined)
      throw new RangeError(`there is no machine ${machine}: one of ${[...this.#cables.keys()].join(', ')}`)
    return cable
  }

  get #wiring(): Wiring {
    const { config } = this.#options.cluster
    return { config, mode: this.mode, snatAddress: this.#options.snatAddress ?? config.addresses[0]! }
  }
}

const setupError = (what: string) => new PlaneError('MSMQ_PLANE_SETUP', 'kernel', what)

function checkAddress(address: string): void {
  const bytes = ipBytes(address)
  if (bytes.length !== 4) throw setupError(`${address}: the kernel plane is for IPv4`)
  if (bytes[0] === 127)
    throw setupError(`${address}: loopback addresses do not cross networks; choose such as 10.7.0.11`)
}
