import { AffinityList } from './affinity-list.js'
import type { ClusterConfig, HostConfig } from './cluster-config.js'
import type { NlbEventKind } from './events.js'
import type { FilterAnswer, FilterQuestion } from './filter.js'
import { BUCKET_COUNT } from './hash.js'
import { type ConvergencePhase, type Heartbeat, type RuleOffer, sameOffers } from './heartbeat.js'
import { nextOwnership } from './ownership.js'
import type { HostVerdict } from './packet.js'
import { type HostRule, type PortRule, type PortState, rulesCode } from './port-rule.js'

/** What a host can do to the world around it. */
export interface HostSurroundings {
  /** To all that can hear it, at once. */
  send(from: NlbHost, heartbeat: Heartbeat): void
  event(host: NlbHost, kind: NlbEventKind, detail?: string): void
  /** Something that verdicts depend on is new. */
  changed(): void
}

/** Beats in agreement before a convergence is done, and when its phases begin. [D] for the sums, [S] for the counting. */
const AGREED_BEATS = { '2003': { stable1: 3, stable2: 3, done: 3 }, '2008r2': { stable1: 3, stable2: 9, done: 10 } }

const MS_PER_MINUTE = 60_000

interface Member {
  heartbeat: Heartbeat
  heardMs: number
  /** What it owned before the convergence under way: who is done first already speaks of the new maps. */
  claims: Heartbeat['owned']
}

/**
 * One host of a cluster as its own driver sees things: it knows its configuration and what heartbeats it has heard, and
 * nothing else. Whom it counts as members, whether they agree, and which buckets are its own follow from that.
 *
 * A convergence ends for all when the host of the best priority, once everybody has agreed for long enough, says so: so
 * no bucket has two owners at any moment, unless hosts do not hear each other. How Windows hands buckets over is not
 * public beyond "current", "new", "idle" and "ready" maps. [S]
 */
export class NlbHost {
  readonly slot: number
  readonly name: string
  readonly priority: number
  readonly address: string
  rules: readonly PortRule[]
  perRule: HostRule[]
  portStates: PortState[]
  /** In cluster mode. */
  running = false
  suspended = false
  draining = false
  /** The machine has lost power. */
  crashed = false
  phase: ConvergencePhase = 'phase1'
  /** Since when it has been in its phase or, when converged, in cluster with these members. */
  sinceMs = 0
  /** Whether it has ever had buckets since it started. */
  joined = false
  /** Is the default host of the cluster it converged with. */
  isDefault = false
  nextBeatMs = 0
  /** For each rule, and the default at the end: 60 flags. */
  owned: Uint8Array[]
  held: AffinityList[]
  /** Connections that it has, by a key of both ends. */
  readonly connections = new Set<string>()
  /** Of a plane that counts by itself. */
  countedConnections = 0
  /** Whether there is such a plane. */
  isCounted = false
  /** A drain has begun since it counted last: what it said then says nothing about its end. */
  awaitsCount = false
  /** When what drains is cut off; Infinity = never. By rule, the host's own at the end. */
  drainUntilMs: number[]
  readonly #config: ClusterConfig
  readonly #around: HostSurroundings
  readonly #members = new Map<number, Member>()
  readonly #verdicts = new Map<FilterAnswer, HostVerdict>()
  #agreedBeats = 0
  #rulesCode: string

  constructor(slot: number, host: HostConfig, cluster: ClusterConfig, around: HostSurroundings) {
    this.slot = slot
    this.name = host.name
    this.priority = host.priority
    this.address = host.address
    this.#config = cluster
    this.#around = around
    this.rules = host.rules
    this.perRule = [...host.perRule]
    this.portStates = host.rules.map(() => 'enabled')
    this.owned = emptyMaps(host.rules)
    this.held = host.rules.map(() => new AffinityList())
    this.drainUntilMs = noDeadlines(host.rules)
    this.#rulesCode = rulesCode(host.rules)
    this.suspended = host.initial === 'suspended'
  }

  /** Slots of all that it counts as members, itself included. */
  get members(): number[] {
    return [this.slot, ...this.#members.keys()].sort((a, b) => a - b)
  }

  get connectionCount(): number {
    return this.connections.size + this.countedConnections
  }

  /** Where it has a rule, or -1; of what no rule covers (undefined), after the last. */
  placeOf(rule: PortRule | undefined): number {
    if (rule === undefined) return this.rules.length
    const place = this.rules.indexOf(rule)
    return place >= 0 ? place : this.rules.findIndex(own => rulesCode([own]) === rulesCode([rule]))
  }

  /** An answer of its filter, under its name. */
  verdictOf(answer: FilterAnswer): HostVerdict {
    const known = this.#verdicts.get(answer)
    if (known !== undefined) return known
    const verdict = { host: this.name, ...answer }
    this.#verdicts.set(answer, verdict)
    return verdict
  }

  /** Which other member says that it holds a client, so that this host must leave the client alone; null: none. */
  holderOf(rule: number, client: string): string | null {
    for (const { heartbeat } of this.#members.values()) if (heartbeat.held[rule]?.has(client)) return heartbeat.name
    return null
  }

  connectionOpened({ connectionKey, rule, client }: FilterQuestion): void {
    if (this.connections.has(connectionKey)) return
    this.connections.add(connectionKey)
    if (client !== null) this.held[rule]!.opened(client)
  }

  connectionEnded({ connectionKey, rule, client }: FilterQuestion, nowMs: number): void {
    if (!this.connections.delete(connectionKey)) return
    if (client !== null) this.held[rule]!.ended(client, nowMs)
    this.endDrains(nowMs)
  }

  start(nowMs: number, beatOffsetMs: number): void {
    this.running = true
    this.draining = false
    this.nextBeatMs = nowMs + beatOffsetMs
    this.#members.clear()
    this.#giveUp()
    this.#enter('phase1', nowMs)
    this.#around.event(this, 'cluster-started')
    this.#around.changed()
  }

  /** Leaves at once; its connections are lost. [D] */
  stop(): void {
    const last = { ...this.#heartbeat(), leaving: true }
    // others answer at once, and it must not answer back
    this.#end()
    this.#around.send(this, last)
    this.#around.event(this, 'cluster-stopped')
    this.#around.changed()
  }

  /** Power failure: nobody is told. */
  crash(): void {
    this.crashed = true
    this.#end()
    this.#around.changed()
  }

  /** As it stands in a cluster that converged long ago; everybody has heard everybody. */
  settle(nowMs: number, others: readonly Heartbeat[]): void {
    for (const heartbeat of others)
      this.#members.set(heartbeat.slot, { heartbeat, heardMs: nowMs, claims: heartbeat.owned })
    this.#commit(nowMs)
  }

  /** Others must hear of a change in what this host takes: all converge. */
  offersChanged(nowMs: number): void {
    if (!this.running) return
    this.#converge(nowMs, 'what this host takes has changed')
    this.#around.changed()
  }

  /** Its idea of the rules is another now. Ports that it had disabled are open again. */
  replaceRules(rules: readonly PortRule[], perRule: readonly HostRule[], nowMs: number): void {
    const before = this.rules
    const placeBefore = rules.map(rule => before.findIndex(other => rulesCode([other]) === rulesCode([rule])))
    this.portStates = placeBefore.map(place => this.portStates[place] ?? 'enabled')
    this.owned = [
      ...placeBefore.map(place => this.owned[place] ?? new Uint8Array(BUCKET_COUNT)),
      this.owned.at(-1) ?? new Uint8Array(BUCKET_COUNT),
    ].map((map, index) => (placeBefore[index] === -1 ? new Uint8Array(BUCKET_COUNT) : map))
    this.held = placeBefore.map(place => this.held[place] ?? new AffinityList())
    this.rules = rules
    this.perRule = [...perRule]
    this.drainUntilMs = noDeadlines(rules)
    this.#rulesCode = rulesCode(rules)
    this.offersChanged(nowMs)
    this.#around.changed()
  }

  /** Once a period: looks who is gone, whether all agree, and says where it stands. */
  beat(nowMs: number): void {
    const { heartbeatPeriodMs, heartbeatsMissedMax } = this.#config.parameters
    this.nextBeatMs += heartbeatPeriodMs
    let lost = false
    for (const [slot, { heardMs, heartbeat }] of this.#members) {
      if (nowMs - heardMs < heartbeatPeriodMs * heartbeatsMissedMax) continue
      lost = true
      this.#members.delete(slot)
      this.#around.event(this, 'host-lost', heartbeat.name)
      this.#converge(nowMs, `${heartbeat.name} is gone`)
    }
    this.#endDrains(nowMs)
    if (!this.running) return
    for (const [rule, { timeoutMinutes }] of this.rules.entries())
      if (timeoutMinutes > 0) this.held[rule]!.expire(timeoutMinutes * MS_PER_MINUTE, nowMs)
    // the beat at which somebody is missed begins the convergence; the next is its first
    if (this.phase !== 'converged' && !lost) this.#countAgreement(nowMs)
    this.#around.send(this, this.#heartbeat())
  }

  heard(heartbeat: Heartbeat, nowMs: number): void {
    const known = this.#members.get(heartbeat.slot)
    if (heartbeat.leaving) {
      if (known === undefined) return
      this.#members.delete(heartbeat.slot)
      this.#converge(nowMs, `${heartbeat.name} leaves`)
      return
    }
    const claims = known === undefined || heartbeat.phase !== 'converged' ? heartbeat.owned : known.claims
    this.#members.set(heartbeat.slot, { heartbeat, heardMs: nowMs, claims })
    if (known === undefined) {
      this.#meet(heartbeat, nowMs)
      return
    }
    const before = known.heartbeat
    if (before.rulesCode !== heartbeat.rulesCode || !sameOffers(before.offers, heartbeat.offers))
      this.#converge(nowMs, `${heartbeat.name} has changed`)
    else if (this.phase === 'converged') {
      if (heartbeat.phase !== 'converged') this.#converge(nowMs, `${heartbeat.name} converges`)
    } else if (this.#isCommit(heartbeat)) {
      this.#commit(nowMs)
      this.#around.send(this, this.#heartbeat())
    }
  }

  /** Ends a drain that has nothing left to wait for, or waited long enough. */
  endDrains(nowMs: number): void {
    if (this.running) this.#endDrains(nowMs)
  }

  heartbeat(): Heartbeat {
    return this.#heartbeat()
  }

  #meet(heartbeat: Heartbeat, nowMs: number): void {
    this.#around.event(this, 'host-heard', heartbeat.name)
    if (heartbeat.priority === this.priority)
      this.#around.event(this, 'duplicate-priority', `${heartbeat.name} has ${heartbeat.priority} too`)
    if (heartbeat.rulesCode !== this.#rulesCode) this.#around.event(this, 'rules-differ', heartbeat.name)
    // both had converged by themselves: they had lost sight of each other
    if (heartbeat.phase === 'converged' && this.phase === 'converged')
      this.#around.event(this, 'duplicate-subnets', heartbeat.name)
    this.#converge(nowMs, `${heartbeat.name} is there`)
  }

  #converge(nowMs: number, why: string): void {
    const begins = this.phase === 'converged'
    this.#enter('phase1', nowMs)
    if (begins) this.#around.event(this, 'converging', why)
    // others must not go on counting on what this host said before
    this.#around.send(this, this.#heartbeat())
  }

  #countAgreement(nowMs: number): void {
    if (!this.#allAgree()) {
      this.#enter('phase1', nowMs)
      return
    }
    this.#agreedBeats++
    const { stable1, stable2, done } = AGREED_BEATS[this.#config.parameters.profile]
    if (this.#agreedBeats >= done && this.#leads() && this.#othersAgreed(done - 1)) {
      this.#commit(nowMs)
      return
    }
    const phase = this.#agreedBeats >= stable2 ? 'stable2' : this.#agreedBeats >= stable1 ? 'stable1' : 'phase1'
    if (phase !== this.phase && phase !== 'phase1') {
      this.phase = phase
      this.sinceMs = nowMs
    }
  }

  /** Everybody it hears sees the same members and has the same rules, and no priority is there twice. */
  #allAgree(): boolean {
    const view = this.#memberBits()
    const priorities = new Set([this.priority])
    for (const { heartbeat } of this.#members.values()) {
      if (heartbeat.members !== view || heartbeat.rulesCode !== this.#rulesCode) return false
      if (priorities.has(heartbeat.priority)) return false
      priorities.add(heartbeat.priority)
    }
    return true
  }

  #othersAgreed(beats: number): boolean {
    for (const { heartbeat } of this.#members.values()) if (heartbeat.agreedBeats < beats) return false
    return true
  }

  #leads(): boolean {
    for (const { heartbeat } of this.#members.values()) if (heartbeat.priority < this.priority) return false
    return true
  }

  #isCommit(heartbeat: Heartbeat): boolean {
    if (heartbeat.phase !== 'converged' || heartbeat.members !== this.#memberBits()) return false
    if (this.#agreedBeats < AGREED_BEATS[this.#config.parameters.profile].done - 1) return false
    for (const { heartbeat: other } of this.#members.values()) if (other.priority < heartbeat.priority) return false
    return heartbeat.priority < this.priority && this.#allAgree()
  }

  #commit(nowMs: number): void {
    const others = Array.from(this.#members.values(), ({ heartbeat, claims }) => ({ ...heartbeat, owned: claims }))
    const maps = nextOwnership(this.rules, [this.#heartbeat(), ...others])
    this.owned = maps.map(map => Uint8Array.from(map, owner => (owner === this.priority ? 1 : 0)))
    this.phase = 'converged'
    this.sinceMs = nowMs
    this.joined = true
    this.isDefault = this.#leads()
    this.#around.event(this, this.isDefault ? 'converged-as-default' : 'converged', this.#memberNames())
    this.#around.changed()
  }

  #enter(phase: ConvergencePhase, nowMs: number): void {
    this.#agreedBeats = 0
    if (this.phase !== phase) this.sinceMs = nowMs
    this.phase = phase
  }

  #endDrains(nowMs: number): void {
    const nodeUntilMs = this.drainUntilMs[this.rules.length]!
    const isIdle = this.connectionCount === 0 && !this.awaitsCount
    if (this.draining && (isIdle || nowMs >= nodeUntilMs)) {
      this.stop()
      return
    }
    for (const [rule, state] of this.portStates.entries()) {
      if (state !== 'draining' || nowMs < this.drainUntilMs[rule]!) continue
      this.portStates[rule] = 'disabled'
      this.#around.event(this, 'rule-disabled', 'its drain took too long')
      this.#around.changed()
    }
  }

  /** What it had is not its own any more. */
  #giveUp(): void {
    this.owned = emptyMaps(this.rules)
    this.joined = false
    this.isDefault = false
    this.connections.clear()
    this.countedConnections = 0
    for (const list of this.held) list.clear()
    this.drainUntilMs = noDeadlines(this.rules)
  }

  #end(): void {
    this.running = false
    this.draining = false
    this.#members.clear()
    this.#giveUp()
    this.phase = 'phase1'
  }

  #heartbeat(): Heartbeat {
    return {
      slot: this.slot,
      name: this.name,
      priority: this.priority,
      phase: this.phase,
      rulesCode: this.#rulesCode,
      members: this.#memberBits(),
      agreedBeats: this.#agreedBeats,
      offers: [...this.rules.map((_, rule) => this.#offer(rule)), this.#defaultOffer()],
      owned: this.owned,
      held: this.rules.map(({ timeoutMinutes }, rule) => (timeoutMinutes > 0 ? this.held[rule]!.clients : NO_CLIENTS)),
      leaving: false,
    }
  }

  #offer(rule: number): RuleOffer {
    const { weight, handlingPriority } = this.perRule[rule]!
    return { open: !this.draining && this.portStates[rule] === 'enabled', weight, handlingPriority }
  }

  #defaultOffer(): RuleOffer {
    return { open: !this.draining, weight: 0, handlingPriority: this.priority }
  }

  #memberBits(): number {
    let bits = 1 << this.slot
    for (const slot of this.#members.keys()) bits |= 1 << slot
    return bits
  }

  #memberNames(): string {
    const members = Array.from(this.#members.values(), ({ heartbeat: { name, priority } }) => ({ name, priority }))
    return [...members, this]
      .sort((a, b) => a.priority - b.priority)
      .map(({ name }) => name)
      .join(', ')
  }
}

const NO_CLIENTS: ReadonlySet<string> = new Set()

function emptyMaps(rules: readonly PortRule[]): Uint8Array[] {
  return Array.from({ length: rules.length + 1 }, () => new Uint8Array(BUCKET_COUNT))
}

function noDeadlines(rules: readonly PortRule[]): number[] {
  return Array.from({ length: rules.length + 1 }, () => Number.POSITIVE_INFINITY)
}
