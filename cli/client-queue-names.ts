import type { Client, LocalQueueView } from '../control/client.js'
import { fail } from './output.js'

/** Short names that people use for queues of the system. */
const SYSTEM_QUEUES: Readonly<Record<string, string>> = {
  deadletter: 'system$;deadletter',
  deadxact: 'system$;deadxact',
  journal: 'system$;journal',
}

/**
 * The name of the queue that a person means: `private$\` may be left out where there is no public queue of that name, and
 * `deadletter`, `deadxact` and `journal` are those of the system where there is no other. Suffixes stay.
 */
export async function queueNamed(client: Client, given: string): Promise<{ name: string; view: LocalQueueView }> {
  const queues = await client.queues()
  const [base = '', ...suffix] = given.toLowerCase().startsWith('system$;') ? [given] : given.split(';')
  for (const candidate of [base, `private$\\${base}`, SYSTEM_QUEUES[base.toLowerCase()]]) {
    const view = queues.find(({ name }) => name.toLowerCase() === candidate?.toLowerCase())
    if (view !== undefined) return { name: [view.name, ...suffix].join(';'), view }
  }
  const own = queues.filter(({ system }) => !system).map(({ name }) => name)
  const there =
    own.length === 0 ? 'it has none' : `it has ${own.slice(0, 10).join(', ')}${own.length > 10 ? ', …' : ''}`
  return fail(`${client.name} has no queue ${given}; ${there} (mqlab queues lists them)`)
}

/** The name for a new queue: private, unless it is to be public. */
export function newQueueName(given: string, isPublic: boolean): string {
  if (isPublic || /^private\$\\/i.test(given)) return given
  return `private$\\${given}`
}

/** Whether messages to that format name go over HTTP. */
export const isHttp = (formatName: string) => /^direct=https?:/i.test(formatName)
