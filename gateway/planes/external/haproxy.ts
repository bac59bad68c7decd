import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { renderHaproxy } from '../../render/haproxy.js'
import type { Service } from '../../render/services.js'
import type { HostState } from '../http-options.js'
import { type PlaneCounters, PlaneError } from '../plane.js'
import { ChildProgram, makeFolder, removeFolder } from './child-program.js'
import { DrivenPlane } from './driven-plane.js'
import { type ExternalPlane, type ExternalPlaneOptions, requireProgram } from './external-plane.js'
import { askHaproxy, readServerStats } from './haproxy-admin.js'
import { HAPROXY_HTTP_FORMAT, HAPROXY_TCP_FORMAT, HaproxyLog, type HaproxyReport } from './haproxy-log.js'
import { type HostCount, HostTotals } from './host-totals.js'
import type { MemberOrder } from './member-orders.js'

/** How long sessions have to end, once they are told to, before the program is ended. */
const SESSIONS_END_MS = 1000
const STOP_MS = 2000
const LOOK_AGAIN_MS = 20

const STATES: Readonly<Record<HostState, string>> = { up: 'ready', draining: 'drain', down: 'maint' }

/** One HAProxy process, with the services that it was started for. */
interface Process {
  readonly program: ChildProgram
  readonly folder: string
  readonly admin: string
  readonly services: readonly Service[]
  /** What it was last told, by service and member. */
  readonly told: Map<string, MemberOrder>
  /** What its log says has ended, by host. */
  readonly ended: Map<string, HostCount>
}

/**
 * HAProxy as the plane of a cluster, 2.6 or later. Hosts' states and weights reach it by its admin socket; other rules or
 * hosts start a second process that takes the ports over, while the first one serves what it has. A host that is down by
 * the model or by order loses its sessions at once, by a reset: HAProxy has no silence.
 */
export function createHaproxyPlane(options: ExternalPlaneOptions): ExternalPlane {
  return new HaproxyPlane(options)
}

class HaproxyPlane extends DrivenPlane {
  readonly #totals: HostTotals
  #current: Process | undefined
  /** Of former rules or hosts: each serves what it has, then ends. */
  readonly #former = new Set<Process>()
  readonly #log: HaproxyLog
  #path = ''

  constructor(options: ExternalPlaneOptions) {
    super('haproxy', options)
    this.#log = new HaproxyLog(options.source)
    this.#totals = new HostTotals(() => options.cluster.config.hosts.map(({ name }) => name))
  }

  async start(): Promise<void> {
    if (this.#current !== undefined) return
    this.#path = requireProgram('haproxy', this.options)
    this.#current = await this.#launch()
    await this.#tell(this.#current)
    // what has changed since its configuration was written
    this.queue.changed()
  }

  async stop(): Promise<void> {
    await this.queue.applied().catch(() => {})
    const processes = [...this.#former, ...(this.#current === undefined ? [] : [this.#current])]
    this.#current = undefined
    await Promise.all(processes.map(one => this.#end(one)))
  }

  protected get runs(): boolean {
    return this.#current !== undefined
  }

  async counters(): Promise<PlaneCounters> {
    await Promise.all([this.#current, ...this.#former].map(one => one && this.#measure(one).catch(() => {})))
    return this.#totals.counters({ silences: 0, splitBrains: 0 })
  }

  protected async apply(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    if (shape(this.#tcpServices()) !== shape(current.services)) {
      const next = await this.#launch(current)
      this.#current = next
      this.#retire(current)
      await this.#tell(next)
    } else await this.#tell(current)
  }

  /** HAProxy carries no UDP. */
  #tcpServices(): Service[] {
    return this.services().filter(({ protocol }) => protocol === 'tcp')
  }

  async #launch(former?: Process): Promise<Process> {
    const { cluster, threads = 1, report = true } = this.options
    const services = this.#tcpServices()
    const orders = this.orders(services)
    const folder = makeFolder('haproxy')
    const admin = join(folder, 'admin.sock')
    const file = join(folder, 'haproxy.cfg')
    const told = new Map<string, MemberOrder>()
    const { text } = renderHaproxy(cluster.config, {
      ...this.options,
      adminSocket: admin,
      threads,
      driven: { formats: report ? { tcp: HAPROXY_TCP_FORMAT, http: HAPROXY_HTTP_FORMAT } : null },
      // who is not simply up is let in by an order, so that nobody gets through in between
      stateOf: (host, rule) => {
        const service = services.find(one => one.rule === rule)
        const order = orders.find(one => one.host === host && one.service === service?.name)
        return order?.state === 'up' ? 'up' : 'down'
      },
    })
    for (const order of orders) told.set(key(order), { ...order, state: order.state === 'up' ? 'up' : 'down' })
    const ended = new Map<string, HostCount>()
    try {
      writeFileSync(file, text)
      const program = await ChildProgram.start({
        plane: 'haproxy',
        path: this.#path,
        args: ['-db', '-f', file, ...(former === undefined ? [] : ['-sf', String(former.program.pid)])],
        folder,
        isReady: () =>
          askHaproxy(admin, 'show version').then(
            answer => answer !== '',
            () => false,
          ),
        ...(report && { onOutput: (line: string) => this.#read(services, ended, line) }),
        onComplaint: line => this.#heard(services, line),
        onDied: error => this.#died(error),
      })
      return { program, folder, admin, services, told, ended }
    } catch (error) {
      removeFolder(folder)
      throw error
    }
  }

  /** Orders what differs from what was ordered before. */
  async #tell({ admin, told }: Process): Promise<void> {
    const commands: string[] = []
    const orders = this.orders(this.#tcpServices())
    for (const order of orders) {
      const before = told.get(key(order))
      const server = key(order)
      if (before?.weight !== order.weight) commands.push(`set weight ${server} ${order.weight}`)
      if (before?.state === order.state) continue
      commands.push(`set server ${server} state ${STATES[order.state]}`)
      if (order.state === 'down') commands.push(`shutdown sessions server ${server}`)
    }
    if (commands.length === 0) return
    let answer: string
    try {
      answer = await askHaproxy(admin, ...commands)
    } catch (error) {
      throw new PlaneError(
        'MSMQ_PLANE_CHANGE',
        'haproxy',
        `its admin socket does not answer: ${(error as Error).message}`,
        {
          cause: error,
          definite: false,
        },
      )
    }
    if (answer !== '')
      throw new PlaneError('MSMQ_PLANE_CHANGE', 'haproxy', `it refused an order: ${answer.replace(/\s+/g, ' ')}`, {
        definite: false,
      })
    for (const order of orders) told.set(key(order), order)
  }

  #read(services: readonly Service[], ended: Map<string, HostCount>, line: string): void {
    const report = this.#log.read(line, services)
    if (report === null) return
    addReport(ended, report)
    const { onDecision, onClosed, onRequest } = this.options
    onDecision?.(report.decision)
    if (report.closed !== undefined) onClosed?.(report.closed)
    if (report.request !== undefined) onRequest?.(report.request)
  }

  /** What checks found. */
  #heard(services: readonly Service[], line: string): void {
    const found = /Server (\S+)_hosts\/(\S+) is (UP|DOWN)[ ,.]/.exec(line)
    if (found === null || /maintenance|leaving|entering/.test(line)) return
    const [, name, id, state] = found
    const member = services.find(service => service.name === name)?.members.find(one => one.id === id)
    if (member !== undefined) this.options.onHostState?.(member.host, state === 'UP' ? 'up' : 'down')
  }

  async #measure({ admin, services, program }: Process): Promise<void> {
    const stats = readServerStats(await askHaproxy(admin, 'show stat'))
    for (const { backend, server, connections, active, bytesIn, bytesOut, connectErrors } of stats) {
      const service = services.find(({ name }) => `${name}_hosts` === backend)
      const member = service?.members.find(({ id }) => id === server)
      if (member === undefined) continue
      this.#totals.set(`${program.pid} ${backend}/${server}`, member.host, {
        connections,
        active,
        bytesToHost: bytesIn,
        bytesToClient: bytesOut,
        failures: connectErrors,
      })
    }
  }

  /** It has given the ports away and ends when its last session does. */
  #retire(former: Process): void {
    this.#former.add(former)
    former.program.release()
    void former.program.closed.then(() => {
      if (this.#former.delete(former)) this.#forget(former)
    })
  }

  /** First what is open is ended, so that its lines are written and counted; then the program. */
  async #end(one: Process): Promise<void> {
    const { admin, services, program } = one
    try {
      const fronts = services.map(({ name }) => `shutdown frontend ${name}`)
      const servers = [...one.told.keys()].map(server => `shutdown sessions server ${server}`)
      await askHaproxy(admin, ...fronts, ...servers)
      const deadlineMs = performance.now() + SESSIONS_END_MS
      do {
        await this.#measure(one)
        await sleep(LOOK_AGAIN_MS)
      } while (this.#totals.active(String(program.pid)) > 0 && performance.now() < deadlineMs)
    } catch {
      // it does not answer any more: what it has said before stands
    }
    this.#former.delete(one)
    await program.stop(STOP_MS)
    this.#forget(one)
  }

  /** It has ended, and all its lines were read. */
  #forget({ program, folder, ended }: Process): void {
    this.#totals.ended(String(program.pid), this.options.report === false ? null : ended)
    removeFolder(folder)
  }

  #died(error: PlaneError): void {
    const gone = this.#current
    if (gone !== undefined && !gone.program.running) {
      this.#current = undefined
      this.#forget(gone)
      this.options.onFailed?.(error)
    }
  }
}

/** What only another process can take over: all but states and weights. */
function shape(services: readonly Service[]): string {
  return JSON.stringify(
    services.map(service => ({ ...service, members: service.members.map(({ weight, ...member }) => member) })),
  )
}

function key({ service, id }: MemberOrder): string {
  return `${service}_hosts/${id}`
}

function addReport(ended: Map<string, HostCount>, { decision, closed, request }: HaproxyReport): void {
  if (decision.host === null) return
  const before = ended.get(decision.host)
  const failed = closed?.manner === 'hostDown' ? 1 : 0
  ended.set(decision.host, {
    connections: (before?.connections ?? 0) + 1,
    active: 0,
    bytesToHost: (before?.bytesToHost ?? 0) + (closed?.toHost.bytes ?? request?.bytesToHost ?? 0),
    bytesToClient: (before?.bytesToClient ?? 0) + (closed?.toClient.bytes ?? request?.bytesToClient ?? 0),
    failures: (before?.failures ?? 0) + failed,
  })
}
