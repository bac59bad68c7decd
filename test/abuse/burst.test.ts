import { execFileSync } from 'node:child_process'
import t from 'tap'
import { AbuseBench } from '../fixtures/abuse-bench.js'
import { type RawPeer, until } from '../fixtures/raw-peer.js'

const WANTED = 10_000
/** Descriptors that both processes need for themselves, the witness among them. */
const RESERVED = 500
const ABUSERS = 10

/** "unlimited" is no number. */
const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }))
const count = Math.min(WANTED, (Number.isNaN(limit) ? WANTED + RESERVED : limit) - RESERVED)
const shortfall = count < WANTED ? `, not ${WANTED}, because ulimit -n is ${limit}` : ''

t.test(`${count} connections at once${shortfall}`, { timeout: 200_000 }, async t => {
  // what the system's accept queue does not hold asks again after 1, 3 and 7 s: none may be given up before the last is in
  const bench = await AbuseBench.open(t, 3, { settings: { SessionInitializationTimeout: 20_000 } })
  const peers: RawPeer[] = []
  t.teardown(() => {
    for (const peer of peers) peer.socket.destroy()
  })
  await bench.endures(
    t,
    async () => {
      const opened: Promise<unknown>[] = []
      const { connectionsAccepted: acceptedBefore = 0 } = (await bench.target.counters()).counters
      const begunMs = performance.now()
      for (let n = 0; n < count; n += 1) {
        const connected = bench.connect({ abuser: 1 + (n % ABUSERS) }).then(peer => peers.push(peer))
        opened.push(connected.catch(() => undefined))
      }
      await Promise.all(opened)
      t.comment(`taken in within ${Math.round(performance.now() - begunMs)} ms`)
      t.equal(peers.length, count, 'all were taken in')
      const isAllIn = async () => {
        const { connectionsAccepted = 0 } = (await bench.target.counters()).counters
        return connectionsAccepted - acceptedBefore >= count
      }
      t.ok(await until(isAllIn), 'by the queue manager, too')
      t.equal(peers.filter(({ ending }) => ending !== null).length, 0, 'and are open at the same time')
      const during = await bench.target.stats()
      t.comment(`${count} open: ${Math.round(during.rssBytes / 1024 / 1024)} MiB resident`)
      t.ok(during.rssBytes < 700 * 1024 * 1024, 'some 50 KiB for each at most')
      t.ok(await until(() => peers.every(({ ending }) => ending !== null), 60_000), 'all are closed by the timer')
      t.equal(
        peers.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
        0,
        'not a byte was answered',
      )
    },
    { counters: { connectionsAccepted: count, connectionsClosedBeforeHandshake: count }, heapMiB: 24, rssMiB: 300 },
  )
  await bench.close(t)
})
