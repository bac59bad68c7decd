import type { FrameRef } from '../../capture/frame.js'
import type { CaptureFinding } from '../finding.js'

/** Why each frame is evidence: comments by frame number, for each file by its index. */
export type EvidenceFrames = ReadonlyMap<number, ReadonlyMap<number, readonly string[]>>

/** Comments of one frame: what is beyond says how much it is. */
const COMMENTS_MAX = 8

/** The frames that findings rest on, at most `limit` instances of each, with what they show. */
export function evidenceFrames(findings: readonly CaptureFinding[], limit = Number.POSITIVE_INFINITY): EvidenceFrames {
  const files = new Map<number, Map<number, string[]>>()
  for (const { id, behaviour, instances } of findings) {
    const name = behaviour === null ? id : `${id} (${behaviour})`
    for (const { frames, text, reservations } of instances.slice(0, limit)) {
      const doubt = reservations.length === 0 ? '' : ` Not proven: ${reservations.join('; ')}.`
      for (const [index, frame] of frames.entries())
        comment(
          files,
          frame,
          index === 0 ? `${name}: ${text}${doubt}` : `belongs to ${name}, frame ${frames[0]!.number} of the capture`,
        )
    }
  }
  for (const comments of files.values())
    for (const [number, own] of comments) comments.set(number, bounded([...new Set(own)]))
  return files
}

function comment(files: Map<number, Map<number, string[]>>, { fileIndex, number }: FrameRef, text: string): void {
  let comments = files.get(fileIndex)
  if (comments === undefined) {
    comments = new Map()
    files.set(fileIndex, comments)
  }
  const own = comments.get(number)
  if (own === undefined) comments.set(number, [text])
  else own.push(text)
}

function bounded(comments: string[]): string[] {
  if (comments.length <= COMMENTS_MAX) return comments
  return [
    ...comments.slice(0, COMMENTS_MAX - 1),
    `and ${comments.length - COMMENTS_MAX + 1} more findings rest on this frame`,
  ]
}
