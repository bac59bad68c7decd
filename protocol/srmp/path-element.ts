import type { ElementReader } from './element-reader.js'
import { ANONYMOUS_ID, type SrmpMessage } from './message.js'
import { isHttpUrl } from './queue-url.js'
import { detached, escaped, messageIdText, readMessageId, trimmed } from './values.js'

/* `path` of WS-Routing: action, to, id, rev. Source: [MC-MQSRM] 2.2.4. */

export type PathFields = Pick<SrmpMessage, 'action' | 'to' | 'id' | 'via'>

/** `hasMsmq`: without `Msmq` the identifier does not count, and may be anything (2.2.4.3). */
export function readPath(path: ElementReader, hasMsmq: boolean): PathFields {
  path.requireMustUnderstand('2.2.4')
  return {
    action: actionText(path.one('action', '2.2.4.1').element.text),
    to: readTo(path.one('to', '2.2.4.2')),
    id: readId(path.one('id', '2.2.4.3'), hasMsmq),
    via: readRev(path.optional('rev', '2.2.4.4')),
  }
}

/** Blanks belong to a label, line breaks and indentation around it do not. */
export function actionText(text: string): string {
  const bare = trimmed(text)
  if (text.length === bare.length || !text.startsWith('MSMQ:')) return bare
  return text.slice(bare.length).includes('\n') ? bare : text
}

export function readTo(to: ElementReader): string {
  const { text } = to
  if (!isHttpUrl(text) && !text.startsWith('MSMQ:MULTICAST=')) {
    to.value(() => null, '2.2.4.2', 'an http:// or https:// URL, nor MSMQ:MULTICAST=')
  }
  return detached(text)
}

function readId(id: ElementReader, hasMsmq: boolean): SrmpMessage['id'] {
  return hasMsmq ? readIdElement(id, '2.2.4.3') : (readMessageId(id.text) ?? ANONYMOUS_ID)
}

export function readIdElement(id: ElementReader, section: string): SrmpMessage['id'] {
  return id.value(readMessageId, section, 'uuid:, a number of 32 bits, @ and a GUID')
}

/** An empty `via` is none, and so is one that is neither URL nor `MSMQ:` (3.1.5.1.1). */
export function readRev(rev: ElementReader | null): string | null {
  if (rev === null) return null
  const { text } = rev.one('via', '2.2.4.4')
  return isHttpUrl(text) || text.startsWith('MSMQ:') ? detached(text) : null
}

/** In the product's order: `rev` before `id`. */
export function pathText({ action, to, id, via }: PathFields): string {
  const rev = via === null ? '' : `<rev><via>${escaped(via)}</via></rev>`
  return (
    '<path xmlns="http://schemas.xmlsoap.org/rp/" se:mustUnderstand="1">' +
    `<action>${escaped(action)}</action><to>${escaped(to)}</to>${rev}<id>${messageIdText(id)}</id></path>`
  )
}
