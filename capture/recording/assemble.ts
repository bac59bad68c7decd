import { closeSync, openSync } from 'node:fs'
import { FrameReading } from '../files/frame-reading.js'
import { descriptorSink, PcapngWriter } from '../files/pcapng-writer.js'
import type { FileReport } from '../files/reading-report.js'
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
  /** Packets of a part that whoever captured it lost. */
  readonly droppedOf?: (part: string) => number
  /** What is to be said of the capture as a whole. */
  readonly remarks?: readonly string[]
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
 * killed had not written whole is left out: what came of each part is returned, in their order.
 */
export async function assembleCapture(
  parts: readonly string[],
  file: string,
  options: AssemblyOptions,
): Promise<readonly FileReport[]> {
  const { names, comments, application, nameOf, once = false, droppedOf, remarks = [] } = options
  const descriptor = openSync(file, 'w')
  try {
    const writer = new PcapngWriter(descriptorSink(descriptor), { application, comments: remarks })
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
        writer.dropped(link, droppedOf?.(file) ?? 0)
      }
      byInterface[index] = link
      return link
    }
    const reading = new FrameReading(parts)
    for await (const batch of reading)
      for (const { on, ref, bytes, originalLength } of batch) {
        const link = byInterface[on.index] ?? linkOf(on)
        if (seen?.again(link, ref.timeUs, bytes)) continue
        writer.packet(link, ref.timeUs, bytes, { originalLength, comments: comments.of(ref) })
      }
    writer.end()
    return reading.report.files
  } finally {
    closeSync(descriptor)
  }
}

function keyOf(fileIndex: number, number: number): number {
  return fileIndex * 2 ** 40 + number
}
