import t from 'tap'
import type { LabEvent } from '../../lab/history.js'
import { SimWorld } from '../../lab/sim/world.js'
import { storedMessage } from '../../lab/stored-messages.js'
import { event, GUID, verdictOf } from '../fixtures/run-record.js'

/** S1 sends six transactional messages to R1, which loses power some time after it acknowledged them. */
function powerCut(cacheMs: number): { readonly forgotten: number; readonly early: number } {
  const world = new SimWorld(7)
  const queues = [{ name: 'private$\\orders', transactional: true }]
  const receiver = world.addNode({ name: 'R1', address: '127.0.9.11', guid: GUID.R1, queues })
  const sender = world.addNode({ name: 'S1', address: '127.0.9.101', guid: GUID.S1 })
  receiver.store.delayMs = 1
  receiver.store.cacheMs = cacheMs
  const destination = 'DIRECT=TCP:127.0.9.11\\private$\\orders'
  for (let number = 1; number <= 6; number++) sender.sendTransaction([{ destination, body: Buffer.from(`${number}`) }])
  t.ok(world.runUntil(() => sender.notesOf('order-ack-received').some(({ number }) => number === 6), 10_000))
  const atMs = sender.notesOf('order-ack-received').at(-1)!.atMs + 1
  const events: LabEvent[] = world.history.map(({ node, note }) => ({ ...note, node }))
  const forgotten = receiver.machine.crash('power').map(packet => storedMessage(packet)!)
  events.push(...forgotten.map(message => event('R1', 'disk-forgot', { ...message, atMs })))
  const { findings } = verdictOf({ delivered: { R1: { S1: '111111', S2: '111111' } }, events })
  const finding = findings.find(({ id }) => id === 'acknowledged-before-persisted')
  return { forgotten: forgotten.length, early: finding?.count ?? 0 }
}

t.test('a disk that lies makes the queue manager acknowledge what is not persisted', async t => {
  const { forgotten, early } = powerCut(600_000)
  t.ok(forgotten > 0, 'something was lost')
  t.equal(early, forgotten, 'each of them had been acknowledged')
})

t.test('an honest disk does not', async t => {
  t.same(powerCut(0), { forgotten: 0, early: 0 })
})
