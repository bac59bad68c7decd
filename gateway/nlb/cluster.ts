import { AcceptorTable } from './acceptor-table.js'
import { carryOut } from './administration.js'
import { clientKey } from './affinity-list.js'
import { HOST_ID_MAX } from './bucket-map.js'
import {
  type ClusterConfig,
  ClusterConfigError,
  type ClusterInput,
  clusterConfig,
  type HostConfig,
  type HostInput,
} from './cluster-config.js'
import { type NlbEvent, type NlbEventKind, nlbEvent } from './events.js'
import { accept, drop, type FilterAnswer, type FilterQuestion, filter } from './filter.js'
import { BUCKET_COUNT, type BucketHash, nlbSub1 } from './hash.js'
import type { Heartbeat } from './heartbeat.js'
import { type HostSurroundings, NlbHost } from './host.js'
import { type HostView, hostView } from './host-view.js'
import type { CommandOptions, CommandResult, NlbVerb } from './operations.js'
import type { ClusterVerdict, HostVerdict, Packet } from './packet.js'
import { findRule, type PortRule, type PortState, sameRules } from './port-rule.js'
import { Segment } from './segment.js'

export interface NlbClusterOptions {
  readonly config: ClusterConfig
  /** Default `nlb-sub-1`, a substitute for the unpublished hash of Windows NLB. */
  readonly hash?: BucketHash
  onEvent?(event: NlbEvent): void
  /** Something that verdicts depend on is new. Called once for each call of the cluster that changed something. */
  onChange?(): void
}

/**
 * A cluster of NLB hosts on an injected clock, all in one place: their drivers, the heartbeats between them, and what lies
 * between them and their clients. There is no dispatcher in it: each packet is put to every host's filter, and what comes
 * of that can be one acceptor, none, or several. Nothing happens but by calls; times are milliseconds of any clock that
 * does not go back. Names of hosts that do not exist are answered with a `RangeError`.
 */
export class NlbCluster {
  readonly hash: BucketHash
  readonly #onEvent: (event: NlbEvent) => void
  readonly #onChange: () => void
  readonly #around: HostSurroundings
  readonly #segment = new Segment()
  #config: ClusterConfig
  /** By slot; a host that was removed leaves its place to the next. */
  #slots: (NlbHost | undefined)[]
  /** In the order of the configuration. */
  #order: readonly NlbHost[]
  #nowMs = 0
  #changed = false
  #table: AcceptorTable | undefined
  /** Heartbeats that were sent and not yet heard by all. */
  readonly #underWay: { readonly from: NlbHost; readonly heartbeat: Heartbeat }[] = []

  constructor({ config, hash = nlbSub1, onEvent = () => {}, onChange = () => {} }: NlbClusterOptions) {
    this.#config = config
    this.hash = hash
    this.#onEvent = onEvent
    this.#onChange = onChange
    this.#around = {
      send: (from, heartbeat) => this.#deliver(from, heartbeat),
      event: (host, kind, detail) => this.#tell(host, kind, detail),
      changed: () => this.#touch(),
    }
    this.#slots = config.hosts.map((host, slot) => new NlbHost(slot, host, config, this.#around))
    this.#order = [...this.#slots] as NlbHost[]
  }

  /** With what has changed since. */
  get config(): ClusterConfig {
    return this.#config
  }

  /** Every host in its initial state; the cluster has to converge first. */
  start(nowMs: number): void {
    this.#at(nowMs, () => {
      for (const [host, { initial, beatOffsetMs }] of this.#configured()) {
        this.#tell(host, 'driver-started')
        if (initial === 'started') host.start(nowMs, beatOffsetMs)
      }
    })
  }

  /** Instead of `start`: a cluster that has been up for long. What cannot converge does not here either. */
  settle(nowMs: number): void {
    this.start(nowMs)
    const hosts = this.#hosts().filter(({ running }) => running)
    const heartbeats = hosts.map(host => host.heartbeat())
    const agree =
      new Set(heartbeats.map(({ priority }) => priority)).size === hosts.length &&
      new Set(heartbeats.map(({ rulesCode }) => rulesCode)).size === 1
    if (!agree) return
    this.#at(nowMs, () => {
      for (const host of hosts)
        host.settle(
          nowMs,
          heartbeats.filter(({ slot }) => slot !== host.slot),
        )
    })
  }

  /** All that is due until then, in its order: heartbeats, detection, convergence, the ends of drains and affinities. */
  advance(nowMs: number): void {
    this.#at(nowMs, () => {})
  }

  /** When `advance` is wanted next; Infinity where no host runs. */
  nextDueMs(): number {
    return this.#nextToBeat()?.nextBeatMs ?? Number.POSITIVE_INFINITY
  }

  /** Puts a packet to every host's filter; changes nothing. */
  verdict(packet: Packet): ClusterVerdict {
    return this.#ask(this.#question(packet))
  }

  /** The same; each host that accepts a TCP packet has the connection from now on. */
  open(packet: Packet): ClusterVerdict {
    const question = this.#question(packet)
    const verdict = this.#ask(question)
    if (packet.protocol !== 'tcp') return verdict
    this.#at(this.#nowMs, () => {
      for (const [index, host] of this.#hosts().entries()) {
        const { accepts, reason } = verdict.verdicts[index]!
        if (reason === 'own-address' || reason === 'unreachable' || reason === 'not-delivered') continue
        const own = this.#questionOf(host, question)
        if (accepts) host.connectionOpened(own)
        // who had one between the same ends sees that the client has begun anew elsewhere
        else host.connectionEnded(own, this.#nowMs)
      }
    })
    return verdict
  }

  /** The connection that a packet would belong to has ended, for all who had it. */
  close(packet: Packet): void {
    const question = this.#question(packet)
    this.#at(this.#nowMs, () => {
      for (const host of this.#hosts()) host.connectionEnded(this.#questionOf(host, question), this.#nowMs)
    })
  }

  /**
   * Who would take a new connection (protocol 6) or datagram (17): bit n for the host of slot n, which is its place in
   * `config.hosts` as long as none was removed. IPv4 addresses as numbers. Allocates nothing. What extended affinity adds
   * for single clients is not in it.
   */
  acceptorsV4(protocol: 6 | 17, source: number, sourcePort: number, destination: number, port: number): number {
    this.#table ??= this.#acceptorTable()
    return this.#table.acceptors(protocol, source, sourcePort, destination, port)
  }

  /**
   * How many connections a host has that this model was not told of one by one. Once a host has been counted, its drains
   * wait for a count of 0 that came after they began.
   */
  countConnections(host: string, count: number, nowMs: number): void {
    this.#at(nowMs, () => {
      const one = this.#named(host)
      one.countedConnections = count
      one.isCounted = true
      one.awaitsCount = false
      one.endDrains(nowMs)
    })
  }

  /** An order to one host, or to all. A `RangeError` for a rule that does not exist. */
  command(verb: NlbVerb, host: string | 'all', nowMs: number, options: CommandOptions = {}): CommandResult[] {
    const portRule = options.rule === undefined ? undefined : this.#rule(options.rule)
    const event = this.#around.event
    return this.#at(nowMs, () =>
      this.#configured()
        .filter(([{ name }]) => host === 'all' || name === this.#named(host).name)
        .map(([one, { beatOffsetMs }]) => {
          const own = portRule === undefined ? options : { ...options, rule: one.placeOf(portRule) }
          return carryOut(one, verb, own, { nowMs, beatOffsetMs, event })
        }),
    )
  }

  setWeight(host: string, rule: number, weight: number, nowMs: number): void {
    this.#setPerRule(host, rule, { weight }, nowMs)
  }

  setHandlingPriority(host: string, rule: number, handlingPriority: number, nowMs: number): void {
    this.#setPerRule(host, rule, { handlingPriority }, nowMs)
  }

  /** Other rules on one host, which are then not the others', or on all. @throws {ClusterConfigError} */
  setRules(rules: NonNullable<ClusterInput['rules']>, nowMs: number, host?: string): void {
    const chosen = host === undefined ? null : this.#named(host).name
    const hosts = this.#config.hosts.map((one): HostInput => {
      const perRule = (chosen === null ? rules : one.rules).map((_, index) => one.perRule[index] ?? one.perRule[0])
      if (chosen === null) return { ...withoutRules(one), perRule }
      return one.name === chosen ? { ...withoutRules(one), rules, perRule: rules.map((_, i) => one.perRule[i]) } : one
    })
    const next = clusterConfig({ ...this.#config, ...(chosen === null && { rules }), hosts })
    this.#at(nowMs, () => {
      this.#configure(next)
      for (const [one, { rules: own, perRule }] of this.#configured())
        if (chosen === null || one.name === chosen) {
          one.replaceRules(own, perRule, nowMs)
          this.#tell(one, 'adjusted')
        }
    })
  }

  /** A new host, which starts as its `initial` says. @throws {ClusterConfigError} */
  addHost(host: HostInput, nowMs: number): void {
    const next = clusterConfig({ ...this.#config, hosts: [...this.#config.hosts, host] })
    const free = this.#slots.indexOf(undefined)
    const slot = free < 0 ? this.#slots.length : free
    if (slot >= HOST_ID_MAX) throw new ClusterConfigError([{ path: ['hosts'], what: `at most ${HOST_ID_MAX} hosts` }])
    const added = next.hosts.at(-1)!
    this.#at(nowMs, () => {
      const created = new NlbHost(slot, added, next, this.#around)
      this.#slots[slot] = created
      this.#configure(next)
      this.#tell(created, 'driver-started')
      if (added.initial === 'started') created.start(nowMs, added.beatOffsetMs)
    })
  }

  /** Stops a host for good. */
  removeHost(host: string, nowMs: number): void {
    const gone = this.#named(host)
    this.#at(nowMs, () => {
      if (gone.running) gone.stop()
      this.#slots[gone.slot] = undefined
      this.#segment.forget(gone.slot)
      this.#configure({ ...this.#config, hosts: this.#config.hosts.filter(({ name }) => name !== gone.name) })
    })
  }

  /** Power failure: no heartbeat, no packet, and nobody is told. */
  crash(host: string, nowMs: number): void {
    this.#at(nowMs, () => this.#named(host).crash())
  }

  /** A host that had crashed boots, with the initial state of its configuration. */
  recover(host: string, nowMs: number): void {
    this.#at(nowMs, () => {
      const one = this.#named(host)
      if (!one.crashed) return
      one.crashed = false
      const { initial, beatOffsetMs } = this.#configOf(one)
      one.suspended = initial === 'suspended'
      this.#tell(one, 'driver-started')
      if (initial === 'started') one.start(nowMs, beatOffsetMs)
      this.#touch()
    })
  }

  /**
   * Hosts hear only those of their own group; one in no group hears nobody. `clientsReach`: hosts that clients still
   * reach; default all.
   */
  partition(groups: readonly (readonly string[])[], nowMs: number, clientsReach?: readonly string[]): void {
    const slots = (names: readonly string[]) => names.map(name => this.#named(name).slot)
    this.#at(nowMs, () => {
      this.#segment.partition(groups.map(slots), clientsReach === undefined ? null : slots(clientsReach))
      this.#touch()
    })
  }

  /** Ends a partition. */
  heal(nowMs: number): void {
    this.#at(nowMs, () => {
      this.#segment.heal()
      this.#touch()
    })
  }

  /** Heartbeats of one host do not arrive at another, or at nobody; what is heard the other way still is. */
  muteHeartbeats(from: string, to: string | 'all', muted: boolean, nowMs: number): void {
    this.#at(nowMs, () => {
      const receivers = to === 'all' ? this.#hosts() : [this.#named(to)]
      for (const { slot } of receivers) this.#segment.mute(this.#named(from).slot, slot, muted)
    })
  }

  /** A switch has learned the cluster's MAC address: it sends frames for the cluster to one host only. Null: to all. */
  learnMac(host: string | null, nowMs: number): void {
    this.#at(nowMs, () => {
      this.#segment.onlyReceiver = host === null ? null : this.#named(host).slot
      this.#touch()
    })
  }

  hosts(): HostView[] {
    return this.#configured().map(([host, config]) =>
      hostView(host, config, slot => this.#slots[slot]?.name ?? `host ${slot}`, this.#receives(host)),
    )
  }

  /** Whether clients' packets for the cluster reach a host that would look at them, and its answers leave it. */
  reach(host: string): 'reachable' | 'unreachable' {
    const one = this.#named(host)
    return one.running && this.#receives(one) ? 'reachable' : 'unreachable'
  }

  /** Of each bucket of a rule, the names of all hosts that count it as their own. -1: what no rule covers. */
  owners(rule: number): string[][] {
    const portRule = rule === -1 ? undefined : this.#rule(rule)
    const running = this.#hosts().filter(host => host.running)
    return Array.from({ length: BUCKET_COUNT }, (_, bucket) =>
      running.filter(host => host.owned[host.placeOf(portRule)]?.[bucket] === 1).map(({ name }) => name),
    )
  }

  portState(host: string, rule: number): PortState {
    const one = this.#named(host)
    return one.portStates[one.placeOf(this.#rule(rule))] ?? 'disabled'
  }

  /** Whether all running hosts are converged, with each other. */
  converged(): boolean {
    const running = this.#hosts().filter(host => host.running)
    const all = running.map(({ slot }) => slot)
    const together = ({ members }: NlbHost) =>
      members.length === all.length && all.every(slot => members.includes(slot))
    return running.length > 0 && running.every(host => host.phase === 'converged' && together(host))
  }

  #setPerRule(name: string, rule: number, part: Partial<HostConfig['perRule'][number]>, nowMs: number): void {
    const host = this.#named(name)
    const place = host.placeOf(this.#rule(rule))
    const next = clusterConfig({
      ...this.#config,
      hosts: this.#config.hosts.map(one =>
        one.name === host.name
          ? { ...one, perRule: one.perRule.map((own, index) => (index === place ? { ...own, ...part } : own)) }
          : one,
      ),
    })
    this.#at(nowMs, () => {
      this.#configure(next)
      host.perRule = [...this.#configOf(host).perRule]
      this.#tell(host, 'adjusted')
      host.offersChanged(nowMs)
    })
  }

  #question(packet: Packet, rules = this.#config.rules): FilterQuestion {
    const { addresses, parameters } = this.#config
    const { protocol, sourceAddress, destinationAddress, fragment = false } = packet
    const sourcePort = fragment ? 0 : packet.sourcePort
    const destinationPort = fragment ? 0 : packet.destinationPort
    const found = protocol === 'icmp' ? -1 : findRule(rules, protocol, destinationAddress, destinationPort)
    const portRule = rules[found]
    return {
      packet,
      forCluster: addresses.includes(destinationAddress),
      rule: found === -1 ? rules.length : found,
      portRule,
      bucket:
        portRule?.mode === 'multiple' ? this.hash.bucket(portRule.affinity, sourceAddress, sourcePort) : NO_BUCKET,
      client:
        portRule !== undefined && portRule.timeoutMinutes > 0 ? clientKey(portRule.affinity, sourceAddress) : null,
      connectionKey: `${sourceAddress}:${sourcePort}>${destinationAddress}:${destinationPort}`,
      filterIcmp: parameters.filterIcmp,
      connectionsMax: parameters.connectionsMax,
    }
  }

  /** As it is to one host, which may have other rules than the cluster. */
  #questionOf({ rules }: NlbHost, question: FilterQuestion): FilterQuestion {
    return rules === this.#config.rules ? question : this.#question(question.packet, rules)
  }

  #ask(question: FilterQuestion): ClusterVerdict {
    const verdicts: HostVerdict[] = []
    const accepting: NlbHost[] = []
    for (const host of this.#order) {
      const answer = this.#keptFrom(host, question) ?? filter(host, this.#questionOf(host, question))
      verdicts.push(host.verdictOf(answer))
      if (answer.accepts) accepting.push(host)
    }
    const forAll = question.packet.protocol === 'icmp' && !question.filterIcmp
    const several = accepting.length > 1 && !forAll
    return {
      outcome: accepting.length === 0 ? 'black-hole' : several ? 'split-brain' : 'accepted',
      acceptors: accepting.sort((a, b) => a.priority - b.priority).map(({ name }) => name),
      verdicts,
      rule: question.portRule === undefined ? -1 : question.rule,
      bucket: question.portRule?.mode === 'multiple' ? question.bucket : null,
    }
  }

  /** What happens to a packet before a host's filter sees it; null: it sees it. */
  #keptFrom(host: NlbHost, { packet, forCluster }: FilterQuestion): FilterAnswer | null {
    if (host.crashed) return drop('unreachable')
    if (packet.sentBy !== undefined && forCluster && this.#named(packet.sentBy).running)
      return host.name === packet.sentBy ? accept('looped-back') : drop('not-delivered')
    if (!this.#segment.clientsReach(host.slot)) return drop('unreachable')
    return forCluster && !this.#segment.delivers(host.slot) ? drop('not-delivered') : null
  }

  #receives(host: NlbHost): boolean {
    return !host.crashed && this.#segment.clientsReach(host.slot) && this.#segment.delivers(host.slot)
  }

  #acceptorTable(): AcceptorTable {
    const { addresses, rules } = this.#config
    const up = this.#hosts().filter(host => !host.crashed && this.#segment.clientsReach(host.slot))
    const reached = up.filter(host => host.running && host.joined && this.#segment.delivers(host.slot))
    return new AcceptorTable(this.hash, addresses, rules, reached, up)
  }

  /** One after the other: what is heard is answered at times, and an answer must not overtake what was sent before. */
  #deliver(from: NlbHost, heartbeat: Heartbeat): void {
    this.#underWay.push({ from, heartbeat })
    if (this.#underWay.length > 1) return
    for (let sent = this.#underWay[0]; sent !== undefined; sent = this.#underWay[0]) {
      for (const host of this.#hosts())
        if (host !== sent.from && host.running && this.#segment.hears(host.slot, sent.from.slot))
          host.heard(sent.heartbeat, this.#nowMs)
      this.#underWay.shift()
    }
  }

  #nextToBeat(): NlbHost | undefined {
    let next: NlbHost | undefined
    for (const host of this.#slots)
      if (host?.running && (next === undefined || host.nextBeatMs < next.nextBeatMs)) next = host
    return next
  }

  /** Does something at a time, after all that was due before, and says once that things have changed if they have. */
  #at<Result>(nowMs: number, act: () => Result): Result {
    for (let next = this.#nextToBeat(); next !== undefined && next.nextBeatMs <= nowMs; next = this.#nextToBeat()) {
      this.#nowMs = Math.max(this.#nowMs, next.nextBeatMs)
      next.beat(this.#nowMs)
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    const result = act()
    if (this.#changed) {
      this.#changed = false
      this.#onChange()
    }
    return result
  }

  #touch(): void {
    this.#changed = true
    this.#table = undefined
  }

  #tell(host: NlbHost, kind: NlbEventKind, detail?: string): void {
    this.#onEvent(nlbEvent(this.#nowMs, host.name, kind, detail))
  }

  #hosts(): readonly NlbHost[] {
    return this.#order
  }

  /** In the order of the configuration. */
  #configured(): [NlbHost, HostConfig][] {
    return this.#order.map((host, index) => [host, this.#config.hosts[index]!])
  }

  /** Another configuration, for the hosts that are there. */
  #configure(config: ClusterConfig): void {
    const byName = new Map(this.#slots.flatMap(host => (host === undefined ? [] : [[host.name, host] as const])))
    this.#config = config
    this.#order = config.hosts.map(({ name }) => byName.get(name)!)
    for (const [host, { rules }] of this.#configured()) if (sameRules(host.rules, rules)) host.rules = rules
    this.#touch()
  }

  #configOf(host: NlbHost): HostConfig {
    return this.#config.hosts.find(({ name }) => name === host.name)!
  }

  #named(name: string): NlbHost {
    const host = this.#slots.find(one => one?.name === name)
    if (host === undefined)
      throw new RangeError(`there is no host ${name}: one of ${this.#config.hosts.map(one => one.name).join(', ')}`)
    return host
  }

  #rule(index: number): PortRule {
    const { rules } = this.#config
    const rule = rules[index]
    if (rule !== undefined) return rule
    throw new RangeError(
      `there is no rule ${index}: ${rules.length === 0 ? 'there are none' : `0 to ${rules.length - 1}`}`,
    )
  }
}

/** Where no bucket decides: maps are the same for all. */
const NO_BUCKET = 0

function withoutRules({ rules, ...rest }: HostConfig): HostInput {
  return rest
}
