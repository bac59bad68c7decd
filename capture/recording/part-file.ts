import { closeSync, openSync } from 'node:fs'
import type { Link } from '../../transport/wire-tap.js'
import { descriptorSink, PcapngWriter } from '../files/pcapng-writer.js'
import { linkName, type MachineNames } from './machine-names.js'
import type { FrameSink } from './recorder.js'

const LINKTYPE_ETHERNET = 1
/** What links are called that are too many to have names of their own. */
const OTHER_LINKS = 'other links'

/**
 * A capture that a recorder writes. Each link is an interface, named by its two machines. What the system refuses to write
 * does not disturb those who are recorded: it is told once, and nothing more is written.
 */
export class PartFile implements FrameSink {
  readonly #descriptor: number
  readonly #writer: PcapngWriter
  readonly #names: MachineNames
  readonly #onFailure: (error: Error) => void
  #isOpen = true
  #hasFailed = false

  /** A file of that name is written over. @param application what writes it, with its version @throws the system's error */
  constructor(file: string, names: MachineNames, application: string, onFailure: (error: Error) => void) {
    this.#names = names
    this.#onFailure = onFailure
    this.#descriptor = openSync(file, 'w')
    this.#writer = new PcapngWriter(descriptorSink(this.#descriptor), { application })
    this.#write(writer => {
      for (const [address, machine] of names) writer.names(address, machine)
    })
  }

  link(ends: Link | null): number {
    const name = ends === null ? OTHER_LINKS : linkName(ends, this.#names)
    let link = 0
    this.#write(writer => {
      link = writer.addInterface({ linkType: LINKTYPE_ETHERNET, name })
    })
    return link
  }

  frame(link: number, atMs: number, bytes: Buffer): void {
    this.#write(writer => writer.packet(link, atMs * 1000, bytes))
  }

  /** What was written so far is in the file. */
  flush(): void {
    this.#write(writer => writer.flush())
  }

  close(): void {
    if (!this.#isOpen) return
    this.#write(writer => writer.end())
    this.#isOpen = false
    closeSync(this.#descriptor)
  }

  #write(write: (writer: PcapngWriter) => void): void {
    if (!this.#isOpen || this.#hasFailed) return
    try {
      write(this.#writer)
    } catch (error) {
      this.#hasFailed = true
      this.#onFailure(error as Error)
    }
  }
}
