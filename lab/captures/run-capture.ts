import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assembleCapture } from '../../capture/recording/assemble.js'
import { PartFile } from '../../capture/recording/part-file.js'
import { Recorder } from '../../capture/recording/recorder.js'
import type { RunView } from '../finding.js'
import type { RunGateway, RunNode } from '../history.js'
import type { NetworkTap } from '../sim/connection-tap.js'
import { commentFrames } from './frame-comments.js'
import { machineNames } from './machine-names.js'

export interface CapturedMachines {
  readonly nodes: readonly RunNode[]
  readonly gateway: RunGateway | null
  readonly seed: number
}

/**
 * The capture of one run. Its parts are written to a folder of their own while it runs; when it is over and judged they
 * become one file, in which frames that matter say why.
 */
export class RunCapture {
  readonly file: string
  readonly #application: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'mqlab-capture-'))
  readonly #parts: string[] = []
  #writing: { readonly part: PartFile; readonly recorder: Recorder } | null = null

  /** Makes sure that the file can be had. @param application what writes it, with its version @throws the system's error */
  constructor(file: string, application: string) {
    closeSync(openSync(file, 'a'))
    this.file = file
    this.#application = application
  }

  /** For the network of a simulation: what goes over all its wires, by virtual time. `nowMs` counts from 1970. */
  ofSimulation({ nodes, gateway, seed }: CapturedMachines, nowMs: () => number): NetworkTap {
    const part = new PartFile(this.#newPart('simulation'), machineNames(nodes, gateway), this.#application)
    const recorder = new Recorder({ nowMs, seed, sink: part })
    this.#writing = { part, recorder }
    return { recorder, nowMs }
  }

  /** Nothing more crosses a wire. */
  end(): void {
    this.#writing?.recorder.finish()
    this.#writing?.part.close()
    this.#writing = null
  }

  /** Writes the file, of a run that is over. */
  async finish(view: RunView): Promise<void> {
    this.end()
    const names = machineNames(view.run.nodes, view.run.gateway)
    const comments = await commentFrames(this.#parts, view)
    await assembleCapture(this.#parts, this.file, { names, comments, application: this.#application })
  }

  /** Takes away what it needed while it ran. */
  close(): void {
    this.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #newPart(name: string): string {
    const path = join(this.#folder, `${this.#parts.length}-${name}.pcapng`)
    this.#parts.push(path)
    return path
  }
}
