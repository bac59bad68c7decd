import { closeSync, openSync } from 'node:fs'
import type { Link } from '../../transport/wire-tap.js'
import { descriptorSink, PcapngWriter } from '../files/pcapng-writer.js'
import { linkName, type MachineNames } from './machine-names.js'
import type { FrameSink } from './recorder.js'

const LINKTYPE_ETHERNET = 1

/** A capture that a recorder writes. Each link is an interface, named by its two machines. */
export class PartFile implements FrameSink {
  readonly #descriptor: number
  readonly #writer: PcapngWriter
  readonly #names: MachineNames
  #isOpen = true

  /** A file of that name is written over. @param application what writes it, with its version @throws the system's error */
  constructor(file: string, names: MachineNames, application: string) {
    this.#names = names
    this.#descriptor = openSync(file, 'w')
    this.#writer = new PcapngWriter(descriptorSink(this.#descriptor), { application })
    for (const [address, machine] of names) this.#writer.names(address, machine)
  }

  link(ends: Link): number {
    return this.#writer.addInterface({ linkType: LINKTYPE_ETHERNET, name: linkName(ends, this.#names) })
  }

  frame(link: number, atMs: number, bytes: Buffer): void {
    if (this.#isOpen) this.#writer.packet(link, atMs * 1000, bytes)
  }

  /** What was written so far is in the file. */
  flush(): void {
    if (this.#isOpen) this.#writer.flush()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#writer.end()
    closeSync(this.#descriptor)
  }
}
