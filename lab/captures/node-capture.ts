import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { PartFile } from '../../capture/recording/part-file.js'
import { Recorder } from '../../capture/recording/recorder.js'
import { agreeOnWallTime, preciseWallMs } from '../../transport/clock.js'
import type { SocketsTap } from '../../transport/wire-tap.js'
import type { CaptureSpec } from '../node-spec.js'

/** What one machine of a run on sockets writes of the connections that it opens, in a file of its own for each of its lives. */
export class NodeCapture implements SocketsTap {
  readonly wire: Recorder
  readonly #part: PartFile
  readonly #acceptedFrom: ReadonlySet<string>
  #failure: Error | null = null

  constructor(node: string, { folder, names, acceptedFrom, application, seed, wallAheadMs }: CaptureSpec) {
    agreeOnWallTime(wallAheadMs)
    const life = `${process.pid}-${threadId}`
    this.#part = new PartFile(join(folder, `${node}-${life}.pcapng`), new Map(names), application, error => {
      this.#failure = error
    })
    // whoever puts the parts together tells a machine that had nothing to write from a file that was cut
    this.#part.flush()
    this.#acceptedFrom = new Set(acceptedFrom)
    this.wire = new Recorder({ nowMs: preciseWallMs, seed, sink: this.#part })
  }

  tellsAccepted(client: string): boolean {
    return this.#acceptedFrom.has(client)
  }

  /** What happened so far is in the file, also if the machine is killed. */
  flush(): void {
    this.wire.catchUp()
    this.#part.flush()
  }

  /** @throws the system's error, if not all could be written */
  close(): void {
    this.wire.finish()
    this.#part.close()
    if (this.#failure !== null) throw this.#failure
  }
}
