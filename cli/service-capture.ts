import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import type { MachineNames } from '../capture/recording/machine-names.js'
import { PartFile } from '../capture/recording/part-file.js'
import { Recorder } from '../capture/recording/recorder.js'
import { WholeFile } from '../lab/whole-file.js'
import { preciseWallMs } from '../transport/clock.js'
import type { SocketsTap, WireTap } from '../transport/wire-tap.js'
import { packageVersion } from './program.js'

/** So much is lost at most of the file when the process is killed. */
const FLUSH_INTERVAL_MS = 200
/** Connections to itself that are not accepted yet. */
const TO_ITSELF_MAX = 10_000

/** All that one program that runs until it is told to stop sends and receives, written to a capture as it happens. */
export class ServiceCapture implements SocketsTap {
  readonly wire: WireTap
  readonly #recorder: Recorder
  /** Ends of connections to itself, which it tells of as the one that opens them. */
  readonly #toItself = new Set<string>()
  readonly #file: PartFile
  readonly #written: WholeFile
  readonly #timer: NodeJS.Timeout

  /** A file of that name stays until {@link begin}. What cannot be written later is told to the log, once. @throws the system's error */
  constructor(path: string, names: MachineNames, logger: Logger) {
    this.#written = new WholeFile(path)
    this.#file = new PartFile(this.#written.path, names, `mqlab ${packageVersion()}`, error =>
      logger.error({ event: 'capture-failed', file: path, error: error.message }, 'the capture ends here'),
    )
    const recorder = new Recorder({ nowMs: preciseWallMs, seed: randomInt(2 ** 32), sink: this.#file })
    this.#recorder = recorder
    this.wire = {
      connection: (client, server, atMs, link) => {
        if (client.address === server.address && this.#toItself.size < TO_ITSELF_MAX)
          this.#toItself.add(`${client.address}:${client.port}`)
        return recorder.connection(client, server, atMs, link)
      },
      datagram: (from, to, bytes, atMs, link) => recorder.datagram(from, to, bytes, atMs, link),
    }
    this.#timer = setInterval(() => {
      recorder.catchUp()
      this.#file.flush()
    }, FLUSH_INTERVAL_MS).unref()
  }

  /** The program has started: the file takes its name, and grows there. @throws the system's error */
  begin(): void {
    this.#written.keep()
  }

  tellsAccepted(client: string, port?: number): boolean {
    return !this.#toItself.delete(`${client}:${port}`)
  }

  /** Of a program that could not start nothing is left. */
  close(): void {
    clearInterval(this.#timer)
    this.#recorder.finish()
    this.#file.close()
    this.#written.discard()
  }
}
