import { platform } from 'node:os'
import t from 'tap'
import { takeAddressBlock } from '../../lab/worlds/address-block.js'

t.test('two runs never share a block', { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' }, async t => {
  const a = await takeAddressBlock(5)
  const b = await takeAddressBlock(5)
  t.not(a.address(10), b.address(10))
  t.match(a.address(10), /^127\.\d+\.\d+\.10$/)
  await a.release()
  const c = await takeAddressBlock(5)
  t.equal(
    c.address(10),
    a.address(10),
    'a block that is free is the same for the same start, so that addresses are hashed alike',
  )
  await Promise.all([b.release(), c.release()])
})
