import type { NodeSample } from './channel-messages.js'

/** Messages in a node's outgoing queues, order acks to others aside: they are told by the queue they go to. */
export function outgoingDepth({ outgoing }: Pick<NodeSample, 'outgoing'>): number {
  return outgoing.reduce((sum, { formatName, messages }) => sum + (isOrderQueue(formatName) ? 0 : messages), 0)
}

/** By its name in a direct format name, a URL too, or by its number 4 in a private one. */
function isOrderQueue(formatName: string): boolean {
  return /[\\/]private\$[\\/]order_queue\$$/i.test(formatName) || /^PRIVATE=[^\\]+\\0*4$/i.test(formatName)
}
