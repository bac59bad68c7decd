import { type Guid, isGuid } from '../protocol/guid.js'
import { MESSAGE_STATE, messageIdOf, type SenderLedgerData } from '../senders/sender-ledger.js'
import type { RunNode } from './history.js'
import type { HistoryHeader } from './history-format.js'
import { readHistory } from './history-reader.js'
import type { JourneyTarget } from './journey-state.js'
import type { QueueManagerReport } from './node-spec.js'

/** A message as a person names it. */
export type MessageName =
  | { readonly node: string; readonly number: number }
  | { readonly source: Guid; readonly messageId: number }
  | { readonly messageId: number }

/** A name that names no message, or several. The message is one line. `mayCome`: what would tell is not in the file yet. */
export class MessageNameError extends Error {
  override readonly name = 'MessageNameError'
  readonly mayCome: boolean

  constructor(what: string, mayCome = false) {
    super(what)
    this.mayCome = mayCome
  }
}

/** `S1#17`, the 17th message of S1's workload; `QMID\4711`; or a MessageID alone. Null for what is none of these. */
export function parseMessageName(text: string): MessageName | null {
  const [, node, number] = /^(.+)#([1-9]\d{0,8})$/.exec(text) ?? []
  if (node !== undefined) return { node, number: Number(number) }
  const [, source = null, digits] = /^(?:(.+)\\)?(\d{1,10})$/.exec(text) ?? []
  const messageId = Number(digits)
  if (digits === undefined || messageId > 0xffffffff) return null
  if (source === null) return { messageId }
  return isGuid(source) ? { source: source.toLowerCase(), messageId } : null
}

/** Finds out what the file knows of a message. @throws {MessageNameError} */
export function findMessage(file: string, name: MessageName): JourneyTarget {
  const { header, ledgers } = readLedgers(file)
  if ('node' in name) return workloadMessage(header.nodes, ledgers, name)
  const senders = sendersOf(file, header, name.messageId).filter(
    ({ guid }) => !('source' in name) || guid === name.source,
  )
  const [sender, ...others] = senders
  if (sender === undefined) {
    const whose = 'source' in name ? ` of a machine with QMId ${name.source}` : ''
    throw new MessageNameError(`no message${whose} has MessageID ${name.messageId}`, true)
  }
  if (others.some(({ guid }) => guid !== sender.guid)) {
    const choices = senders.map(({ guid }) => `'${guid}\\${name.messageId}'`).join(' or ')
    const names = senders.map(node => node.name).join(' and ')
    throw new MessageNameError(`messages of ${names} have MessageID ${name.messageId}; say ${choices}`)
  }
  const node = others.length === 0 ? sender.name : null
  const ledger = ledgers.get(sender.name)
  const number = node === null || ledger === undefined ? null : numberOf(ledger, name.messageId)
  return { source: sender.guid, messageId: name.messageId, node, number }
}

function workloadMessage(
  nodes: readonly RunNode[],
  ledgers: ReadonlyMap<string, SenderLedgerData>,
  { node: name, number }: { readonly node: string; readonly number: number },
): JourneyTarget {
  const node = nodes.find(each => each.name.toLowerCase() === name.toLowerCase())
  const names = nodes.filter(({ sender }) => sender !== null).map(each => each.name)
  if (node === undefined) throw new MessageNameError(`there is no machine ${name}; senders are ${names.join(', ')}`)
  if (node.sender === null) throw new MessageNameError(`${node.name} sends nothing; senders are ${names.join(', ')}`)
  const ledger = ledgers.get(node.name)
  if (ledger === undefined) throw new MessageNameError(`the ledger of ${node.name} is not in the file`, true)
  if (number > ledger.offered)
    throw new MessageNameError(`${node.name} has sent ${ledger.offered} messages as far as its ledger says`, true)
  const messageId = messageIdOf(ledger, number)
  if (messageId === null) throw new MessageNameError(`${node.name} kept no MessageIDs; name the message by its own`)
  if (messageId === 0) {
    const refused = ledger.states[number - 1] === MESSAGE_STATE.refused
    throw new MessageNameError(`${node.name}#${number} ${refused ? 'was refused and' : ''} never had a MessageID`)
  }
  return { source: node.guid, messageId, node: node.name, number }
}

/** Machines that took such a message from an application, or made it themselves; not those that pass it on. */
function sendersOf(file: string, { nodes }: HistoryHeader, messageId: number): RunNode[] {
  const names = new Set<string>()
  const forwarders = new Set<string>()
  for (const record of readHistory(file, { kinds: new Set(['accepted', 'forwarded', 'sent']) })) {
    if (record.record !== 'events') continue
    for (const event of record.events) {
      if (!('messageId' in event) || event.messageId !== messageId) continue
      if (event.kind === 'forwarded') forwarders.add(event.node)
      else if (event.kind === 'accepted' || !forwarders.has(event.node)) names.add(event.node)
    }
  }
  return nodes.filter(({ name }) => names.has(name))
}

function numberOf(ledger: SenderLedgerData, messageId: number): number | null {
  for (let number = 1; number <= ledger.offered; number += 1)
    if (messageIdOf(ledger, number) === messageId) return number
  return null
}

function readLedgers(file: string): {
  readonly header: HistoryHeader
  readonly ledgers: ReadonlyMap<string, SenderLedgerData>
} {
  let header: HistoryHeader | null = null
  const ledgers = new Map<string, SenderLedgerData>()
  for (const record of readHistory(file, { kinds: new Set() })) {
    if (record.record === 'header') header = record.header
    if (record.record !== 'report' || record.report.kind !== 'queue-manager') continue
    const { node, sender }: QueueManagerReport = record.report
    if (sender !== undefined) ledgers.set(node, sender)
  }
  if (header === null) throw new MessageNameError('nothing of a run is in it yet', true)
  return { header, ledgers }
}
