import { execFile } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { renderNginx } from '../../render/nginx.js'
import type { Service } from '../../render/services.js'
import type { HostState } from '../http-options.js'
import { type PlaneCounters, PlaneError } from '../plane.js'
import { ChildProgram, makeFolder, removeFolder } from './child-program.js'
import { DrivenPlane } from './driven-plane.js'
import { type ExternalPlane, type ExternalPlaneOptions, requireProgram } from './external-plane.js'
import { LogPipe } from './log-pipe.js'
import { NGINX_HTTP_FORMAT, NGINX_TCP_FORMAT, NginxLog } from './nginx-log.js'
import { NginxTotals } from './nginx-totals.js'

const STOP_MS = 2000
/** How long nginx may take to read its configuration again. */
const RELOAD_MS = 10_000

interface Running {
  readonly program: ChildProgram
  readonly folder: string
  readonly pipe: LogPipe | null
  readonly log: NginxLog
  readonly streamModule: string | null
  text: string
}

/**
 * nginx as the plane of a cluster, 1.22 or later, the open-source edition. Each change is a new configuration and a SIGHUP:
 * new worker processes take what comes, the old ones serve what they have and end with it. A host that is taken out so
 * keeps its connections, also when the model calls it down.
 */
export function createNginxPlane(options: ExternalPlaneOptions): ExternalPlane {
  return new NginxPlane(options)
}

class NginxPlane extends DrivenPlane {
  readonly #totals: NginxTotals
  readonly #watchers = new Set<(line: string) => void>()
  #running: Running | undefined

  constructor(options: ExternalPlaneOptions) {
    super('nginx', options)
    this.#totals = new NginxTotals(() => options.cluster.config.hosts.map(({ name }) => name))
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return
    const path = requireProgram('nginx', this.options)
    const streamModule = await findStreamModule(path)
    const folder = makeFolder('nginx')
    const { onDecision, onClosed, onRequest, report = true, source } = this.options
    const totals = this.#totals
    const log = new NginxLog(source, {
      onDecision(decision) {
        totals.decided(decision)
        onDecision?.(decision)
      },
      onClosed(event) {
        totals.closed(event)
        onClosed?.(event)
      },
      onRequest(request) {
        totals.requested(request)
        onRequest?.(request)
      },
      onDatagram: host => totals.datagram(host),
      onFailure: (_, code) => totals.failed(code),
    })
    let pipe: LogPipe | null = null
    try {
      pipe = report ? new LogPipe(join(folder, 'log'), line => this.#heard(log, line)) : null
      const text = this.#text(log, streamModule, pipe)
      const file = join(folder, 'nginx.conf')
      const pid = join(folder, 'nginx.pid')
      writeFileSync(file, text)
      const program = await ChildProgram.start({
        plane: 'nginx',
        path,
        args: ['-e', 'stderr', '-p', folder, '-c', file],
        folder,
        // it has bound all its ports by then
        isReady: () => existsSync(pid) && statSync(pid).size > 0,
        onComplaint: line => this.#heard(log, line),
        onDied: error => void this.#died(error),
      })
      this.#running = { program, folder, pipe, log, streamModule, text }
      // what has changed since its configuration was written
      this.queue.changed()
    } catch (error) {
      await pipe?.close()
      removeFolder(folder)
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.queue.applied().catch(() => {})
    const running = this.#running
    this.#running = undefined
    if (running === undefined) return
    await running.program.stop(STOP_MS)
    await this.#cleanUp(running)
  }

  protected get runs(): boolean {
    return this.#running !== undefined
  }

  counters(): PlaneCounters {
    return this.#totals.counters(this.options.report === false ? null : (this.#running?.log.active() ?? new Map()))
  }

  protected async apply(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    const { log, streamModule, pipe, folder, program } = running
    const text = this.#text(log, streamModule, pipe)
    if (text === running.text) return
    writeFileSync(join(folder, 'nginx.conf'), text)
    const done = this.#reloaded()
    program.signal('SIGHUP')
    await done
    running.text = text
  }

  #text(log: NginxLog, streamModule: string | null, pipe: LogPipe | null): string {
    const { cluster, threads = 1 } = this.options
    const services = this.services()
    log.serve(services)
    const states = this.#states(services)
    return renderNginx(cluster.config, {
      ...this.options,
      workers: threads,
      driven: {
        streamModule,
        user: process.getuid?.() === 0 ? 'root' : null,
        log: pipe === null ? null : { path: pipe.path, tcpFormat: NGINX_TCP_FORMAT, httpFormat: NGINX_HTTP_FORMAT },
      },
      stateOf: (host, rule) => states.get(`${rule} ${host}`) ?? 'up',
    }).text
  }

  #states(services: readonly Service[]): Map<string, HostState> {
    const rules = new Map(services.map(({ name, rule }) => [name, rule]))
    return new Map(this.orders(services).map(({ service, host, state }) => [`${rules.get(service)} ${host}`, state]))
  }

  /** New workers have the ports and the old ones have let them go. Rejects with what nginx says against it. */
  #reloaded(): Promise<void> {
    const { threads: old = 1 } = this.options
    let left = old
    return new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer)
        this.#watchers.delete(watch)
        act()
      }
      const refuse = (why: string) =>
        finish(() =>
          reject(new PlaneError('MSMQ_PLANE_CHANGE', 'nginx', `it did not take a change: ${why}`, { definite: false })),
        )
      const watch = (line: string) => {
        const trouble = /\[emerg\] \d+#\d+: (.*)$/.exec(line)
        if (trouble !== null) refuse(trouble[1] ?? line)
        else if (/gracefully shutting down$/.test(line) && --left === 0) finish(resolve)
      }
      const timer = setTimeout(() => refuse(`no word within ${RELOAD_MS} ms`), RELOAD_MS)
      this.#watchers.add(watch)
    })
  }

  #heard(log: NginxLog, line: string): void {
    log.read(line)
    for (const watch of this.#watchers) watch(line)
  }

  async #died(error: PlaneError): Promise<void> {
    const running = this.#running
    this.#running = undefined
    if (running === undefined) return
    for (const watch of this.#watchers) watch('[emerg] 0#0: it ended')
    await this.#cleanUp(running)
    this.options.onFailed?.(error)
  }

  async #cleanUp({ pipe, log, folder }: Running): Promise<void> {
    await pipe?.close()
    log.ended()
    removeFolder(folder)
  }
}

/** Path of the module `stream`, or null where it is built in. */
async function findStreamModule(path: string): Promise<string | null> {
  const { stderr } = await promisify(execFile)(path, ['-V']).catch((error: unknown) => {
    throw new PlaneError('MSMQ_PLANE_PROGRAM', 'nginx', `${path} cannot be run`, { cause: error })
  })
  if (/--with-stream(?!\S)/.test(stderr)) return null
  const folder = /--modules-path=(\S+)/.exec(stderr)?.[1]
  const module = folder === undefined ? undefined : join(folder, 'ngx_stream_module.so')
  if (module === undefined || !existsSync(module))
    throw new PlaneError(
      'MSMQ_PLANE_PROGRAM',
      'nginx',
      'its module stream is not installed (Debian: apt-get install libnginx-mod-stream)',
    )
  return module
}
