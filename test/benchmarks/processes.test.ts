import { createServer } from 'node:net'
import t from 'tap'
import { withProcesses } from '../../benchmarks/processes.js'
import { benchmarkAddress } from '../../benchmarks/roles/address.js'

/** Nobody else's: a port of it that was free a moment ago still is. */
const ADDRESS = benchmarkAddress(95)

t.test('roles answer commands and are gone afterwards', async t => {
  const port = await withProcesses({}, async start => {
    const server = await start('echo-server', { address: ADDRESS })
    return (await server.call('listening')).port
  })
  // Whoever held the port is gone: it can be taken again.
  await new Promise<void>((resolve, reject) => {
    const again = createServer()
    again.once('error', reject)
    again.listen({ host: ADDRESS, port }, () => again.close(() => resolve()))
  })
  t.pass('the port is free')
})

t.test('processes are ended when the body fails, and its error is the one seen', async t => {
  const failing = withProcesses({}, async start => {
    await start('echo-server', { address: ADDRESS })
    throw new Error('no more')
  })
  await t.rejects(failing, /no more/)
})

t.test('a role that cannot start says why', async t => {
  const failing = withProcesses({}, async start => await start('echo-server', { address: '203.0.113.1' }))
  await t.rejects(failing, /echo-server: .*EADDRNOTAVAIL/)
})

t.test('a call that takes too long fails', async t => {
  await withProcesses({}, async start => {
    const server = await start('echo-server', { address: ADDRESS })
    const { port } = await server.call('listening')
    const failing = withProcesses({ callTimeoutMs: 100 }, async start => {
      const client = await start('echo-client', {})
      const run = { address: ADDRESS, port, bodyBytes: 10, ratePerS: 10, durationMs: 60_000, warmUpMs: 0 }
      await client.call('openLoop', run)
    })
    await t.rejects(failing, /echo-client process did not answer openLoop within 100 ms/)
  })
})
