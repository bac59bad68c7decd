import { closeSync, openSync } from 'node:fs'
import { FrameReading } from '../files/frame-reading.js'
import { descriptorSink, PcapngWriter } from '../files/pcapng-writer.js'
import type { CaptureInterface, FrameRef } from '../frame.js'
import type { MachineNames } from './machine-names.js'
import { SeenTwice } from './seen-twice.js'

export interface AssemblyOptions {
  readonly names: MachineNames
  readonly comments: FrameComments
  /** What writes it, with its version. */
  readonly application: string
  /** What the link of a part is called whose format has no names. */
  readonly nameOf?: (part: string) => string
  /** Whether what was on several links is written once, where it was first. */
  readonly once?: boolean
}

/** What is said of single frames of several files. */
export class FrameComments {
  readonly #byFrame = new Map<number, string[]>()

  add({ fileIndex, number }: Pick<FrameRef, 'fileIndex' | 'number'>, comment: string): void {
    const key = keyOf(fileIndex, number)
    const comments = this.#byFrame.get(key)
    if (comments === undefined) this.#byFrame.set(key, [comment])
    else if (!comments.includes(comment)) comments.push(comment)
  }

  of({ fileIndex, number }: Pick<FrameRef, 'fileIndex' | 'number'>): readonly string[] {
    return this.#byFrame.get(keyOf(fileIndex, number)) ?? []
  }
}

/**
 * Writes one capture of several parts, in the order of time. Links of the same name become one. What a machine that was
 * killed had not written whole is left out.
 */
export async function assembleCapture(parts: readonly string[], file: string, options: AssemblyOptions): Promise<void> {
  const { names, comments, application, nameOf, once = false } = options
  const descriptor = openSync(file, 'w')
  try {
    const writer = new PcapngWriter(descriptorSink(descriptor), { application })
    for (const [address, machine] of names) writer.names(address, machine)
    const links = new Map<string, number>()
    const byInterface: number[] = []
    const seen = once ? new SeenTwice() : null
    const linkOf = ({ index, name, file, linkType }: CaptureInterface): number => {
      const label = name ?? nameOf?.(file) ?? ''
      let link = links.get(label)
      if (link === undefined) {
        link = writer.addInterface({ linkType, name: label })
        links.set(label, link)
      }
      byInterface[index] = link
      return link
    }
    for await (const batch of new FrameReading(parts))
      for (const { on, ref, bytes, originalLength } of batch) {
        const link = byInterface[on.index] ?? linkOf(on)
        if (seen?.again(link, ref.timeUs, bytes)) continue
        writer.packet(link, ref.timeUs, bytes, { originalLength, comments: comments.of(ref) })
      }
    writer.end()
  } finally {
    closeSync(descriptor)
  }
}

function keyOf(fileIndex: number, number: number): number {
  return fileIndex * 2 ** 40 + number
}
