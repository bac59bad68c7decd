import t from 'tap'
import { QueueManager } from '../../queue-manager/queue-manager.js'
import { createSettings } from '../../queue-manager/settings.js'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'
import { startQm } from '../fixtures/qm-child.js'

t.test('is ready, takes messages from another queue manager, and ends when told to', async t => {
  const args = ['--name', 'R1', '--address', '127.0.95.1', '--port', '0', '--json']
  const guid = '11111111-2222-4333-8444-555555555555'
  const queues = ['--queue', 'private$\\plain', '--queue', 'private$\\orders:transactional']
  const { line, stderr, end } = startQm(t, ...args, '--guid', `{${guid.toUpperCase()}}`, ...queues)
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

  t.equal(await end('SIGTERM'), 0)
  t.match(stderr(), /closing sessions/)
})

t.test('what cannot be is one line on stderr and exit code 2', async t => {
  const notMeant: [string[], RegExp][] = [
    [[], /--name is needed/],
    [['--name', 'a name'], /--name "a name"/],
    [['--config', 'no-such.yaml'], /no-such\.yaml: no such file/],
    [['--config', 'docs'], /docs: is a directory/],
    [['--name', 'R', '--metrics', '0.0.0.0:9100'], /--metrics "0\.0\.0\.0:9100": allowed is PORT, or ADDRESS:PORT/],
    [['--name', 'R', '--log-level', 'loud'], /--log-level "loud": allowed is trace, debug/],
    [['--name', 'R', '--port', '0', '--address', '127.0.95.7', '--control', '127.0.0.1:9'], /--control-token FILE/],
    [
      ['--name', 'R', '--port', '0', '--control', '127.0.0.1:9', '--control-token', 'test/fixtures/short.token'],
      /--control-token test\/fixtures\/short\.token: its token has 5 characters; allowed is 16 or more/,
    ],
    [['--name', 'R', '--address', 'here'], /--address "here"/],
    [['--name', 'R', '--port', '70000'], /--port "70000"/],
    [['--name', 'R', '--set', 'CleanupInterval'], /--set "CleanupInterval"/],
    [['--name', 'R', '--set', 'NoSuch=1'], /NoSuch/],
    [['--name', 'R', '--guid', 'x'], /guid/],
    [['--name', 'R', '--address', '127.0.95.8', '--port', '0', '--queue', 'q:trans'], /--queue "q:trans"/],
  ]
  const notToBeHad: [string[], RegExp][] = [
    [['--name', 'R', '--data', 'package.json'], /package\.json/],
    [
      ['--name', 'R', '--address', '127.0.95.10', '--port', '0', '--config', 'test/fixtures/qm-one-number.yaml'],
      /queue private\$\\b: number 70 is that of private\$\\a/,
    ],
    [['--name', 'R', '--address', '192.0.2.77', '--port', '0'], /192\.0\.2\.77/],
    [
      ['--name', 'R', '--address', '127.0.95.9', '--port', '0', '--queue', 'private$\\a', '--queue', 'private$\\A'],
      /queue/,
    ],
  ]
  for (const [run, rows] of [
    [mqlabInProcess, notMeant],
    // what is found out once its log, store and sockets are being opened
    [mqlab, notToBeHad],
  ] as const)
    for (const [args, said] of rows) {
      const { code, stderr } = await run(['qm', ...args])
      t.equal(code, 2, args.join(' '))
      t.match(stderr, said)
      t.match(stderr, /^mqlab: [^\n]*\n$/)
    }
})
