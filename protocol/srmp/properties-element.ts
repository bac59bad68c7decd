import type { ElementReader } from './element-reader.js'
import type { SrmpMessage } from './message.js'
import { dateText, readDate, U32_MAX } from './values.js'

/* `properties`: expiresAt, sentAt; inReplyTo is passed over. Source: [MC-MQSRM] 2.2.5.1. */

export type PropertiesFields = Pick<SrmpMessage, 'expiresAtS' | 'sentAtS'>

export function readProperties(properties: ElementReader): PropertiesFields {
  properties.requireMustUnderstand('2.2.5.1')
  const sentAt = properties.optional('sentAt', '2.2.5.1.2')
  return {
    expiresAtS: readDateElement(properties.one('expiresAt', '2.2.5.1.1'), '2.2.5.1.1'),
    sentAtS: sentAt?.value(readSentAt, '2.2.5.1.2', 'a date YYYYMMDDThhmmss from 1970 to 2106') ?? null,
  }
}

/** Packets have 32 bits for it. */
function readSentAt(text: string): number | null {
  const seconds = readDate(text)
  return seconds !== null && seconds <= U32_MAX ? seconds : null
}

export function readDateElement(element: ElementReader, section: string): number {
  return element.value(readDate, section, 'a date YYYYMMDDThhmmss')
}

export function propertiesText({ expiresAtS, sentAtS }: PropertiesFields): string {
  const sentAt = sentAtS === null ? '' : `<sentAt>${dateText(sentAtS)}</sentAt>`
  return `<properties se:mustUnderstand="1"><expiresAt>${dateText(expiresAtS)}</expiresAt>${sentAt}</properties>`
}
