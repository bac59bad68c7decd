import t from 'tap'
import { createRandom } from '../../lab/sim/random.js'
import { ActionLog } from '../../queue-manager/action-log.js'
import { IdentifierMemory } from '../../queue-manager/identifier-memory.js'
import { StoreBatch } from '../../queue-manager/store-batch.js'
import { guidOf } from '../fixtures/sim-tests.js'

/** What the memory must do, in the plainest way: an array, oldest first. */
class Model {
  readonly size: number
  rows: { key: string; atMs: number }[] = []

  constructor(size: number) {
    this.size = size
  }

  seen(key: string, atMs: number): boolean {
    const known = this.rows.find(row => row.key === key)
    if (known !== undefined) {
      known.atMs = atMs
      return true
    }
    if (this.rows.length === this.size) this.rows.shift()
    this.rows.push({ key, atMs })
    return false
  }
}

t.test('it remembers the last so many, and forgets the oldest first', async t => {
  for (const seed of [1, 2, 3]) {
    const random = createRandom(seed)
    const memory = new IdentifierMemory(50)
    const model = new Model(50)
    for (let step = 0; step < 20_000; step += 1) {
      const source = random.between(1, 4)
      const messageId = random.between(0, 40) * (random.between(0, 1) === 0 ? 1 : 0x01000000)
      const known = memory.seen(guidOf(source), messageId, step)
      if (known !== model.seen(`${source}/${messageId}`, step)) {
        t.fail(`seed ${seed}, step ${step}: ${known} for source ${source}, message ${messageId}`)
        return
      }
    }
    t.equal(memory.count, model.rows.length, `seed ${seed}`)
  }
})

t.test('the cleanup forgets what has not been met since', async t => {
  const memory = new IdentifierMemory(10)
  for (let id = 0; id < 5; id += 1) memory.seen(guidOf(1), id, id)
  memory.forgetBefore(3)
  t.equal(memory.count, 2)
  t.notOk(memory.seen(guidOf(1), 0, 9), 'forgotten')
  t.ok(memory.seen(guidOf(1), 4, 9), 'kept')
})

t.test('what was not kept may come again, and a size of 0 switches it off', async t => {
  const memory = new IdentifierMemory(10)
  memory.seen(guidOf(1), 7, 0)
  const batch = new StoreBatch(new ActionLog(false))
  memory.forget(batch, guidOf(1), 7)
  memory.forget(batch, guidOf(2), 7)
  t.notOk(memory.seen(guidOf(1), 7, 1))
  const off = new IdentifierMemory(0)
  off.seen(guidOf(1), 7, 0)
  t.notOk(off.seen(guidOf(1), 7, 1))
})
