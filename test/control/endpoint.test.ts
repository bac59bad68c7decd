import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  announceControlSocket,
  controlEndpointText,
  defaultControlEndpoint,
  findControlEndpoint,
  parseControlEndpoint,
  probe,
} from '../../control/endpoint.js'

t.test('a path, or an address and a port', async t => {
  t.strictSame(parseControlEndpoint('/run/q.sock'), { path: '/run/q.sock' })
  t.strictSame(parseControlEndpoint('q.sock'), { path: 'q.sock' })
  t.strictSame(parseControlEndpoint('127.0.0.1:5000'), { host: '127.0.0.1', port: 5000 })
  t.strictSame(parseControlEndpoint('[::1]:5000'), { host: '::1', port: 5000 })
  for (const text of ['127.0.0.1:5000', '[::1]:1', '/run/q.sock'])
    t.equal(controlEndpointText(parseControlEndpoint(text)), text)
  for (const text of ['', 'host:0', 'host:65536', 'x'.repeat(200), 'a\0b'])
    t.throws(() => parseControlEndpoint(text), { code: 'MSMQ_OPTION_CONTROL' }, JSON.stringify(text))
})

t.test('what is given comes first, then the environment, then the one that runs', async t => {
  const directory = runtime(t)
  t.strictSame(await findControlEndpoint({ control: '127.0.0.1:7', data: '/d' }), { host: '127.0.0.1', port: 7 })
  t.strictSame(await findControlEndpoint({ data: '/d' }), { path: '/d/control.sock' })
  await t.rejects(findControlEndpoint(), { code: 'MSMQ_CONTROL_CONNECT', message: /mqlab qm --name/ })

  const first = defaultControlEndpoint({ name: 'A' })
  t.strictSame(first, { path: join(directory, `mqlab-${process.getuid?.() ?? 0}`, 'A.sock') })
  await listening(t, first.path)
  writeFileSync(join(directory, `mqlab-${process.getuid?.() ?? 0}`, 'file.sock'), '')
  t.strictSame(await findControlEndpoint(), first)

  const second = defaultControlEndpoint({ name: 'B' })
  await listening(t, second.path)
  await t.rejects(findControlEndpoint(), { code: 'MSMQ_CONTROL_CHOICE', message: /A\.sock.*B\.sock.*--control/ })

  process.env.MQLAB_CONTROL = '127.0.0.1:9'
  t.strictSame(await findControlEndpoint(), { host: '127.0.0.1', port: 9 })
})

t.test('a socket in a data directory is found by the name of its queue manager, as long as it runs', async t => {
  const directory = runtime(t)
  const path = join(directory, 'control.sock')
  await listening(t, path)
  const conceal = await announceControlSocket('A', path)
  const link = defaultControlEndpoint({ name: 'A' })
  t.strictSame(await findControlEndpoint(), link)
  t.equal(await probe(link.path), 'live')
  const second = await announceControlSocket('A', join(directory, 'other.sock'))
  t.strictSame(await findControlEndpoint(), link, 'one that runs keeps its name')
  second()
  conceal()
  t.equal(await probe(link.path), 'none')
  await t.rejects(findControlEndpoint(), { code: 'MSMQ_CONTROL_CONNECT' })
  await announceControlSocket('A', join(directory, 'gone.sock'))
  t.equal(await probe(link.path), 'stale', 'left by one that was killed')
  const again = await announceControlSocket('A', path)
  t.strictSame(await findControlEndpoint(), link)
  again()
})

t.test('a directory that others may write to is not trusted', async t => {
  const directory = join(runtime(t), `mqlab-${process.getuid?.() ?? 0}`)
  const before = process.umask(0)
  mkdirSync(directory, { mode: 0o777 })
  process.umask(before)
  t.throws(() => defaultControlEndpoint({ name: 'A' }), { code: 'MSMQ_OPTION_CONTROL', message: /this user alone/ })
  await listening(t, join(directory, 'A.sock'))
  await t.rejects(findControlEndpoint(), { code: 'MSMQ_CONTROL_CONNECT', message: /no queue manager runs here/ })
})

t.test('a data directory whose path is too long says so', async t => {
  t.throws(() => defaultControlEndpoint({ name: 'A', data: `/${'d'.repeat(120)}` }), { code: 'MSMQ_OPTION_CONTROL' })
})

t.test('who listens, and who does not any more', async t => {
  const directory = runtime(t)
  const path = join(directory, 's.sock')
  t.equal(await probe(path), 'none')
  writeFileSync(path, 'a file')
  t.equal(await probe(path), 'none', 'a file is not to be taken for a socket')
  rmSync(path)
  await listening(t, path)
  t.equal(await probe(path), 'live')
})

/** A runtime directory of the test's own, and no endpoint in the environment. */
function runtime(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-test-'))
  const { MQLAB_CONTROL, XDG_RUNTIME_DIR } = process.env
  delete process.env.MQLAB_CONTROL
  process.env.XDG_RUNTIME_DIR = directory
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true })
    if (MQLAB_CONTROL === undefined) delete process.env.MQLAB_CONTROL
    else process.env.MQLAB_CONTROL = MQLAB_CONTROL
    if (XDG_RUNTIME_DIR === undefined) delete process.env.XDG_RUNTIME_DIR
    else process.env.XDG_RUNTIME_DIR = XDG_RUNTIME_DIR
  })
  return directory
}

function listening(t: Test, path: string): Promise<void> {
  const server = createServer(socket => socket.destroy())
  t.teardown(() => server.close())
  return new Promise(resolve => server.listen({ path }, resolve))
}
