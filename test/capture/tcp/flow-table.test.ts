import t from 'tap'
import { FlowTable } from '../../../capture/tcp/flow-table.js'
import { createRandom } from '../../fixtures/mutations.js'

t.test('it finds what a Map finds, through growth and removal', async t => {
  const random = createRandom(5)
  const table = new FlowTable<string>(3)
  const known = new Map<string, number>()
  const words = () => [random(40) - 20, random(20) === 0 ? 0x7fffffff : random(10), random(30)]
  let wrong = 0
  for (let round = 0; round < 60_000; round++) {
    const key = words()
    const name = key.join(' ')
    table.key.set(key)
    const entry = known.get(name)
    if (table.find() !== (entry === undefined ? null : name)) wrong++
    if (entry === undefined) known.set(name, table.insert(name))
    else if (random(3) === 0) {
      table.remove(entry)
      known.delete(name)
      if (table.find() !== null) wrong++
    }
  }
  t.ok(known.size > 5000, `${known.size} are in it at last`)
  for (const name of known.keys()) {
    table.key.set(name.split(' ').map(Number))
    if (table.find() !== name) wrong++
  }
  t.equal(wrong, 0)
})

t.test('places are used again', async t => {
  const table = new FlowTable<number>(9)
  const entries = new Set<number>()
  for (let round = 0; round < 10_000; round++) {
    table.key.fill(round)
    const entry = table.insert(round)
    entries.add(entry)
    table.remove(entry)
  }
  t.equal(entries.size, 1)
})

t.test('all words count', async t => {
  const table = new FlowTable<number>(9)
  for (let word = 0; word < 9; word++) {
    table.key.fill(7)
    table.key[word] = 8
    table.insert(word)
  }
  table.key.fill(7)
  t.equal(table.find(), null)
  for (let word = 0; word < 9; word++) {
    table.key.fill(7)
    table.key[word] = 8
    t.equal(table.find(), word)
  }
})
