import type { FrameRef } from '../capture/frame.js'

/** As evidence wants them: by time, without those that are too long ago to be known. */
export function inOrder(...frames: readonly (FrameRef | null)[]): FrameRef[] {
  return frames.filter(frame => frame !== null).sort((a, b) => a.timeUs - b.timeUs)
}
