import t from 'tap'
import { dissectorLua } from '../../../capture/wireshark/generate.js'
import { srmpFields } from '../../../protocol/srmp/fields.js'
import { decodeSpelledRequest, parseRawRequest } from '../../../protocol/srmp/request.js'
import { CaptureBytes } from '../../fixtures/capture-bytes.js'
import { createRandom, mutate } from '../../fixtures/mutations.js'
import { SRMP_VECTORS, vectorBytes } from '../../fixtures/srmp-vectors.js'
import { pdmlFields, runTshark, tsharkSkip } from '../../fixtures/tshark.js'

/* What tshark shows of SRMP is what the decoder says of the same request. */

const lua = dissectorLua()
const requests = SRMP_VECTORS.filter(({ type, name }) => type === 'request' && !name.startsWith('d-neg'))

function captureOf(messages: readonly Buffer[], segmentSize = 700): Buffer {
  const capture = new CaptureBytes()
  messages.forEach((bytes, index) => {
    const from = { address: `10.4.${index >> 8}.${index & 255}`, port: 40_000 }
    capture.connection(from, { address: '10.0.0.2', port: 80 }).open().send(0, bytes, segmentSize)
  })
  return capture.pcap()
}

type Fields = Record<string, unknown>
const inside = (value: unknown): Fields => (value ?? {}) as Fields

/** What the decoder's listing has under the names of the filters; undefined for what is not there. */
function expectedFields(fields: Fields): Record<string, unknown> {
  const stream = inside(fields.stream)
  const receipt = inside(fields.streamReceipt)
  const msmq = inside(fields.msmq)
  const dated = (value: unknown) => (typeof value === 'string' ? value.replace(/[-:]|Z$/g, '') : undefined)
  return {
    'srmp.kind': fields.kind,
    'srmp.label': fields.label ?? undefined,
    'srmp.to': fields.to,
    'srmp.expiresat': dated(fields.expiresAt),
    'srmp.sentat': dated(fields.sentAt),
    'srmp.stream.qm': stream.qmGuid ?? receipt.qmGuid,
    'srmp.stream.current': stream.current,
    'srmp.stream.sendreceiptsto': stream.sendReceiptsTo ?? undefined,
    'srmp.streamreceipt.lastordinal': receipt.lastOrdinal,
    'srmp.txseq': sequenceText(stream) ?? sequenceText(receipt),
    'srmp.msmq.class': text(msmq.class),
    'srmp.msmq.priority': text(msmq.priority),
    'srmp.msmq.bodytype': text(msmq.bodyType),
    'srmp.msmq.sourceqmguid': msmq.sourceQmGuid,
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'number' ? String(value) : undefined)

function sequenceText({ seqTimestamp, seqOrdinal }: Fields): string | undefined {
  if (typeof seqTimestamp !== 'number' || typeof seqOrdinal !== 'number') return undefined
  return [seqTimestamp, seqOrdinal].map(number => number.toString(16).padStart(8, '0')).join(':')
}

t.test('every request of the vectors', { skip: tsharkSkip }, async t => {
  const { stdout, stderr } = runTshark(lua, captureOf(requests.map(vectorBytes)), ['-Y', 'srmp', '-T', 'pdml'])
  t.notOk(/Lua Error/.test(stdout + stderr), 'no Lua error')
  const frames = pdmlFields(stdout, 'srmp.')
  t.equal(frames.length, requests.length)
  requests.forEach((vector, index) => {
    const { message, spelling } = decodeSpelledRequest(parseRawRequest(vectorBytes(vector)).request)
    const fields: Fields = srmpFields(message, spelling)
    const shown = new Map(frames[index]!.map(({ name, show }) => [name, show]))
    for (const [name, value] of Object.entries(expectedFields(fields))) {
      t.equal(shown.get(name), value, `${vector.name}: ${name}`)
    }
    const body = inside(fields.body)
    if (typeof body.length === 'number') t.equal(shown.get('srmp.part.length'), String(body.length), vector.name)
  })
})

t.test('damaged requests never break the dissector', { skip: tsharkSkip }, async t => {
  const random = createRandom(80)
  const damaged = Array.from({ length: 300 }, () => {
    const bytes = vectorBytes(requests[random(requests.length)]!)
    const head = bytes.indexOf('\r\n\r\n') + 4
    return Buffer.concat([bytes.subarray(0, head), mutate(bytes.subarray(head), random)])
  })
  const { stdout, stderr } = runTshark(lua, captureOf(damaged, 60_000), ['-V'])
  t.notOk(/Lua Error/.test(stdout + stderr), 'no Lua error')
  t.ok(stdout.includes('SRMP '), 'some were read')
})
