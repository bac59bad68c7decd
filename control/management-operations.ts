import { answerWhenSettled, type Requester } from './requester.js'
import type { Parameters } from './requests.js'

/* What an administrator does. Changes are answered when they are durable. */

export function queues(by: Requester, id: number): void {
  by.answerRows(
    id,
    by.host.call(engine => engine.localQueues()),
  )
}

export function createQueue(by: Requester, id: number, options: Parameters<'createQueue'>): void {
  const view = by.host.call((engine, now) => engine.createQueue(now, options))
  answerWhenSettled(by, id, view)
}

export function setQueue(by: Requester, id: number, { queue, changes }: Parameters<'setQueue'>): void {
  const view = by.host.call((engine, now) => engine.setQueue(now, queue, changes))
  answerWhenSettled(by, id, view)
}

export function deleteQueue(by: Requester, id: number, { queue }: Parameters<'deleteQueue'>): void {
  by.host.call((engine, now) => engine.deleteQueue(now, queue))
  answerWhenSettled(by, id, null)
}

export function purge(by: Requester, id: number, { queue }: Parameters<'purge'>): void {
  const messages = by.host.call((engine, now) => engine.purge(now, queue))
  answerWhenSettled(by, id, { messages })
}

export function outgoing(by: Requester, id: number): void {
  by.answerRows(
    id,
    by.host.call(engine => engine.outgoingQueues()),
  )
}

export function pauseOutgoing(by: Requester, id: number, { formatName }: Parameters<'pauseOutgoing'>): void {
  by.host.call((engine, now) => engine.pauseOutgoing(now, formatName))
  answerWhenSettled(by, id, null)
}

export function resumeOutgoing(by: Requester, id: number, { formatName }: Parameters<'resumeOutgoing'>): void {
  by.host.call((engine, now) => engine.resumeOutgoing(now, formatName))
  answerWhenSettled(by, id, null)
}

export function purgeOutgoing(by: Requester, id: number, { formatName }: Parameters<'purgeOutgoing'>): void {
  const messages = by.host.call((engine, now) => engine.purgeOutgoing(now, formatName))
  answerWhenSettled(by, id, { messages })
}

export function settings(by: Requester, id: number): void {
  by.answer(
    id,
    by.host.call(engine => ({ ...engine.settings })),
  )
}

export function status(by: Requester, id: number): void {
  by.answer(
    id,
    by.host.call((engine, now) => ({
      name: engine.name,
      guid: engine.guid,
      nowMs: now.wallMs,
      processId: process.pid,
      httpUrl: by.httpUrl,
      counters: engine.counters,
    })),
  )
}
