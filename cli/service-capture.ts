import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import type { MachineNames } from '../capture/recording/machine-names.js'
import { PartFile } from '../capture/recording/part-file.js'
import { Recorder } from '../capture/recording/recorder.js'
import { preciseWallMs } from '../transport/clock.js'
import type { SocketsTap } from '../transport/wire-tap.js'
import { packageVersion } from './program.js'

/** So much is lost at most of the file when the process is killed. */
const FLUSH_INTERVAL_MS = 200

/** All that one program that runs until it is told to stop sends and receives, written to a capture as it happens. */
export class ServiceCapture implements SocketsTap {
  readonly wire: Recorder
  readonly #file: PartFile
  readonly #timer: NodeJS.Timeout

  /** A file of that name is written over. What cannot be written later is told to the log, once. @throws the system's error */
  constructor(path: string, names: MachineNames, logger: Logger) {
    this.#file = new PartFile(path, names, `mqlab ${packageVersion()}`, error =>
      logger.error({ event: 'capture-failed', file: path, error: error.message }, 'the capture ends here'),
    )
    this.wire = new Recorder({ nowMs: preciseWallMs, seed: randomInt(2 ** 32), sink: this.#file })
    this.#timer = setInterval(() => {
      this.wire.catchUp()
      this.#file.flush()
    }, FLUSH_INTERVAL_MS).unref()
  }

  tellsAccepted(): boolean {
    return true
  }

  close(): void {
    clearInterval(this.#timer)
    this.wire.finish()
    this.#file.close()
  }
}
