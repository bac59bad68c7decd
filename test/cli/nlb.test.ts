import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { startMqlab, temporaryDirectory } from '../fixtures/qm-child.js'

const PORT = 18_010
const VIP = '127.86.3.100'
const HOSTS = { R1: '127.86.3.11', R2: '127.86.3.12' }
const LINES = [
  `cluster: { name: SHOP, addresses: ${VIP} }`,
  'settled: true',
  `rules: [{ ports: ${PORT}, protocol: tcp }]`,
  `ports: { tcp: ${PORT}, udp: [] }`,
  'hosts:',
  ...Object.entries(HOSTS).map(([name, address]) => `  - { name: ${name}, address: ${address} }`),
]

function file(t: Test, lines: readonly string[] = LINES): string {
  const path = join(temporaryDirectory(t), 'cluster.yaml')
  writeFileSync(path, lines.join('\n'))
  return path
}

/** A host whose service says who it is and whom it sees. */
async function host(t: Test, name: string, address: string): Promise<void> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end(`${name} sees ${socket.remoteAddress}`)
  })
  server.listen(PORT, address)
  await once(server, 'listening')
  t.teardown(() => server.close())
}

/** What the cluster answers to a client. */
async function visit(localAddress: string): Promise<string> {
  const socket = connect({ host: VIP, port: PORT, localAddress })
  let heard = ''
  socket.setEncoding('utf8').on('data', text => {
    heard += text
  })
  await once(socket, 'close')
  return heard
}

t.test('a cluster serves, obeys the verbs, and ends when told to', async t => {
  const environment = { XDG_RUNTIME_DIR: temporaryDirectory(t), MQLAB_NLB_CONTROL: '' }
  const control = join(environment.XDG_RUNTIME_DIR, 'shop.nlb')
  const nlb = (...args: string[]) => mqlabInProcess(['nlb', ...args], { ...environment, MQLAB_NLB_CONTROL: control })
  const started = (...args: string[]) => mqlab(['nlb', ...args], { ...environment, MQLAB_NLB_CONTROL: control })
  for (const [name, address] of Object.entries(HOSTS)) await host(t, name, address)
  const path = file(t)
  const cluster = startMqlab(t, 'nlb', path, '--control', control, '--json')
  const lines: Record<string, unknown>[] = []
  do lines.push(JSON.parse(await cluster.line()))
  while (lines.at(-1)?.ready !== true)
  t.match(lines.at(-1), {
    name: 'SHOP',
    plane: 'proxy',
    source: 'keep',
    hash: 'nlb-sub-1',
    hashIsSubstitute: true,
    control,
    serves: [{ protocol: 'tcp', address: VIP, port: PORT }],
  })
  t.ok(
    lines.some(({ event, host }) => event === 'converged-as-default' && host === 'R1'),
    'settled: converged at once',
  )

  // single 10.0.0.7 -> 39 is a golden vector; here the client's own address decides, and explain says who is next
  const client = '127.86.3.51'
  const [explained] = objects((await nlb('explain', '--from', `${client}:1`, '--to', `VIP:${PORT}`, '--json')).stdout)
  const [owner] = explained!.acceptors as [keyof typeof HOSTS]
  t.equal(await visit(client), `${owner} sees ${client}`, 'the host that explain names, which sees the client')

  const other = owner === 'R1' ? 'R2' : 'R1'
  const stop = await started('stop', owner)
  t.strictSame([stop.code, stop.stdout], [0, `${owner}  1000  done\n`])
  const query = await nlb('query', owner)
  t.match(query.stdout, new RegExp(`Host \\d \\(${owner}\\) is stopped`))
  t.notMatch(query.stdout, new RegExp(`\\(${other}\\)`))
  t.match(await started('drainstop', owner), { code: 1, stdout: new RegExp(`${owner}  1005`) }, 'it is not running')
  t.match(await nlb('stop', 'R9'), { code: 2, stderr: /mqlab: host "R9": allowed is R1, R2\n/ })

  t.equal(await cluster.end('SIGTERM'), 0)
  t.match(await nlb('query'), { code: 2, stderr: /no NLB cluster answers at .*shop\.nlb/ })
})

t.test('what cannot be is one line on stderr and exit code 2', async t => {
  const path = file(t, [...LINES, 'colour: blue'])
  const mqlab = mqlabOnceStarted()
  for (const [args, message] of [
    [[path], /^mqlab: \S+cluster\.yaml:8:1 colour: unknown key colour: .*\n$/],
    [[], /^mqlab: the YAML file of a cluster is missing, or a verb; see mqlab nlb --help\n$/],
    [['query'], /^mqlab: no NLB cluster runs here; start one with: mqlab nlb CONFIG\.yaml.*\n$/],
    [
      ['explain', '--from', '10.0.0.7', '--to', 'VIP:1', '--config', file(t)],
      /^mqlab: --from "10\.0\.0\.7": allowed is/,
    ],
  ] as const) {
    const { code, stderr } = await mqlab(['nlb', ...args], {
      XDG_RUNTIME_DIR: temporaryDirectory(t),
      MQLAB_NLB_CONTROL: '',
    })
    t.equal(code, 2)
    t.match(stderr, message)
  }
})

t.test('what needs none running: explain, render, ip2mac', async t => {
  const path = file(t)
  const to = `VIP:${PORT}`
  const explained = await mqlabInProcess(['nlb', 'explain', '--config', path, '--from', '10.0.0.7:49152', '--to', to])
  t.match(explained.stdout, /bucket {2}39 of 60, of R2/)
  t.match(objects((await mqlabInProcess(['nlb', 'ip2mac', '10.0.0.100', '--json'])).stdout), [
    { unicast: '02-bf-0a-00-00-64' },
  ])
  const rendered = await mqlab(['nlb', 'render', '--for', 'haproxy', path, '--source', 'keep'])
  t.match(rendered.stdout, new RegExp(`bind ${VIP}:${PORT}`))
  t.match(rendered.stderr, /^note: /)
  const [object] = objects(
    (await mqlabInProcess(['nlb', 'render', '--for', 'haproxy', path, '--source', 'keep', '--json'])).stdout,
  )
  t.equal(object!.text, rendered.stdout)
})
