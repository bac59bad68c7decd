import type { CapturedFrame } from './captured-frame.js'

/** Gives frames in batches that are valid until the next is asked for; null: there are no more. */
export interface BatchSource {
  next(): Promise<readonly CapturedFrame[] | null>
  close(): Promise<void>
}

/** A file whose turn has not come. */
export interface WaitingFile {
  /** Among the inputs, from 0. */
  readonly index: number
  /** Of its first frame; minus infinity where that is not known before it is read. */
  readonly firstUs: number
  open(): BatchSource
}

/** A file that is being read: its batch, and the frame whose turn is next. */
interface Cursor {
  /** Among the inputs. */
  readonly index: number
  readonly source: BatchSource
  batch: readonly CapturedFrame[]
  at: number
  timeUs: number
}

/**
 * Frames of several files in the order of time; frames of one file stay in its own order, and of equal times those of the
 * earlier file come first. A file is opened when the time of its first frame has come, and closed at its end: the hundreds
 * of files that a capturing program makes in turn are not open together.
 */
export async function* mergedBatches(
  waiting: readonly WaitingFile[],
): AsyncGenerator<readonly CapturedFrame[], void, void> {
  const later = [...waiting].sort((one, other) => one.firstUs - other.firstUs)
  let open: Cursor[] = []
  const advance = async (cursor: Cursor): Promise<void> => {
    cursor.batch = (await cursor.source.next()) ?? []
    cursor.at = 0
    const first = cursor.batch[0]
    if (first === undefined) {
      open = open.filter(other => other !== cursor)
      await cursor.source.close()
    } else cursor.timeUs = first.ref.timeUs
  }
  try {
    for (;;) {
      const earliest = open.reduce((least, { timeUs }) => Math.min(least, timeUs), Number.POSITIVE_INFINITY)
      const next = later[0]
      if (next !== undefined && next.firstUs <= earliest) {
        later.shift()
        const cursor: Cursor = { index: next.index, source: next.open(), batch: [], at: 0, timeUs: 0 }
        open.push(cursor)
        await advance(cursor)
        continue
      }
      if (open.length === 0) return
      const batch: CapturedFrame[] = []
      const spent = takeInOrder(open, next?.firstUs ?? Number.POSITIVE_INFINITY, batch)
      yield batch
      if (spent !== null) await advance(spent)
    }
  } finally {
    for (const { source } of open) await source.close()
  }
}

/** Takes frames before `untilUs` into `batch` until a file needs to be read on, which is returned, or there are none. */
function takeInOrder(open: readonly Cursor[], untilUs: number, batch: CapturedFrame[]): Cursor | null {
  for (;;) {
    let first: Cursor | undefined
    let otherUs = untilUs
    for (const cursor of open) {
      if (first === undefined || isBefore(cursor, first)) {
        if (first !== undefined) otherUs = Math.min(otherUs, first.timeUs)
        first = cursor
      } else if (cursor.timeUs < otherUs) otherUs = cursor.timeUs
    }
    if (first === undefined || first.timeUs >= untilUs) return null
    // Several of one file at once, up to the time of another's.
    do {
      const frame = first.batch[first.at++]
      if (frame === undefined) break
      batch.push(frame)
      const following = first.batch[first.at]
      if (following === undefined) return first
      first.timeUs = following.ref.timeUs
    } while (first.timeUs < otherUs)
  }
}

function isBefore(one: Cursor, other: Cursor): boolean {
  return one.timeUs < other.timeUs || (one.timeUs === other.timeUs && one.index < other.index)
}
