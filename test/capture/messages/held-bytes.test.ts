import t from 'tap'
import type { FrameRef } from '../../../capture/frame.js'
import { HeldBytes } from '../../../capture/messages/held-bytes.js'
import { HeldMemory } from '../../../capture/messages/held-memory.js'

const FRAME: FrameRef = { number: 1, fileIndex: 0, timeUs: 0 }

t.test('who makes room for bytes may let go of those before them', async t => {
  const memory = new HeldMemory(28_000)
  const older: HeldBytes = new HeldBytes(memory, {
    giveUp() {
      older.clear()
      newer.clear()
    },
  })
  const newer = new HeldBytes(memory, { giveUp: () => newer.clear() })
  const append = (held: HeldBytes, bytes: Buffer) => held.append(bytes, 0, bytes.length, FRAME)
  append(older, Buffer.alloc(10, 1))
  append(newer, Buffer.alloc(10, 2))
  append(newer, Buffer.alloc(8000, 3))
  t.equal(older.size, 0)
  t.equal(newer.size, 8000)
  t.strictSame(newer.buffer.subarray(0, newer.size), Buffer.alloc(8000, 3))
  append(older, Buffer.alloc(10, 4))
  t.strictSame(newer.buffer.subarray(0, newer.size), Buffer.alloc(8000, 3), 'and nobody else has its room')
  t.equal(older.size, 10, 'both are within what may be held')
})
