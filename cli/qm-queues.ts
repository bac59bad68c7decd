import { OptionError } from '../protocol/errors.js'
import type { Now } from '../queue-manager/clock.js'
import type { LocalQueueView, QueueChanges, QueueManager, QueueOptions } from '../queue-manager/queue-manager.js'
import { fail } from './output.js'

type QueueHolder = Pick<QueueManager, 'createQueue' | 'localQueues' | 'setQueue'>

/** What of a queue stays as it was created. */
const FIXED = ['transactional', 'number', 'guid'] as const

/**
 * Sees to it that the queues are there and have the properties given; what is not given stays as it is.
 * @throws {CliError} for what cannot be changed or had.
 */
export function declareQueues(engine: QueueHolder, now: Now, queues: readonly QueueOptions[]): void {
  const existing = new Map(engine.localQueues().map(queue => [queue.name.toLowerCase(), queue]))
  // First those that want a number, before another gets it as the next free one.
  for (const options of queues.toSorted((a, b) => Number(a.number === undefined) - Number(b.number === undefined))) {
    try {
      const queue = existing.get(options.name.toLowerCase())
      if (queue === undefined) createQueue(engine, now, options)
      else changeQueue(engine, now, queue, options)
    } catch (error) {
      if (error instanceof OptionError)
        fail(error.option === 'queue' ? error.message : `queue ${options.name}: ${error.message}`, { cause: error })
      throw error
    }
  }
}

function createQueue(engine: QueueHolder, now: Now, options: QueueOptions): void {
  const holder =
    options.number === undefined ? undefined : engine.localQueues().find(({ number }) => number === options.number)
  if (holder !== undefined)
    fail(`queue ${options.name}: number ${holder.number} is that of ${holder.name}; give it another, or none`)
  engine.createQueue(now, options)
}

function changeQueue(engine: QueueHolder, now: Now, queue: LocalQueueView, options: QueueOptions): void {
  for (const property of FIXED) {
    const wanted = options[property]
    if (wanted !== undefined && wanted !== queue[property])
      fail(
        `queue ${queue.name}: is there with ${property} ${queue[property]}, which cannot become ${wanted}; delete the queue first, or give it another name`,
      )
  }
  const { name, transactional, number, guid, ...wanted } = options
  const changes = Object.fromEntries(
    Object.entries(wanted).filter(
      ([property, value]) => JSON.stringify(queue[property as keyof LocalQueueView]) !== JSON.stringify(value),
    ),
  ) as QueueChanges
  if (Object.keys(changes).length > 0) engine.setQueue(now, queue.name, changes)
}
