import type { DerivedField } from './derived-fields.js'
import { quoted } from './lua-expression.js'

/* Elements of an SRMP envelope that the dissector shows, and what it adds to them. */

export interface SrmpElement {
  /** Local names from the envelope on. */
  readonly path: string
  readonly filter: string
  /** `present`: an element without text, which counts by being there. */
  readonly type: 'string' | 'number' | 'present'
}

const HEADER = 'Envelope/Header'
const STREAM = `${HEADER}/stream`
const MSMQ = `${HEADER}/Msmq`
const SERVICES = `${HEADER}/services`

const element = (path: string, filter: string, type: SrmpElement['type'] = 'string'): SrmpElement => ({
  path,
  filter: `srmp.${filter}`,
  type,
})

/** By [MC-MQSRM] 2.2.4 to 2.2.6. Paths are compared without regard to case: `stream` is also written `Stream`. */
export const SRMP_ELEMENTS: readonly SrmpElement[] = [
  element(`${HEADER}/path/action`, 'action'),
  element(`${HEADER}/path/to`, 'to'),
  element(`${HEADER}/path/id`, 'id'),
  element(`${HEADER}/path/rev/via`, 'via'),
  element(`${HEADER}/properties/expiresAt`, 'expiresat'),
  element(`${HEADER}/properties/sentAt`, 'sentat'),
  element(`${SERVICES}/durable`, 'durable', 'present'),
  element(`${SERVICES}/deliveryReceiptRequest/sendTo`, 'deliveryreceiptto'),
  element(`${SERVICES}/commitmentReceiptRequest/sendTo`, 'commitmentreceiptto'),
  element(`${SERVICES}/commitmentReceiptRequest/positiveOnly`, 'commitmentreceipt.positiveonly', 'present'),
  element(`${SERVICES}/commitmentReceiptRequest/negativeOnly`, 'commitmentreceipt.negativeonly', 'present'),
  element(`${STREAM}/streamId`, 'stream.streamid'),
  element(`${STREAM}/current`, 'stream.current', 'number'),
  element(`${STREAM}/previous`, 'stream.previous', 'number'),
  element(`${STREAM}/start/sendReceiptsTo`, 'stream.sendreceiptsto'),
  element(`${HEADER}/streamReceipt/streamId`, 'streamreceipt.streamid'),
  element(`${HEADER}/streamReceipt/lastOrdinal`, 'streamreceipt.lastordinal', 'number'),
  element(`${HEADER}/deliveryReceipt/receivedAt`, 'deliveryreceipt.receivedat'),
  element(`${HEADER}/deliveryReceipt/id`, 'deliveryreceipt.id'),
  element(`${HEADER}/commitmentReceipt/decidedAt`, 'commitmentreceipt.decidedat'),
  element(`${HEADER}/commitmentReceipt/decision`, 'commitmentreceipt.decision'),
  element(`${HEADER}/commitmentReceipt/id`, 'commitmentreceipt.id'),
  element(`${MSMQ}/Class`, 'msmq.class', 'number'),
  element(`${MSMQ}/Priority`, 'msmq.priority', 'number'),
  element(`${MSMQ}/Journal`, 'msmq.journal', 'present'),
  element(`${MSMQ}/DeadLetter`, 'msmq.deadletter', 'present'),
  element(`${MSMQ}/Correlation`, 'msmq.correlation'),
  element(`${MSMQ}/Trace`, 'msmq.trace', 'present'),
  element(`${MSMQ}/ConnectorType`, 'msmq.connectortype'),
  element(`${MSMQ}/App`, 'msmq.app', 'number'),
  element(`${MSMQ}/BodyType`, 'msmq.bodytype', 'number'),
  element(`${MSMQ}/HashAlgorithm`, 'msmq.hashalgorithm', 'number'),
  element(`${MSMQ}/Eod/First`, 'msmq.eod.first', 'present'),
  element(`${MSMQ}/Eod/Last`, 'msmq.eod.last', 'present'),
  element(`${MSMQ}/Eod/ConnectorId`, 'msmq.eod.connectorid'),
  element(`${MSMQ}/Provider/Type`, 'msmq.provider.type', 'number'),
  element(`${MSMQ}/Provider/Name`, 'msmq.provider.name'),
  element(`${MSMQ}/SourceQmGuid`, 'msmq.sourceqmguid'),
  element(`${MSMQ}/DestinationMqf`, 'msmq.destinationmqf'),
  element(`${MSMQ}/AdminMqf`, 'msmq.adminmqf'),
  element(`${MSMQ}/ResponseMqf`, 'msmq.responsemqf'),
  element(`${MSMQ}/TTrq`, 'msmq.ttrq'),
]

export const SRMP_DERIVED: readonly DerivedField[] = [
  {
    filter: 'srmp.kind',
    type: 'string',
    title: 'Kind',
    about:
      'user, deliveryReceipt, streamReceipt, finalStreamReceipt or commitmentReceipt, by the elements that are there',
  },
  { filter: 'srmp.label', type: 'string', title: 'Label', about: 'what action says behind `MSMQ:`' },
  {
    filter: 'srmp.txseq',
    type: 'string',
    title: 'Sequence',
    about: 'sequence of a stream message or stream receipt, written as in mqqb.txseq',
  },
  {
    filter: 'srmp.stream.qm',
    type: 'string',
    title: 'Queue manager of the stream',
    about: 'GUID of the queue manager that sends the stream, of messages and receipts alike',
  },
  { filter: 'srmp.part', type: 'string', title: 'Part', about: 'Content-Id of each further part, such as body@GUID' },
  { filter: 'srmp.part.length', type: 'uint32', title: 'Length', about: 'bytes of that part' },
]

/** Fields and the table `ELEMENTS` by path. */
export function luaSrmpElements(): string {
  const kinds = { string: 'string', number: 'uint32', present: 'bool' } as const
  const fields = SRMP_ELEMENTS.map(({ path, filter, type }) => {
    const title = path.slice(`${HEADER}/`.length)
    return `F[${quoted(filter)}] = ProtoField.${kinds[type]}(${quoted(filter)}, ${quoted(title)})\n`
  })
  const rows = SRMP_ELEMENTS.map(
    ({ path, filter, type }) => `  [${quoted(path.toLowerCase())}] = { ${quoted(filter)}, ${quoted(type)} },\n`,
  )
  return `${fields.join('')}local ELEMENTS = {\n${rows.join('')}}\n`
}
