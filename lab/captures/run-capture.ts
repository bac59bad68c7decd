import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { assembleCapture } from '../../capture/recording/assemble.js'
import { PartFile } from '../../capture/recording/part-file.js'
import { Recorder } from '../../capture/recording/recorder.js'
import type { RunView } from '../finding.js'
import type { RunGateway, RunNode } from '../history.js'
import type { CaptureSpec } from '../node-spec.js'
import { kernelModeOf, type Plane } from '../planes.js'
import { GATEWAY_NAME } from '../scenario-nodes.js'
import type { NetworkTap } from '../sim/connection-tap.js'
import { commentFrames } from './frame-comments.js'
import { machineNames } from './machine-names.js'
import { NetworkCaptures } from './network-captures.js'

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
}

/**
 * The capture of one run. Its parts are written to a folder of their own while it runs; when it is over and judged they
 * become one file, in which frames that matter say why.
 */
export class RunCapture {
  readonly file: string
  readonly #application: string
  readonly #folder: string
  #writing: { readonly part: PartFile; readonly recorder: Recorder } | null = null

  #networks: NetworkCaptures | null = null
  #failure: Error | null = null

  /** Makes sure that the file can be had. @param application what writes it, with its version @throws the system's error */
  constructor(file: string, application: string) {
    closeSync(openSync(file, 'a'))
    this.file = file
    this.#application = application
    this.#folder = mkdtempSync(join(tmpdir(), 'mqlab-capture-'))
  }

  /** For the network of a simulation: what goes over all its wires, by virtual time. `nowMs` counts from 1970. */
  ofSimulation({ nodes, gateway, seed }: CapturedMachines, nowMs: () => number): NetworkTap {
    const part = new PartFile(
      join(this.#folder, 'simulation.pcapng'),
      machineNames(nodes, gateway),
      this.#application,
      error => {
        this.#failure = error
      },
    )
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
      return { specOf: () => null, networks: inside => this.#networks!.start(inside) }
    }
    const names = [...machineNames(nodes, gateway)]
    const isForeign = plane === 'haproxy' || plane === 'nginx'
    const order = [...(gateway === null ? [] : [gateway]), ...nodes].map(({ name }) => name)
    return {
      specOf: node => ({
        folder: this.#folder,
        names,
        acceptedFrom: isForeign && gateway?.hosts.includes(node) ? [gateway.address] : [],
        application: this.#application,
        seed: seed + 2 ** 20 * (order.indexOf(node) + 1),
      }),
      networks: () => Promise.resolve(),
    }
  }

  /** Nothing more crosses a wire. */
  end(): void {
    this.#writing?.recorder.finish()
    this.#writing?.part.close()
    this.#writing = null
  }

  /** Writes the file, of a run that is over. @throws the system's error */
  async finish(view: RunView): Promise<void> {
    this.end()
    await this.#networks?.stop()
    if (this.#failure !== null) throw this.#failure
    const parts = readdirSync(this.#folder)
      .toSorted()
      .map(part => join(this.#folder, part))
    const names = machineNames(view.run.nodes, view.run.gateway)
    const comments = await commentFrames(parts, view)
    await assembleCapture(parts, this.file, {
      names,
      comments,
      application: this.#application,
      nameOf: part => `${basename(part, '.pcap')}–${GATEWAY_NAME}`,
      once: this.#networks !== null,
    })
  }

  /** Takes away what it needed while it ran. */
  close(): void {
    this.end()
    this.#networks?.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
