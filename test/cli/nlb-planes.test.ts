import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findProgram, namespacesLacking } from '../../gateway/planes/kernel/programs.js'
import { startMqlab, temporaryDirectory } from '../fixtures/qm-child.js'

/* The planes that need more than Node, as mqlab nlb runs them. What they do is tested beside each of them. */

async function start(t: Test, lines: readonly string[], ...args: string[]) {
  const path = join(temporaryDirectory(t), 'cluster.yaml')
  writeFileSync(path, lines.join('\n'))
  const cluster = startMqlab(t, 'nlb', path, '--settled', '--control', 'off', ...args)
  const line = await cluster.line()
  t.ok(line.startsWith('{'), cluster.stderr())
  return { cluster, ready: JSON.parse(line) as Record<string, unknown> }
}

for (const [index, plane] of (['haproxy', 'nginx'] as const).entries()) {
  const skip = findProgram(plane) === null && `needs ${plane}`
  t.test(`${plane} serves the cluster, and is gone with it`, { skip }, async t => {
    const port = 18_021 + index
    const [vip, address] = ['127.86.4.100', '127.86.4.11']
    const server = createServer(socket => {
      socket.on('error', () => undefined)
      socket.end(`sees ${socket.remoteAddress}`)
    })
    server.listen(port, address)
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { cluster, ready } = await start(
      t,
      [
        `cluster: { addresses: ${vip} }`,
        `rules: [{ ports: ${port}, protocol: tcp }]`,
        `hosts: [{ name: R1, address: ${address} }]`,
        'balancer: { check: connect }',
      ],
      '--plane',
      plane,
    )
    t.match(ready, { plane, source: 'translate', hash: null, serves: [{ protocol: 'tcp', address: vip, port }] })
    const socket = connect({ host: vip, port })
    const heard: string[] = []
    socket.setEncoding('utf8').on('data', text => heard.push(String(text)))
    await once(socket, 'close')
    t.equal(heard.join(''), `sees ${vip}`)
    t.equal(await cluster.end('SIGTERM'), 0)
    const refused = connect({ host: vip, port })
    t.match(await once(refused, 'error'), [{ code: 'ECONNREFUSED' }])
  })
}

t.test(
  'in the kernel hosts are namespaces, told on the first line, and gone at the end',
  { skip: namespacesLacking() ?? false },
  async t => {
    const { cluster, ready } = await start(
      t,
      [
        'cluster: { addresses: 10.86.4.100 }',
        'rules: [{ ports: 1801, protocol: tcp }]',
        'hosts: [{ name: R1, address: 10.86.4.11 }]',
        'machines: [{ name: S1, address: 10.86.5.51 }]',
      ],
      '--plane',
      'kernel',
    )
    t.match(ready, { plane: 'kernel', mode: 'nlb', hash: 'jhash seed 0', hashIsSubstitute: true })
    const { S1 } = ready.namespaces as Record<string, { namespace: string; address: string; run: string }>
    t.equal(S1?.address, '10.86.5.51')
    const [program = '', ...words] = S1!.run.split(' ')
    t.match(execFileSync(program, [...words, program, '-4', 'address']).toString(), /10\.86\.5\.51/)
    t.equal(await cluster.end('SIGTERM'), 0)
    t.notMatch(execFileSync(program, ['netns']).toString(), S1!.namespace)
  },
)
