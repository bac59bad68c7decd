import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
// As an application imports it; the compiler checks that there are types.
import type { Client, Message, Queue } from 'mqlab/client'
import t from 'tap'
import { controlBench } from '../fixtures/control-bench.js'

t.test('mqlab/client is the client library, with its types', async t => {
  t.equal(import.meta.resolve('mqlab/client'), pathToFileURL(join(process.cwd(), 'build/control/client.js')).href)
  const { exports } = JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8')) as {
    exports: { './client': { types: string; default: string } }
  }
  t.ok(existsSync(join(process.cwd(), exports['./client'].types)))
})

t.test('an example of the documentation does what it says', async t => {
  const bench = await controlBench(t)
  const client: Client = bench.client
  await client.createQueue({ name: 'private$\\orders', transactional: true })
  await client.createQueue({ name: 'private$\\done', transactional: true })
  const orders: Queue = await client.open('private$\\orders')
  const done = await client.open('private$\\done')
  await client.sendTransaction([{ destination: orders.formatName!, body: '3 chairs', responseQueue: done.formatName! }])
  await client.transaction(async transaction => {
    const order: Message | null = await orders.receive({ timeoutMs: 60_000, transaction })
    if (order?.responseQueue == null) return
    const answer = { destination: order.responseQueue, body: 'done', correlationId: order.id }
    await client.send(answer, { transaction })
  })
  t.match(await done.receive({ timeoutMs: 60_000 }), { label: '', correlationId: /^11111111-.*\\\d+$/ })
})
