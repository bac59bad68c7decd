import fc from 'fast-check'
import t from 'tap'
import type { LocalQueue } from '../../queue-manager/local-queue.js'
import { MessageLine } from '../../queue-manager/message-line.js'
import { QueuedMessage } from '../../queue-manager/queued-message.js'

const queue = {} as LocalQueue

function message(order: number, priority: number): QueuedMessage {
  const queued = new QueuedMessage(queue, order, priority, 1, 0, Number.POSITIVE_INFINITY, order, 0, 0, null)
  queued.state = 'available'
  return queued
}

/** The same by sorting a list each time. */
class PlainLine {
  messages: QueuedMessage[] = []

  get sorted(): QueuedMessage[] {
    return this.messages.toSorted((one, other) => one.lookupId - other.lookupId)
  }

  get available(): QueuedMessage[] {
    return this.sorted.filter(({ state }) => state === 'available')
  }
}

const step = fc.record({
  do: fc.constantFrom('insert', 'insert', 'insert late', 'lock', 'unlock', 'remove', 'extract'),
  priority: fc.integer({ min: 0, max: 7 }),
  pick: fc.nat(),
})

t.test('a line does what sorting a list would do', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), steps => {
      const line = new MessageLine()
      const model = new PlainLine()
      // every other order is left for those that come late
      let order = 0
      const late: number[] = []
      for (const { do: what, priority, pick } of steps) {
        const any = model.messages[pick % Math.max(1, model.messages.length)]
        if (what === 'insert' || what === 'insert late') {
          if (what === 'insert') {
            late.push(order + 1)
            order += 2
          }
          const number = what === 'insert' ? order : late.splice(pick % Math.max(1, late.length), 1)[0]
          if (number === undefined) continue
          const queued = message(number, priority)
          line.insert(queued)
          model.messages.push(queued)
        } else if (any === undefined) continue
        else if (what === 'lock') line.lock(any, 'locked')
        else if (what === 'unlock') {
          if (any.state === 'locked') line.unlock(any)
        } else {
          if (what === 'remove') line.remove(any)
          else line.extract(any)
          model.messages = model.messages.filter(queued => queued !== any)
        }
        const { sorted, available } = model
        if (line.size !== sorted.length || line.available !== available.length)
          throw new Error(`${what}: counts differ`)
        if (line.first() !== (available[0] ?? null)) throw new Error(`${what}: the first differs`)
      }
      const { sorted } = model
      const orders = (messages: Iterable<QueuedMessage>) => [...messages].map(({ lookupId }) => lookupId).join()
      if (orders(line) !== orders(sorted)) throw new Error('the order differs')
      const middle = sorted[sorted.length >> 1]?.lookupId ?? 0
      if (orders(line.from(middle, 'next')) !== orders(sorted.filter(({ lookupId }) => lookupId > middle)))
        throw new Error('what follows differs')
      const before = sorted.filter(({ lookupId }) => lookupId < middle).reverse()
      if (orders(line.from(middle, 'previous')) !== orders(before)) throw new Error('what comes before differs')
      for (const queued of sorted)
        if (line.find(queued.lookupId) !== queued) throw new Error(`${queued.lookupId} is not found`)
      const from = [...line.fromFirst()].filter(({ state }) => state === 'available')
      if (orders(from) !== orders(model.available)) throw new Error('what can be read differs')
    }),
    { numRuns: 300, seed: 3 },
  )
  t.pass('300 random histories')
})
