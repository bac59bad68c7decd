import fc from 'fast-check'
import t from 'tap'
import { addWords, checksum } from '../../../capture/checksum.js'
import { TCP_ACK, TCP_PSH, tcpFrame, udpFrame } from '../../../capture/recording/ip-frame.js'
import { madeUpMac } from '../../../capture/recording/mac-address.js'
import { ipBytes } from '../../../protocol/ip-address.js'

const end = (address: string, port: number) => ({ mac: madeUpMac(ipBytes(address)), ip: ipBytes(address), port })
const NO_OPTIONS = Buffer.alloc(0)

/** The sum as RFC 1071 has it, word for word: all ones where a checksum is right. */
function sumOf(...parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) {
    const even = Buffer.concat([part, Buffer.alloc(part.length % 2)])
    for (let at = 0; at < even.length; at += 2) {
      sum += even.readUInt16BE(at)
      if (sum > 0xffff) sum -= 0xffff
    }
  }
  return sum
}

/** RFC 9293, 3.1 and RFC 8200, 8.1: addresses, then protocol and length, however wide their fields are. */
function pseudoHeader(frame: Buffer): { header: Buffer; payload: Buffer } {
  const isV4 = frame.readUInt16BE(12) === 0x0800
  const addresses = isV4 ? frame.subarray(26, 34) : frame.subarray(22, 54)
  const payload = frame.subarray(isV4 ? 34 : 54)
  const rest = Buffer.alloc(8)
  rest.writeUInt32BE(payload.length, 0)
  rest[7] = frame[isV4 ? 23 : 20]!
  return { header: Buffer.concat([addresses, rest]), payload }
}

t.test('the example of RFC 1071', async t => {
  const words = Buffer.from('0001f203f4f5f6f7', 'hex')
  t.equal(checksum(addWords(0, words)), 0x220d)
  t.equal(
    checksum(addWords(0, Buffer.from('0001f203f4f5f6', 'hex'))),
    checksum(addWords(0, Buffer.from('0001f203f4f5f600', 'hex'))),
  )
})

t.test('a TCP segment, byte by byte', async t => {
  const fields = {
    sequence: 0x01020304,
    acknowledgement: 0x0a0b0c0d,
    flags: TCP_ACK | TCP_PSH,
    window: 512,
    options: NO_OPTIONS,
  }
  const frame = tcpFrame(end('10.0.0.1', 49152), end('10.0.0.2', 1801), 7, fields, Buffer.from('LIOR'))
  t.equal(
    frame.toString('hex'),
    [
      '024d0a000002', // to: made of 10.0.0.2, locally administered
      '024d0a000001',
      '0800',
      '4500002c00074000', // 44 bytes, identification 7, not to be fragmented
      '8006e6c2', // 128 hops, TCP, checksum
      '0a000001',
      '0a000002',
      'c0000709',
      '01020304',
      '0a0b0c0d',
      '50180200',
      '1d030000',
      '4c494f52',
    ].join(''),
  )
})

t.test('every checksum is right, for both versions, any length and any bytes', async () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter(text => !text.startsWith('::ffff:') && ipBytes(text).length === 16),
  )
  const pair = fc.tuple(address, address).filter(([one, other]) => ipBytes(one).length === ipBytes(other).length)
  fc.assert(
    fc.property(
      pair,
      fc.uint8Array({ maxLength: 1460 }),
      fc.nat(0xffff),
      fc.boolean(),
      (addresses, payload, port, isTcp) => {
        const [from, to] = [end(addresses[0], port), end(addresses[1], 1801)]
        const fields = {
          sequence: 2 ** 32 - 1,
          acknowledgement: port,
          flags: TCP_ACK,
          window: 1,
          options: Buffer.of(1, 1, 1, 0),
        }
        const frame = isTcp ? tcpFrame(from, to, port, fields, payload) : udpFrame(from, to, port, payload)
        const { header, payload: segment } = pseudoHeader(frame)
        if (from.ip.length === 4 && sumOf(frame.subarray(14, 34)) !== 0xffff) return false
        return sumOf(header, segment) === 0xffff && (isTcp || segment.readUInt16BE(6) !== 0)
      },
    ),
    { seed: 7, numRuns: 300 },
  )
})

t.test(
  'MAC addresses are made of IP addresses, always the same, for one machine only and of nobody’s making',
  async t => {
    const macs = ['10.0.0.1', '10.0.0.2', '127.9.8.7', 'fe80::1', 'fe80::2', '2001:db8::1'].map(address =>
      madeUpMac(ipBytes(address)).toString('hex'),
    )
    t.equal(new Set(macs).size, macs.length)
    for (const mac of macs) {
      t.equal(Number.parseInt(mac.slice(0, 2), 16) & 3, 2, 'locally administered, of one machine')
      t.equal(mac.length, 12)
    }
  },
)
