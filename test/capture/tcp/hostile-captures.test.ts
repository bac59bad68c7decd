import t from 'tap'
import { hostileCapture } from '../../fixtures/hostile-capture.js'
import { notesOf } from '../../fixtures/stream-notes.js'

const SEEDS = 25

t.test('streams come out whole, or with exactly the holes that nobody captured', async t => {
  let holes = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { capture, connections } = hostileCapture(seed)
    const notes = notesOf(capture.frames)
    const again = `hostileCapture(${seed})`
    if (notes.connections.length !== connections.length) t.equal(notes.connections.length, connections.length, again)
    for (const [id, { client, server, parts }] of connections.entries()) {
      const seen = notes.connections[id]!
      const told = notes.parts[id]!.map(some => some.map(part => (Buffer.isBuffer(part) ? part : part.hole)))
      holes += parts.flat().filter(part => !Buffer.isBuffer(part)).length
      const { address, port } = seen.client
      const isClient = address === client.address && port === client.port && seen.server.port === server.port
      if (!isClient || !same(told, parts)) {
        t.strictSame(told, parts, `${again}, connection ${id}`)
        t.ok(isClient, `${again}, connection ${id}`)
      }
    }
  }
  t.ok(holes > 10 * SEEDS, `${holes} holes were told`)
})

t.test('the same capture gives the same lines', async t => {
  t.strictSame(notesOf(hostileCapture(7).capture.frames).lines, notesOf(hostileCapture(7).capture.frames).lines)
})

t.test('a limit that is reached makes holes, never other bytes', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { capture, connections } = hostileCapture(seed)
    const notes = notesOf(capture.frames, { heldBytesMax: 1200, heldBytesOfAllMax: 3000 })
    for (const [id, { parts }] of connections.entries()) {
      for (const direction of [0, 1] as const) {
        const captured = Buffer.concat(parts[direction].filter(part => Buffer.isBuffer(part)))
        const told = notes.parts[id]![direction]
        const size = told.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : (part.hole ?? 0)), 0)
        const expected = parts[direction].reduce<number>(
          (sum, part) => sum + (typeof part === 'number' ? part : (part?.length ?? 0)),
          0,
        )
        if (size !== expected) t.equal(size, expected, `hostileCapture(${seed}), connection ${id}: bytes and holes`)
        let from = 0
        for (const part of told) {
          if (!Buffer.isBuffer(part)) continue
          const at = captured.indexOf(part, from)
          if (at === -1) t.fail(`hostileCapture(${seed}), connection ${id}: bytes that are not of the stream`)
          from = at + part.length
        }
      }
    }
  }
  t.pass(`${SEEDS} seeds`)
})

function same(told: readonly (readonly unknown[])[], expected: readonly (readonly unknown[])[]): boolean {
  const text = (parts: readonly (readonly unknown[])[]) =>
    JSON.stringify(parts.map(some => some.map(part => (Buffer.isBuffer(part) ? part.toString('latin1') : part))))
  return text(told) === text(expected)
}
