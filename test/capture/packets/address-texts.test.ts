import t from 'tap'
import { AddressTexts } from '../../../capture/packets/address-texts.js'

t.test('addresses at their offsets', async t => {
  const texts = new AddressTexts()
  const bytes = Buffer.from('ff0a00fe01020406080afd00000000000000000000000000000100', 'hex')
  for (let round = 0; round < 2; round++) {
    t.equal(texts.ip(bytes, 1, 4), '10.0.254.1')
    t.equal(texts.mac(bytes, 4), '01:02:04:06:08:0a')
    t.equal(texts.ip(bytes, 10, 6), 'fd00::1')
  }
  t.equal(texts.mac(Buffer.alloc(6), 0), '00:00:00:00:00:00')
  t.equal(texts.mac(Buffer.alloc(6, 0xff), 0), 'ff:ff:ff:ff:ff:ff')
})

t.test('of more machines than are kept, each has its own', async t => {
  const texts = new AddressTexts()
  const address = Buffer.alloc(6)
  const seen = new Set<string>()
  for (let round = 0; round < 2; round++) {
    for (let machine = 0; machine < 5000; machine++) {
      address.writeUInt32BE(machine, 0)
      seen.add(texts.ip(address, 0, 4)).add(texts.mac(address, 0))
    }
  }
  t.equal(seen.size, 10_000)
})
