import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type AnyCommands, type RoleCommands, type RoleName, type RoleOptions, startRoleHere } from './roles.js'

export type ChildRequest =
  | { readonly id: number; readonly role: RoleName; readonly options: unknown }
  | { readonly id: number; readonly command: string; readonly argument: unknown }
export type ChildReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

/** A role that runs somewhere else; each of its commands is a call that resolves with what the command returned. */
export interface RoleProcess<K extends RoleName> {
  readonly role: K
  readonly pid: number
  call<C extends keyof RoleCommands<K> & string>(
    command: C,
    ...argument: RoleCommands<K>[C] extends (...words: infer A) => unknown ? A : never
  ): Promise<RoleCommands<K>[C] extends (...words: never[]) => infer R ? Awaited<R> : never>
}

export interface ProcessesOptions {
  /** This role stays in the calling process, so that a profiler attached to it sees that role and nothing else. */
  readonly inProcess?: RoleName | undefined
  /** A command that takes longer fails, and the run with it. Default 60,000. */
  readonly callTimeoutMs?: number
}

/** `within` runs the role by another command, such as `ip netns exec NAME`; it must leave the process its descriptors. */
export type StartRole = <K extends RoleName>(
  role: K,
  options: RoleOptions<K>,
  within?: readonly [string, ...string[]],
) => Promise<RoleProcess<K>>

const CHILD_PATH = fileURLToPath(new URL('./child.js', import.meta.url))
const CALL_TIMEOUT_MS = 60_000
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 2000

/** Gives `body` a function that starts roles in processes of their own, and ends every one of them afterwards, however
 *  `body` ends. A child that dies fails the calls that wait for it. */
export async function withProcesses<T>(options: ProcessesOptions, body: (start: StartRole) => Promise<T>): Promise<T> {
  const timeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS
  const children: Child[] = []
  const stops: (() => unknown)[] = []
  let hereTaken = false
  const start = async (role: RoleName, roleOptions: unknown, within?: readonly [string, ...string[]]) => {
    if (role === options.inProcess && !hereTaken && within === undefined) {
      hereTaken = true
      const commands = await startRoleHere(role, roleOptions)
      if (commands.close !== undefined) stops.push(() => commands.close!(undefined))
      const call = async (command: string, argument: unknown) => await commandOf(commands, command)(argument)
      return { role, pid: process.pid, call }
    }
    const child = new Child(role, timeoutMs, within)
    children.push(child)
    await child.request({ role, options: roleOptions })
    return { role, pid: child.pid, call: (command: string, argument: unknown) => child.request({ command, argument }) }
  }
  try {
    return await body(start as unknown as StartRole)
  } finally {
    await Promise.allSettled([...stops.map(stop => stop()), ...children.map(child => child.stop())])
  }
}

function commandOf(commands: AnyCommands, command: string): AnyCommands[string] {
  const found = commands[command]
  if (found === undefined) throw new Error(`no command ${command}`)
  return found
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

type RequestBody =
  | { readonly role: RoleName; readonly options: unknown }
  | { readonly command: string; readonly argument: unknown }

class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #exited: Promise<void>
  readonly #role: RoleName
  readonly #timeoutMs: number
  #lastId = 0

  constructor(role: RoleName, timeoutMs: number, within: readonly [string, ...string[]] | undefined) {
    this.#role = role
    this.#timeoutMs = timeoutMs
    // A profiler passes its hooks down in NODE_OPTIONS and execArgv; they are meant for the parent alone.
    const { NODE_OPTIONS: _, ...env } = process.env
    const [execPath, ...before] = within === undefined ? [process.execPath] : [...within, process.execPath]
    this.#process = fork(CHILD_PATH, [], {
      execPath,
      execArgv: [...before, '--enable-source-maps'],
      env,
      serialization: 'advanced',
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.#exited = new Promise(resolve => {
      this.#process.once('exit', (code, signal) => {
        this.#failAll(new Error(`the ${role} process ended (${signal ?? `exit ${code}`})`))
        resolve()
      })
      this.#process.once('error', error => {
        this.#failAll(error)
        resolve()
      })
    })
    this.#process.on('message', message => this.#settle(message as ChildReply))
  }

  /** `ip netns exec` becomes the program it runs, so this is the role's own also there. */
  get pid(): number {
    return this.#process.pid ?? 0
  }

  request(body: RequestBody): Promise<unknown> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      if (!this.#process.connected) return reject(new Error(`the ${this.#role} process is gone`))
      const [what, timeoutMs] = 'role' in body ? ['start', START_TIMEOUT_MS] : [body.command, this.#timeoutMs]
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new Error(`the ${this.#role} process did not answer ${what} within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#waiting.set(id, { resolve, reject, timer })
      this.#process.send({ id, ...body })
    })
  }

  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await this.#exited
    clearTimeout(timer)
  }

  #settle(reply: ChildReply): void {
    const waiting = this.#waiting.get(reply.id)
    if (waiting === undefined) return
    this.#waiting.delete(reply.id)
    clearTimeout(waiting.timer)
    if ('error' in reply) waiting.reject(new Error(`${this.#role}: ${reply.error}`))
    else waiting.resolve(reply.result)
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer)
      waiting.reject(error)
    }
    this.#waiting.clear()
  }
}
