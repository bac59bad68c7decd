import { execFileSync } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { PlaneError } from '../plane.js'

/**
 * A named pipe that a program takes for a log file: its lines come in their order, none is lost, and nothing grows. It
 * holds 64 KiB; a program that writes faster than lines are read waits.
 */
export class LogPipe {
  readonly path: string
  readonly #socket: Socket
  readonly #lines: Interface

  /** @throws {PlaneError} */
  constructor(path: string, onLine: (line: string) => void) {
    this.path = path
    makePipe(path)
    // for writing too: else it would end whenever the program has it closed for a moment
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    this.#socket = new Socket({ fd, readable: true, writable: false })
    this.#socket.on('error', () => {})
    this.#lines = createInterface({ input: this.#socket }).on('line', onLine)
  }

  /** After what is in it now was read. The program must be gone. */
  async close(): Promise<void> {
    let bytes = -1
    while (bytes !== this.#socket.bytesRead) {
      bytes = this.#socket.bytesRead
      await new Promise(resolve => setTimeout(resolve, QUIET_MS))
    }
    this.#lines.close()
    this.#socket.destroy()
  }
}

function makePipe(path: string): void {
  try {
    execFileSync('mkfifo', ['-m', '600', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'mkfifo is not on the PATH: it is of coreutils' : message.trim()
    throw new PlaneError('MSMQ_PLANE_LACKING', 'nginx', `no pipe for its log: ${what}`, { cause })
  }
}

/** What is in a pipe is there at once; one look after the other finds its end. */
const QUIET_MS = 10
