import type { ElementReader } from './element-reader.js'
import type { Stream, StreamId } from './message.js'
import { escaped, readNumber, readStreamId, streamIdText, U32_MAX } from './values.js'

/* `stream`: streamId, current, previous, start. Where `start` stands is not looked at here (decision 0024).
 * Source: [MC-MQSRM] 2.2.5.3. */

export function readStream(stream: ElementReader): Stream {
  stream.requireMustUnderstand('2.2.5.3')
  const previous = stream.optional('previous', '2.2.5.3.3')
  const start = stream.optional('start', '2.2.5.3.4')
  return {
    streamId: readStreamIdElement(stream.one('streamId', '2.2.5.3.1'), '2.2.5.3.1'),
    current: readCurrent(stream.one('current', '2.2.5.3.2')),
    previous: previous === null ? null : readPrevious(previous),
    sendReceiptsTo: start === null ? null : readStart(start),
  }
}

export function readStreamIdElement(streamId: ElementReader, section: string): StreamId {
  return streamId.value(readStreamId, section, 'uid:, a GUID, \\ and a number of 64 bits')
}

export function readCurrent(current: ElementReader): number {
  return current.value(readOrdinal, '2.2.5.3.2', 'a number from 1, of 32 bits')
}

export function readPrevious(previous: ElementReader): number {
  return previous.value(text => readNumber(text, U32_MAX), '2.2.5.3.3', 'a number of 32 bits')
}

export function readStart(start: ElementReader): string {
  return start.one('sendReceiptsTo', '2.2.5.3.4').queueUrl('2.2.5.3.4')
}

/** The first message of a stream has 1. */
function readOrdinal(text: string): number | null {
  const value = readNumber(text, U32_MAX)
  return value === 0 ? null : value
}

/** Spelled as the product spells it (decision 0024). */
export function streamText({ streamId, current, previous, sendReceiptsTo }: Stream): string {
  const before = previous === null ? '' : `<previous>${previous}</previous>`
  const start =
    sendReceiptsTo === null ? '' : `<start><sendReceiptsTo>${escaped(sendReceiptsTo)}</sendReceiptsTo></start>`
  return (
    `<Stream se:mustUnderstand="1"><streamId>${streamIdText(streamId)}</streamId>` +
    `<current>${current}</current>${before}${start}</Stream>`
  )
}
