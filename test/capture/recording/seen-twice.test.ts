import t from 'tap'
import { TCP_ACK, tcpFrame } from '../../../capture/recording/ip-frame.js'
import { SeenTwice } from '../../../capture/recording/seen-twice.js'

const end = (last: number, mac: number) => ({
  mac: Buffer.alloc(6, mac),
  ip: Buffer.of(10, 0, 0, last),
  port: 1800 + last,
})

/** `hops` and Ethernet addresses as the link has them. */
function frame(id: number, to: number, payload: string, mac = 1, hops = 128): Buffer {
  const fields = { sequence: 1, acknowledgement: 1, flags: TCP_ACK, window: 1, options: Buffer.alloc(0) }
  const bytes = tcpFrame(end(1, mac), end(to, mac + 1), id, fields, Buffer.from(payload))
  bytes[22] = hops
  return bytes
}

t.test('the same packet on another link, whatever a hop changed; not on its own link, nor another one', async t => {
  const seen = new SeenTwice()
  t.equal(seen.again(0, 0, frame(7, 2, 'x')), false, 'new')
  t.equal(seen.again(1, 10, frame(7, 2, 'x', 9, 127)), true, 'after a hop')
  t.equal(seen.again(0, 20, frame(7, 2, 'x')), false, 'on the link where it was')
  t.equal(seen.again(1, 30, frame(8, 2, 'x')), false, 'another identification: sent again')
  t.equal(seen.again(1, 40, frame(7, 3, 'x')), false, 'to another address: translated')
  t.equal(seen.again(1, 50, frame(7, 2, 'y')), false, 'with other bytes')
})

t.test('identifications come again: a packet long ago is forgotten', async t => {
  const seen = new SeenTwice()
  seen.again(0, 0, frame(7, 2, 'x'))
  t.equal(seen.again(1, 900_000, frame(7, 2, 'x')), true)
  seen.again(0, 1_500_000, frame(8, 2, 'x'))
  t.equal(seen.again(1, 1_900_000, frame(7, 2, 'x')), true, 'still remembered')
  seen.again(0, 3_000_000, frame(9, 2, 'x'))
  seen.again(0, 5_000_000, frame(10, 2, 'x'))
  t.equal(seen.again(1, 5_100_000, frame(7, 2, 'x')), false)
})

t.test('what is no IPv4 is left alone', async t => {
  const seen = new SeenTwice()
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(60), Buffer.alloc(10, 8)]) {
    t.equal(seen.again(0, 0, bytes), false)
    t.equal(seen.again(1, 0, bytes), false)
  }
})
