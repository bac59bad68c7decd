import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type ClusterInput, clusterConfig } from '../../../gateway/nlb/cluster-config.js'
import { findProgram } from '../../../gateway/planes/kernel/programs.js'
import { kbRows } from '../../../gateway/render/kb-rows.js'
import { MSMQ_ANSWER, MSMQ_PROBE } from '../../../gateway/render/msmq-probe.js'
import { renderFor } from '../../../gateway/render/render.js'
import { RENDER_PRODUCTS, type RenderOptions, type RenderProduct } from '../../../gateway/render/rendering.js'
import { servicesOf } from '../../../gateway/render/services.js'

const one = (port: number, more = {}) => ({ startPort: port, endPort: port, protocol: 'tcp', ...more }) as const

const FULL: ClusterInput = {
  name: 'ORDERS',
  addresses: ['10.0.0.100'],
  rules: [
    one(1801, { affinity: 'network', timeoutMinutes: 20 }),
    one(1802, { affinity: 'none' }),
    one(80),
    one(81, { mode: 'disabled' }),
    one(82, { mode: 'single' }),
    { startPort: 3527, endPort: 3527, protocol: 'udp' },
  ],
  hosts: [
    { name: 'R1', address: '10.0.1.11', weight: 30, handlingPriority: 2 },
    { name: 'R2', address: '10.0.1.12', weight: 70, handlingPriority: 1 },
    { name: 'R3', address: '10.0.1.13', weight: 0, handlingPriority: 3 },
  ],
}
const cluster = clusterConfig(FULL)

/** What the product's own program says against a configuration; null where it is content. */
function complaint(product: RenderProduct, text: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-render-'))
  try {
    const file = join(folder, 'configuration')
    const module = '/usr/lib/nginx/modules/ngx_stream_module.so'
    const own = text.replace('include /etc/nginx/modules-enabled/*.conf;', `load_module ${module}; pid ${folder}/pid;`)
    // nginx binds its ports even to test a configuration
    writeFileSync(file, product === 'nginx' ? own.replaceAll('10.0.0.100', '127.184.0.100') : text)
    const [name, ...args] = {
      haproxy: ['haproxy', '-c', '-f', file],
      nginx: ['nginx', '-t', '-e', 'stderr', '-c', file],
      nftables: ['nft', '-c', '-f', file],
      ipvs: ['sh', '-n', file],
      keepalived: ['keepalived', '-t', '-f', file],
    }[product]
    const { status, stdout, stderr } = spawnSync(findProgram(name!)!, args, { encoding: 'utf8' })
    return status === 0 ? null : `${stdout}${stderr}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const VARIANTS: readonly RenderOptions[] = [
  {},
  { source: 'keep', httpPorts: [80] },
  { source: 'translate', check: 'none', forward: { 1801: 2801 } },
  { forwarding: 'direct', check: 'connect' },
  { forwarding: 'tunnel', stateOf: (host, rule) => (host !== 'R1' ? 'up' : rule === 0 ? 'down' : 'draining') },
]

const CHECKERS = { haproxy: 'haproxy', nginx: 'nginx', nftables: 'nft', ipvs: 'sh', keepalived: 'keepalived' } as const

for (const product of RENDER_PRODUCTS) {
  const checker = CHECKERS[product]
  const needsRoot = product !== 'haproxy' && product !== 'ipvs' && process.getuid?.() !== 0
  const skip =
    findProgram(checker) === null ? `${checker} is not installed` : needsRoot && `${checker} checks for root alone`
  t.test(`${product} takes what is rendered for it`, { skip }, async t => {
    for (const options of VARIANTS)
      t.equal(complaint(product, renderFor(product, cluster, options).text), null, JSON.stringify(options))
    t.not(complaint(product, `${renderFor(product, cluster).text}\n}} ( no such thing`), null, 'it does look')
  })
}

t.test('each text says what it satisfies and what it cannot', async t => {
  for (const product of RENDER_PRODUCTS) {
    const { text, limits } = renderFor(product, cluster)
    const plain = text.replace(/\n# +/g, ' ')
    for (const limit of limits) t.ok(plain.includes(limit), `${product}: ${limit}`)
    for (const row of [1, 2, 3, 4, 5, 6])
      t.match(text, new RegExp(`^# +${row}  .*(yes|on condition|no) .*NLB-\\d`, 'm'))
    t.match(text, /Never the PROXY protocol/)
    t.notMatch(text.replace(/^\s*#.*$/gm, ''), /send-proxy|proxy_protocol/, 'and never uses it')
    t.ok(text.endsWith('\n'))
  }
})

t.test('what differs by product', async t => {
  const code = (product: RenderProduct, options: RenderOptions = {}) =>
    renderFor(product, cluster, options).text.replace(/^\s*#.*\n/gm, '')
  const haproxy = code('haproxy')
  t.match(haproxy, /backend tcp_1801_hosts\n {4}balance hash src,ipmask\(24,64\)/)
  t.match(haproxy, /stick-table type ip size 1m expire 20m/)
  t.match(
    haproxy,
    /server R1 10\.0\.1\.11:1801 weight 30\n {4}server R2 10\.0\.1\.12:1801 weight 70\n {4}server R3 \S+ weight 0/,
  )
  t.match(
    haproxy,
    /server R2 10\.0\.1\.12:82 weight 100\n {4}server R1 \S+ weight 100 backup\n/,
    'by handling priority',
  )
  t.match(haproxy, /frontend tcp_81\n {4}bind 10\.0\.0\.100:81\n {4}tcp-request connection reject/)
  t.ok(haproxy.includes(`tcp-check send-binary ${MSMQ_PROBE.toString('hex')}`))
  t.ok(haproxy.includes(`tcp-check expect binary ${MSMQ_ANSWER.toString('hex')}`))
  t.match(haproxy, /source 10\.0\.0\.100\n/)
  t.match(code('haproxy', { source: 'keep' }), /source 0\.0\.0\.0 usesrc clientip/)
  t.notMatch(haproxy, /3527/)
  for (const [, seconds] of haproxy.matchAll(/timeout (?:client|server) (\d+)s/g))
    t.ok(Number(seconds) > 600, 'above two periods of MSMQ’s idle close')

  const nginx = code('nginx')
  t.match(nginx, /listen 10\.0\.0\.100:3527 udp;/)
  t.match(nginx, /server 10\.0\.1\.13:1801 weight=1 max_fails=3 fail_timeout=10s down;/, 'weight 0')
  t.match(code('nginx', { source: 'keep' }), /proxy_bind \$remote_addr transparent;/)
  t.match(code('nginx', { forward: { 1801: 2801 } }), /server 10\.0\.1\.11:2801/)

  t.match(code('nftables'), /dnat to 10\.0\.1\.11/)
  t.notMatch(code('nftables'), /^\s*ct status dnat snat/m)
  t.match(code('nftables', { source: 'translate' }), /ct status dnat snat to 10\.0\.0\.100/)
  t.throws(() => renderFor('nftables', clusterConfig({ ...FULL, addresses: ['fd00::1'] })), {
    name: 'RangeError',
    message: /fd00::1/,
  })
  t.match(code('ipvs'), /-A -t 10\.0\.0\.100:1801 -s wrr -p 1200 -M 255\.255\.255\.0/)
  t.match(code('ipvs', { forwarding: 'direct' }), /-r 10\.0\.1\.11:1801 -g -w 30/)
  t.match(code('keepalived'), /lb_algo sh\n {4}sh-port\n/)
})

t.test('names of people’s making stay inside their comment', async t => {
  const evil = clusterConfig({
    ...FULL,
    name: 'A\nglobal\n  daemon',
    hosts: [
      { name: 'R 1;\n}', address: '10.0.1.11' },
      { name: 'R_1___', address: '10.0.1.12' },
    ],
  })
  for (const product of RENDER_PRODUCTS) {
    const { text } = renderFor(product, evil)
    t.notMatch(text.replace(/^\s*#.*$/gm, ''), /^\s*daemon|R 1;/m, product)
  }
  const ids = servicesOf(evil)[0]!.members.map(({ id }) => id)
  t.equal(new Set(ids).size, 2, 'and different hosts stay different')
})

t.test('ports that are served', async t => {
  const served = (rules: ClusterInput['rules'], ports = {}) =>
    servicesOf(clusterConfig({ ...FULL, ...(rules && { rules }) }), { ports }).map(
      ({ name, sharing }) => `${name} ${sharing}`,
    )
  t.same(served([{}]), ['tcp_1801 spread', 'tcp_80 spread', 'tcp_443 spread', 'udp_3527 spread'], 'the default rule')
  t.same(served([]), ['tcp_1801 first'], 'no rule: the default host')
  t.same(served([one(80)], { tcp: [80, 1801] }), ['tcp_80 spread', 'tcp_1801 first'], 'a forgotten rule')
  t.same(served([{ startPort: 5000, endPort: 5002, protocol: 'udp', mode: 'disabled' }]), [
    'udp_5000 refuse',
    'udp_5001 refuse',
    'udp_5002 refuse',
  ])
})

t.test('which rows of KB 899611', async t => {
  const rows = (source: 'keep' | 'translate', destination: 'cluster' | 'host') =>
    kbRows({ source, destination, unit: 'connection', staysWithHost: true }).map(({ satisfied }) => satisfied)
  t.same(rows('keep', 'cluster'), ['yes', 'on condition', 'yes', 'on condition', 'no', 'no'])
  t.same(rows('translate', 'host'), ['on condition', 'on condition', 'yes', 'on condition', 'no', 'no'])
  t.match(kbRows({ source: 'translate', destination: 'host', unit: 'request', staysWithHost: false })[5], {
    behaviours: ['NLB-11', 'NLB-12'],
  })
})
