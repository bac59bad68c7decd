import { readCapture } from '../../capture/read-capture.js'
import { FrameComments } from '../../capture/recording/assemble.js'
import { messageIdOf } from '../../senders/sender-ledger.js'
import { isAstray, landingId } from '../checkers/misrouted-ack.js'
import type { RunView } from '../finding.js'
import { type EventOf, eventsOf } from '../history.js'
import { messageKey } from '../message-facts.js'
import { MessageSightings, type Sighting } from './message-sightings.js'

/** What is to be said of a message where it is seen. */
interface Remark {
  readonly key: string
  readonly text: string
  /** Which of its sightings it is about, of all in their order. */
  readonly about: (sightings: readonly Sighting[]) => readonly Sighting[]
}

/** Machines note what came within so much of its arrival. */
const NOTED_WITHIN_US = 2_000

/**
 * What is said of the frames of a run that matter to its verdict: order acks that went astray, messages that were sent again,
 * the first of each sender that was delivered more than once, and those that were discarded, with the reason.
 * @param parts files of the capture
 */
export async function commentFrames(parts: readonly string[], view: RunView): Promise<FrameComments> {
  const remarks = [...ofStrayAcks(view), ...ofResends(view), ...ofDuplicates(view), ...ofDiscards(view)]
  const comments = new FrameComments()
  if (remarks.length === 0) return comments
  const sightings = new MessageSightings(remarks.map(({ key }) => key))
  await readCapture(parts, sightings)
  for (const { key, text, about } of remarks)
    for (const { frame } of about(sightings.of(key))) comments.add(frame, text)
  return comments
}

function ofStrayAcks(view: RunView): Remark[] {
  return view.acks.filter(isAstray).map(journey => {
    const { sent, astray, owners } = journey
    const from = view.run.nodes.find(({ name }) => name === sent.node)
    return {
      key: messageKey(from?.guid ?? '', sent.messageId),
      text:
        `${landingId(view, journey)}: ${sent.node} acknowledges number ${sent.number} of sequence ${sent.sequence} of ` +
        `${owners.join(' or ')}, and ${astray.node} gets it`,
      about: all,
    }
  })
}

/** Every copy of a message after the first that went the same way. */
function ofResends({ run }: RunView): Remark[] {
  const guidOf = new Map(run.nodes.map(({ name, guid }) => [name, guid]))
  const remarks = new Map<string, Remark>()
  for (const { attempt, source, node, messageId } of eventsOf(run, 'sent')) {
    const key = messageKey(source ?? guidOf.get(node) ?? '', messageId)
    if (attempt < 2 || remarks.has(key)) continue
    remarks.set(key, { key, text: `resend: ${node} sends message ${messageId} again`, about: repetitions })
  }
  return [...remarks.values()]
}

function ofDuplicates({ run, senders }: RunView): Remark[] {
  return senders.flatMap(({ node, ledger, messages, copiesAt }): Remark[] => {
    const twice = messages.find(({ copies }) => copies > 1)
    const id = ledger === null || twice === undefined ? null : messageIdOf(ledger, twice.number)
    if (id === null || twice === undefined) return []
    const receivers = run.nodes.filter(({ name }) => (copiesAt.get(name)?.[twice.number - 1] ?? 0) > 0)
    const names = receivers.map(({ name }) => name).join(' and ')
    return [
      {
        key: messageKey(node.guid, id),
        text: `duplicated: message ${twice.number} of ${node.name} is delivered ${twice.copies} times, by ${names}; its first to be`,
        about: sightings => sightings.filter(({ to }) => receivers.some(({ address }) => address === to)),
      },
    ]
  })
}

function ofDiscards({ run }: RunView): Remark[] {
  const addressOf = new Map(run.nodes.map(({ name, address }) => [name, address]))
  return eventsOf(run, 'discarded').map(({ node, reason, source, messageId, destination, atMs }) => ({
    key: messageKey(source, messageId),
    text:
      reason === 'name-validation'
        ? `name-validation: ${node} discards message ${messageId}, for ${destination} names another machine`
        : `discarded: ${node} does not take message ${messageId} (${reason})`,
    about: sightings => newestBefore(sightings, addressOf.get(node), atMs),
  }))
}

const all = (sightings: readonly Sighting[]): readonly Sighting[] => sightings

function repetitions(sightings: readonly Sighting[]): readonly Sighting[] {
  const ways = new Set<string>()
  return sightings.filter(({ from, to }) => {
    const way = `${from} ${to}`
    if (ways.has(way)) return true
    ways.add(way)
    return false
  })
}

/** What the machine at an address had got last, when it noted something. */
function newestBefore(
  sightings: readonly Sighting[],
  address: string | undefined,
  atMs: EventOf<'discarded'>['atMs'],
): readonly Sighting[] {
  const newest = sightings.findLast(({ to, frame }) => to === address && frame.timeUs <= atMs * 1000 + NOTED_WITHIN_US)
  return newest === undefined ? [] : [newest]
}
