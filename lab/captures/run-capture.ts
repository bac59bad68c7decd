import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { assembleCapture } from '../../capture/recording/assemble.js'
import { PartFile } from '../../capture/recording/part-file.js'
import { Recorder } from '../../capture/recording/recorder.js'
import { wallAheadMs } from '../../transport/clock.js'
import type { RunView } from '../finding.js'
import type { RunGateway, RunNode } from '../history.js'
import type { CaptureSpec } from '../node-spec.js'
import { kernelModeOf, type Plane } from '../planes.js'
import { GATEWAY_NAME } from '../scenario-nodes.js'
import type { NetworkTap } from '../sim/connection-tap.js'
import { WholeFile } from '../whole-file.js'
import { commentFrames } from './frame-comments.js'
import { machineNames } from './machine-names.js'
import { NetworkCaptures } from './network-captures.js'
import { partsLacking } from './parts-lacking.js'

export interface CapturedMachines {
  readonly nodes: readonly RunNode[]
  readonly gateway: RunGateway | null
  readonly seed: number
}

/** What the machines of a run on sockets have to do with its capture. */
export interface MachineCaptures {
  /** What a machine is to record itself; null: nothing. */
  specOf(node: string): CaptureSpec | null
  /** Machines have networks of their own, where commands begin so. */
  networks(inside: Readonly<Record<string, readonly string[]>>): Promise<void>
  /** Nothing more crosses those networks, which are there still: resolves when what has crossed is kept. */
  settled(): Promise<void>
}

/**
 * The capture of one run. When it is over and judged its parts become one file, in which frames that matter say why. Machines
 * write theirs to a temporary folder; a simulation, which a signal ends without anything that could clean up, its only one to
 * the file itself.
 */
export class RunCapture {
  readonly file: string
  readonly #application: string
  readonly #canReadBack: boolean
  #parts: string | null = null
  #written: WholeFile | null = null
  /** Machines that write parts of their own. */
  readonly #recording: string[] = []
  #writing: { readonly part: PartFile; readonly recorder: Recorder } | null = null

  #networks: NetworkCaptures | null = null
  #failure: Error | null = null

  /** Makes sure that the file can be had. @param application what writes it, with its version @throws the system's error */
  constructor(file: string, application: string) {
    const trial = new WholeFile(file)
    this.#canReadBack = !trial.isInPlace
    trial.discard()
    this.file = file
    this.#application = application
  }

  get #folder(): string {
    this.#parts ??= mkdtempSync(join(tmpdir(), 'mqlab-capture-'))
    return this.#parts
  }

  /** For the network of a simulation: what goes over all its wires, by virtual time. `nowMs` counts from 1970. */
  ofSimulation({ nodes, gateway, seed }: CapturedMachines, nowMs: () => number): NetworkTap {
    const file = this.#canReadBack ? this.file : join(this.#folder, 'simulation.pcapng')
    const part = new PartFile(file, machineNames(nodes, gateway), this.#application, error => {
      this.#failure = error
    })
    const recorder = new Recorder({ nowMs, seed, sink: part })
    this.#writing = { part, recorder }
    return { recorder, nowMs }
  }

  /**
   * For the machines of a run on sockets: each tells of the connections that it opens, and those that are given something by
   * a balancer of another make of that too. Of machines that have networks of their own the kernel tells.
   */
  ofMachines({ nodes, gateway, seed }: CapturedMachines, plane: Plane): MachineCaptures {
    if (kernelModeOf(plane) !== null) {
      this.#networks = new NetworkCaptures(this.#folder)
      return {
        specOf: () => null,
        networks: inside => {
          this.#recording.push(...Object.keys(inside))
          return this.#networks!.start(inside)
        },
        settled: async () => await this.#networks?.settled(),
      }
    }
    const names = [...machineNames(nodes, gateway)]
    const isForeign = plane === 'haproxy' || plane === 'nginx'
    const ahead = wallAheadMs()
    const order = [...(gateway === null ? [] : [gateway]), ...nodes].map(({ name }) => name)
    return {
      specOf: node => {
        this.#recording.push(node)
        return {
          folder: this.#folder,
          names,
          acceptedFrom: isForeign && gateway?.hosts.includes(node) ? [gateway.address] : [],
          application: this.#application,
          seed: seed + 2 ** 20 * (order.indexOf(node) + 1),
          wallAheadMs: ahead,
        }
      },
      networks: () => Promise.resolve(),
      settled: () => Promise.resolve(),
    }
  }

  /** Nothing more crosses a wire. */
  end(): void {
    this.#writing?.recorder.finish()
    this.#writing?.part.close()
    this.#writing = null
  }

  /**
   * Writes the file, of a run that is over.
   * @returns what it lacks of the run, a clause each; also in the file
   * @throws the system's error
   */
  async finish(view: RunView): Promise<readonly string[]> {
    this.end()
    await this.#networks?.stop()
    if (this.#failure !== null) throw this.#failure
    const parts = this.#parts === null ? [this.file] : this.#partsIn(this.#parts)
    const written = new WholeFile(this.file)
    this.#written = written
    const droppedOf = (part: string) => this.#networks?.droppedOf(part) ?? 0
    const options = {
      names: machineNames(view.run.nodes, view.run.gateway),
      comments: await commentFrames(parts, view),
      application: this.#application,
      nameOf: (part: string) => `${basename(part, '.pcap')}–${GATEWAY_NAME}`,
      once: this.#networks !== null,
      droppedOf,
    }
    const reports = await assembleCapture(parts, written.path, options)
    const lacks = partsLacking(this.#recording, reports, droppedOf)
    // what is said of the whole comes first in a file, and is known last
    if (lacks.length > 0) await assembleCapture(parts, written.path, { ...options, remarks: lacks })
    written.keep()
    return lacks
  }

  #partsIn(folder: string): string[] {
    return readdirSync(folder)
      .toSorted()
      .map(part => join(folder, part))
  }

  /** Takes away what it needed while it ran. */
  close(): void {
    this.end()
    this.#networks?.kill()
    this.#written?.discard()
    if (this.#parts !== null) rmSync(this.#parts, { recursive: true, force: true })
  }
}
