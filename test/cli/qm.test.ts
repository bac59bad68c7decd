import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

function qm(t: Test, ...args: string[]): { child: ChildProcess; line(): Promise<string>; stderr(): string } {
  const child = spawn(process.execPath, [MAIN, 'qm', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return { child, line: async () => String((await lines.next()).value), stderr: () => stderr }
}

t.test('is ready, takes messages from another queue manager, and ends when told to', async t => {
  const args = ['--name', 'R1', '--address', '127.0.95.1', '--port', '0', '--json']
  const guid = '11111111-2222-4333-8444-555555555555'
  const queues = ['--queue', 'private$\\plain', '--queue', 'private$\\orders:transactional']
  const { child, line, stderr } = qm(t, ...args, '--guid', `{${guid.toUpperCase()}}`, ...queues)
  const ready = JSON.parse(await line())
  t.match(ready, {
    ready: true,
    name: 'R1',
    guid,
    address: '127.0.95.1',
    queues: [
      { name: 'private$\\plain', transactional: false },
      { name: 'private$\\orders', transactional: true },
    ],
  })
  t.ok(ready.port > 0)

  const sender = new QueueManager({
    name: 'S1',
    guid: '11111111-2222-4333-8444-666666666666',
    addresses: ['127.0.95.2'],
    settings: createSettings({ MsmqIpPort: ready.port }),
    sequenceTimeStamp: 1,
  })
  const listen = { address: '127.0.95.2', port: 0 }
  const driver = new Driver({ engine: sender, store: new MemoryStore(), resolver: () => [], listen })
  await driver.start()
  t.teardown(() => driver.stop())
  const body = Buffer.from('hello')
  driver.call((engine, now) => engine.send(now, { destination: 'DIRECT=TCP:127.0.95.1\\private$\\plain', body }))
  t.match(JSON.parse(await line()), { kind: 'arrived', queue: 'private$\\plain', source: sender.guid })
  driver.call((engine, now) => engine.send(now, { destination: 'DIRECT=TCP:127.0.95.1\\private$\\orders', body }))
  t.match(JSON.parse(await line()), { kind: 'discarded', reason: 'not-transactional-message' })

  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
  t.match(stderr(), /closing sessions/)
})

t.test('what cannot be is one line on stderr and exit code 2', async t => {
  const rows: [string[], RegExp][] = [
    [[], /required option '--name/],
    [['--name', 'a name'], /--name "a name"/],
    [['--name', 'R', '--data', '/tmp/x'], /--data: there is no durable storage yet/],
    [['--name', 'R', '--address', 'here'], /--address "here"/],
    [['--name', 'R', '--port', '70000'], /--port "70000"/],
    [['--name', 'R', '--set', 'CleanupInterval'], /--set "CleanupInterval"/],
    [['--name', 'R', '--set', 'NoSuch=1'], /NoSuch/],
    [['--name', 'R', '--guid', 'x'], /guid/],
    [['--name', 'R', '--address', '127.0.95.8', '--port', '0', '--queue', 'q:trans'], /--queue "q:trans"/],
    [['--name', 'R', '--address', '192.0.2.77', '--port', '0'], /192\.0\.2\.77/],
    [
      ['--name', 'R', '--address', '127.0.95.9', '--port', '0', '--queue', 'private$\\a', '--queue', 'private$\\A'],
      /queue/,
    ],
  ]
  await Promise.all(
    rows.map(async ([args, said]) => {
      const { child, stderr } = qm(t, ...args)
      const [exitCode] = await once(child, 'close')
      t.equal(exitCode, 2, args.join(' '))
      t.match(stderr(), said)
      t.match(stderr(), /^mqlab: [^\n]*\n$/)
    }),
  )
})
