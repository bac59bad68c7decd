import type { SeenRequest } from '../../capture/messages/seen.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { FindingKindId } from '../finding-kinds.js'
import { envelopeKey } from '../http-facts.js'
import { BoundedMap } from './bounded-map.js'
import { endName, endsOf } from './ends.js'

/** The same answer on the other side of a balancer comes within this. */
const SAME_ANSWER_US = 2_000_000
const ANSWERS_MAX = 1_000

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'the queue does not exist or is of the other kind (transactional or not), the URL names another machine, or the message is malformed',
  401: 'the web server wants a login, which MSMQ does not send',
  403: 'the web server forbids the virtual directory, or wants TLS',
  404: 'there is no such virtual directory: MSMQ’s HTTP support is not installed there, or the balancer has no rule for it',
  405: 'POST is not allowed there: the MSMQ extension is not mapped to the virtual directory',
  407: 'a proxy wants a login, which MSMQ does not send',
  411: 'the length was lost on the way: a proxy changed the request',
  413: 'the message is larger than the web server or a proxy lets requests be',
  500: 'the receiver has no room: its quota is reached, or it is throttled',
  501: 'a proxy changed the request line, or does not know POST',
  502: 'the balancer got no proper answer from the host behind it',
  503: 'the web service is stopped, or the balancer has no host that is up',
  504: 'the balancer waited in vain for the host behind it',
}

/** Answers to messages over HTTP other than 2xx, by what MSMQ does next ([MC-MQSRM] 3.1.7.2.5). */
export function findHttpStatuses(context: DiagnosisContext): Finder {
  const answers = new BoundedMap<string, number>(ANSWERS_MAX)

  return {
    response(session, { status, request, last }) {
      if (request === null || status < 300 || !isMsmq(request) || isReceipt(request)) return
      const key = `${envelopeKey(request)}/${status}`
      const before = answers.take(key)
      answers.set(key, last.timeUs)
      // passed on by a balancer: told already
      if (before !== undefined && last.timeUs - before < SAME_ANSWER_US) return
      const meaning = MEANINGS[status]
      context.book.add(kindOf(status), {
        ...endsOf(session, 0),
        frames: [request.last, last],
        text: `${endName(context, session, 1)} answered ${request.head.method} ${request.head.target} of ${endName(context, session, 0)} with ${status}${meaning === undefined ? '' : `: ${meaning}`}`,
        message: messageOf(request),
      })
    },
  }
}

function kindOf(status: number): FindingKindId {
  if (status === 400) return 'http-refused'
  return status >= 500 ? 'http-unavailable' : 'http-not-msmq'
}

/** Sent by MSMQ, or to it. */
export function isMsmq({ message, fault, head }: SeenRequest): boolean {
  return message !== null || fault !== null || /^\/msmq(?:\/|$)/i.test(head.target)
}

export function isReceipt({ kind }: SeenRequest): boolean {
  return kind === 'stream-receipt' || kind === 'final-stream-receipt'
}

function messageOf({ message }: SeenRequest): string | null {
  return message === null ? null : `${message.msmq?.sourceQmGuid ?? message.id.guid}\\${message.id.index}`
}
