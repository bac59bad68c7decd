import type { FrameRef } from '../../capture/frame.js'
import type { SeenRequest } from '../../capture/messages/seen.js'
import type { Guid } from '../../protocol/guid.js'
import { sequenceIdText } from '../../protocol/sequence-id.js'
import { headerValue } from '../../protocol/srmp/http-head.js'
import { parseQueueUrl, type QueueUrl } from '../../protocol/srmp/queue-url.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { Session } from '../session.js'
import { BoundedMap } from './bounded-map.js'
import { countText, endName, endsOf } from './ends.js'
import { isReceipt } from './http-statuses.js'

const STREAMS_MAX = 10_000
/** A machine that restarts is away for a while; posts are tried again every 20 s. */
const AWAY_MIN = 2
const AWAY_MIN_US = 10_000_000
const HTTP_PORT = 80
const HTTPS_PORT = 443

/** Where the receipts of some streams are to go. */
interface ReceiptHost {
  /** The first stream that names it, and the frame where it does. */
  readonly url: string
  readonly sequence: string
  readonly named: FrameRef
  /** Connections to it that came to nothing, one after the other. */
  failures: number
  failed: { readonly session: Session; readonly first: FrameRef; last: FrameRef } | null
}

/** The first sender that wants its receipts sent to a URL. */
interface ReceiptUrl {
  readonly guid: Guid
  readonly name: string
  readonly named: FrameRef
}

/**
 * Stream receipts that cannot reach the sender of the stream. They go to the URL that its first message names: one that
 * is the destination's own name or that several senders share leads to the balancer, one that nobody listens on or that refuses them leads nowhere.
 */
export function findLostReceipts(context: DiagnosisContext): Finder {
  const { book, parties } = context
  const streams = new BoundedMap<string, true>(STREAMS_MAX)
  /** By URL in lower case. */
  const urls = new BoundedMap<string, ReceiptUrl>(STREAMS_MAX)
  const hosts = new BoundedMap<string, ReceiptHost>(STREAMS_MAX, report)

  return {
    request(session, seen) {
      const { message } = seen
      const stream = message?.stream ?? null
      if (message === null || stream === null || stream.sendReceiptsTo === null) return
      const { guid, sequence } = stream.streamId
      const id = `${guid}/${sequenceIdText(sequence)}`
      if (streams.get(id) !== undefined) return
      streams.set(id, true)
      const url = parseQueueUrl(stream.sendReceiptsTo)
      if (url === null) return
      const host = url.host.toLowerCase()
      const place = `${host}:${url.port}`
      const text = sequenceIdText(sequence)
      if (hosts.get(place) === undefined)
        hosts.set(place, { url: stream.sendReceiptsTo, sequence: text, named: seen.last, failures: 0, failed: null })
      const sender = endName(context, session, 0)
      const sharer = urls.get(stream.sendReceiptsTo.toLowerCase())
      if (sharer === undefined) urls.set(stream.sendReceiptsTo.toLowerCase(), { guid, name: sender, named: seen.last })
      else if (sharer.guid !== guid) {
        book.add('receipts-to-shared-url', {
          ...endsOf(session, 0),
          frames: [sharer.named, seen.last],
          sequence: text,
          machines: [guid, sharer.guid],
          text: `${sender} and ${sharer.name} both want receipts sent to ${stream.sendReceiptsTo}: one of them at most is there`,
        })
      }
      if (isDestination(url, session, seen)) {
        book.add('receipts-to-destination', {
          ...endsOf(session, 0),
          frames: [seen.last],
          sequence: text,
          machines: [guid, session.connection.server.address],
          text: `${sender} wants the receipts of stream ${text} sent to ${stream.sendReceiptsTo}: that is where the stream itself goes (${message.to}), and not its sender`,
        })
      }
    },
    response(session, { request, status, last }) {
      if (request === null || !isReceipt(request) || request.message?.streamReceipt == null) return
      const place = `${session.connection.server.address}:${session.connection.server.port}`
      if (status < 300) {
        const host = hostAt(session)
        if (host !== null) {
          host.failures = 0
          host.failed = null
        }
        return
      }
      const { streamId, lastOrdinal } = request.message.streamReceipt
      book.add('receipt-undelivered', {
        ...endsOf(session, 0),
        frames: [request.last, last],
        sequence: sequenceIdText(streamId.sequence),
        number: lastOrdinal,
        machines: [session.connection.client.address, streamId.guid],
        text: `${endName(context, session, 0)} posted a receipt for number ${lastOrdinal} of stream ${sequenceIdText(streamId.sequence)} to ${request.message.to}, and ${place} answered ${status}`,
      })
    },
    ended(session, { how, at }) {
      if (how !== 'refused' && how !== 'unanswered') return
      const host = hostAt(session)
      if (host === null) return
      host.failures += 1
      if (host.failed === null) host.failed = { session, first: session.connection.first, last: at }
      else host.failed.last = at
    },
    finish() {
      for (const host of hosts.values()) report(host)
    },
  }

  /** By address, or by a name that the capture gives to it. */
  function hostAt({ connection: { server } }: Session): ReceiptHost | null {
    const name = parties.nameOf(server.address)?.toLowerCase()
    return (
      hosts.get(`${server.address}:${server.port}`) ??
      (name === undefined ? null : (hosts.get(`${name}:${server.port}`) ?? null))
    )
  }

  function report({ url, sequence, named, failures, failed }: ReceiptHost): void {
    if (failed === null || failures < AWAY_MIN) return
    const { session, first, last } = failed
    if (last.timeUs - first.timeUs < AWAY_MIN_US) return
    book.add('receipt-undelivered', {
      ...endsOf(session, 0),
      frames: [named, first, last],
      sequence,
      weight: failures,
      text: `Receipts of stream ${sequence} are to go to ${url}, and nobody listens there: ${countText(failures, 'connection')} of ${endName(context, session, 0)} came to nothing`,
    })
  }
}

/** Two queue managers may share an address, each with ports of its own. */
function isDestination(url: QueueUrl, { connection: { server } }: Session, { message, head }: SeenRequest): boolean {
  const asked = headerValue(head.headers, 'host')
  const wanted = placeOf(url)
  return [
    parseQueueUrl(message!.to),
    asked === null ? null : parseQueueUrl(`http://${asked}/`),
    { host: server.address, port: server.port },
  ].some(place => place !== null && placeOf(place) === wanted)
}

/** With TLS or without, it is the same machine. */
function placeOf({ host, port }: Pick<QueueUrl, 'host' | 'port'>): string {
  return `${host.toLowerCase()}:${port === HTTPS_PORT ? HTTP_PORT : port}`
}
