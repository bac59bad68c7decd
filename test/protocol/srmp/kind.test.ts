import t from 'tap'
import { kindOf } from '../../../protocol/srmp/kind.js'
import type { Msmq, SrmpKind } from '../../../protocol/srmp/message.js'
import { decodeSrmpRequest, parseRawRequest } from '../../../protocol/srmp/request.js'
import { srmpVector, vectorBytes } from '../../fixtures/srmp-vectors.js'

const ACK = 'MSMQ:QM Ordering Ack'
const final = decodeSrmpRequest(parseRawRequest(vectorBytes(srmpVector('d-final-stream-receipt-positive'))).request)
const delivery = decodeSrmpRequest(parseRawRequest(vectorBytes(srmpVector('4.3-delivery-receipt'))).request)

t.test('what a message is', async t => {
  // Entries: s(tream), d(elivery), c(ommitment, positive), n(egative).
  const rows: [entries: string, messageClass: number | null, action: string, kind: SrmpKind][] = [
    ['', 0, 'MSMQ:x', 'user'],
    ['', null, 'x', 'user'],
    ['', 1, 'MSMQ:x', 'unknown'],
    ['', 2, 'MSMQ:x', 'unknown'],
    ['d', 2, '', 'delivery-receipt'],
    ['d', 0, '', 'unknown'],
    ['d', null, '', 'unknown'],
    ['s', 255, ACK, 'stream-receipt'],
    ['s', 255, 'MSMQ:QM ordering ack', 'unknown'],
    ['s', 2, ACK, 'unknown'],
    ['s', null, ACK, 'unknown'],
    ['sc', 0x4000, ACK, 'final-stream-receipt'],
    ['sc', 0x8001, ACK, 'unknown'],
    ['sc', 255, ACK, 'unknown'],
    ['sc', 0x4000, 'MSMQ:x', 'unknown'],
    ['sn', 0x4000, ACK, 'unknown'],
    ...[0x8001, 0xc000, 0xc001, 0xc002, 0xc004].flatMap((one): [string, number, string, SrmpKind][] => [
      ['sn', one, ACK, 'final-stream-receipt'],
      ['n', one, 'MSMQ:x', 'commitment-receipt'],
    ]),
    ['sn', 0x8000, ACK, 'unknown'],
    ['c', 0x4000, 'MSMQ:x', 'commitment-receipt'],
    ['c', 0xc000, 'MSMQ:x', 'unknown'],
    ['n', 0x8002, 'MSMQ:x', 'unknown'],
    ['dc', 0x4000, ACK, 'unknown'],
    ['ds', 255, ACK, 'unknown'],
    ['dsc', 0x4000, ACK, 'unknown'],
  ]
  for (const [entries, messageClass, action, kind] of rows) {
    const msmq: Msmq | null = messageClass === null ? null : { ...final.msmq!, class: messageClass }
    const decision = entries.includes('n') ? ('negative' as const) : ('positive' as const)
    const message = {
      action,
      msmq,
      streamReceipt: entries.includes('s') ? final.streamReceipt : null,
      deliveryReceipt: entries.includes('d') ? delivery.deliveryReceipt : null,
      commitmentReceipt: /[cn]/.test(entries) ? { ...final.commitmentReceipt!, decision } : null,
    }
    t.equal(kindOf(message), kind, `${entries || 'no'} entries, class ${messageClass}, ${action}`)
  }
})
