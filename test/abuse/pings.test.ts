import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { encodePing } from '../../protocol/binary/ping.js'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { createRandom } from '../fixtures/mutations.js'
import { ABUSER_GUID, TARGET_GUID, until } from '../fixtures/raw-peer.js'
import { SUITE_SEED } from '../fixtures/suite-seed.js'

const PING_PORT = 3527

async function udp(t: Test, address: string, port: number): Promise<{ socket: Socket; got: Buffer[] }> {
  const socket = createSocket('udp4')
  const got: Buffer[] = []
  socket.on('message', bytes => got.push(bytes))
  t.teardown(() => socket.close())
  socket.bind({ address, port })
  await once(socket, 'listening')
  return { socket, got }
}

t.test('the ping service', async t => {
  // the witness does not ping: only the target's setting is changed
  const bench = await AbuseBench.open(t, 6, { settings: { EnablePingService: 1 } })
  const to = bench.target.address

  await t.test(`datagrams that are no pings are ignored (seed ${SUITE_SEED})`, async t => {
    const random = createRandom(SUITE_SEED)
    const { socket, got } = await udp(t, bench.abuserAddress(), 0)
    const count = 500
    const ignored = async () => (await bench.target.counters()).counters.pingsIgnored ?? 0
    const before = await ignored()
    await bench.endures(
      t,
      async () => {
        for (let n = 0; n < count; n += 1) {
          const bytes = Buffer.from(Array.from({ length: random(1_400) }, () => random(256)))
          // the signature must not come about by chance
          if (bytes.length > 2) bytes[2] = 0
          socket.send(bytes, PING_PORT, to)
          // no more than the system keeps for a process that stands still
          if (n % 25 === 24)
            t.ok(await until(async () => (await ignored()) >= before + n + 1), `${n + 1} are looked at`)
        }
        socket.send(encodePing({ flags: 0, cookie: 1, qmGuid: ABUSER_GUID }), PING_PORT, to)
        t.ok(await until(() => got.length > 0))
        t.strictSame(got, [encodePing({ flags: 0, cookie: 1, qmGuid: TARGET_GUID })], 'only the ping is answered')
      },
      { counters: { pingsIgnored: count, pingsAnswered: 1 } },
    )
  })

  await t.test('a ping from a ping port is not answered: two services would never stop', async t => {
    const { socket, got } = await udp(t, bench.abuserAddress(), PING_PORT)
    await bench.endures(
      t,
      async () => {
        socket.send(encodePing({ flags: 0, cookie: 1, qmGuid: ABUSER_GUID }), PING_PORT, to)
        await sleep(200)
        t.strictSame(got, [])
      },
      { counters: { pingsIgnored: 1 }, unmoved: ['pingsAnswered'] },
    )
  })

  await bench.close(t)
})
