import type { Guid } from '../../protocol/guid.js'
import { messageText } from '../packet-facts.js'

/** Which message is followed. */
export type JourneyTarget =
  | { readonly by: 'id'; readonly source: Guid | null; readonly messageId: number }
  | { readonly by: 'place'; readonly sequence: string; readonly number: number }

const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const BY_ID = new RegExp(`^(?:\\{?(${GUID})\\}?\\\\)?(\\d{1,10})$`, 'i')
const BY_PLACE = /^([0-9a-f]{8}:[0-9a-f]{8})#(\d{1,10})$/i

/** `{guid}\17`, `guid\17`, `17`, or `5f620480:00000001#9`: a place in a sequence. Null for anything else. */
export function parseJourneyTarget(text: string): JourneyTarget | null {
  const place = BY_PLACE.exec(text)
  if (place !== null)
    return numbered(Number(place[2]), number => ({ by: 'place', sequence: place[1]!.toLowerCase(), number }))
  const id = BY_ID.exec(text)
  if (id === null) return null
  return numbered(Number(id[2]), messageId => ({ by: 'id', source: id[1]?.toLowerCase() ?? null, messageId }))
}

function numbered(value: number, target: (value: number) => JourneyTarget): JourneyTarget | null {
  return value <= 0xffffffff ? target(value) : null
}

/** As it is written to be found again. */
export function journeyTargetText(target: JourneyTarget): string {
  if (target.by === 'place') return `number ${target.number} of sequence ${target.sequence}`
  return target.source === null
    ? `message ${target.messageId}`
    : `message ${messageText(target.source, target.messageId)}`
}
