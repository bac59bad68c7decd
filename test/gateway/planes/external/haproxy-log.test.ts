import t from 'tap'
import { clusterConfig } from '../../../../gateway/nlb/cluster-config.js'
import { HaproxyLog } from '../../../../gateway/planes/external/haproxy-log.js'
import { servicesOf } from '../../../../gateway/render/services.js'

const services = servicesOf(
  clusterConfig({
    addresses: ['10.0.0.100'],
    hosts: [
      { name: 'R1', address: '10.0.0.11' },
      { name: 'R2', address: '10.0.0.12' },
    ],
  }),
  { ports: { tcp: [1801, 80] } },
)

const tcp = (server: string, state: string) =>
  `mqlab-tcp 1700000000.250 10.0.0.7 49152 1801 tcp_1801_hosts ${server} 572 576 ${state} 1500`

t.test('a connection: who chose, whom, what passed and how it ended', async t => {
  const read = new HaproxyLog('translate').read(tcp('R2', '--'), services)!
  t.match(read.decision, {
    timeMs: 1_700_000_000_250,
    connection: 1,
    clientAddress: '10.0.0.7',
    clientPort: 49152,
    host: 'R2',
    hostAddress: '10.0.0.12',
    hostPort: 1801,
    upstreamLocalAddress: '10.0.0.100',
    bucket: null,
  })
  t.match(read.closed, {
    timeMs: 1_700_000_001_750,
    openedMs: 1_700_000_000_250,
    toHost: { bytes: 572 },
    toClient: { bytes: 576 },
    manner: 'end',
  })
  t.equal(read.request, undefined)
})

t.test('each end has its manner', async t => {
  const ends = ([server, state]: readonly [string, string]) => {
    const { manner, closedBy, code } = new HaproxyLog('keep').read(tcp(server, state), services)!.closed!
    return [state, closedBy, manner, code]
  }
  t.same(
    (
      [
        ['R1', '--'],
        ['R1', 'CD'],
        ['R1', 'SD'],
        ['R1', 'SC'],
        ['R1', 'sC'],
        ['R1', 'cD'],
        ['R1', 'sD'],
        ['R1', 'KD'],
        ['<NOSRV>', 'SC'],
      ] as const
    ).map(ends),
    [
      ['--', 'client', 'end', null],
      ['CD', 'client', 'reset', 'ECONNRESET'],
      ['SD', 'host', 'reset', 'ECONNRESET'],
      ['SC', 'gateway', 'hostDown', 'ECONNREFUSED'],
      ['sC', 'gateway', 'hostDown', 'ETIMEDOUT'],
      ['cD', 'gateway', 'idle', null],
      ['sD', 'gateway', 'idle', null],
      ['KD', 'gateway', 'stopped', null],
      ['SC', 'gateway', 'noHost', null],
    ],
  )
})

t.test('requests over HTTP are counted by their client’s connection', async t => {
  const log = new HaproxyLog('keep')
  const request = (port: number, status: number, state: string) =>
    log.read(
      `mqlab-http 1700000000.000 10.0.0.7 ${port} 80 tcp_80_hosts R1 900 120 ${state} 10 ${status} POST /msmq/private$/a b`,
      services,
    )!
  t.match(request(49152, 200, '--'), {
    decision: { connection: 1, request: 1, upstreamLocalAddress: '10.0.0.7' },
    request: { connection: 1, request: 1, outcome: 'answered', status: 200, target: '/msmq/private$/a b' },
  })
  t.match(request(49153, 502, 'SH').request, { connection: 2, request: 1, outcome: 'refused', status: 502 })
  t.match(request(49152, -1, 'CD').request, { connection: 1, request: 2, outcome: 'cut', status: null })
})

t.test('lines of others are nobody’s', async t => {
  const log = new HaproxyLog('keep')
  for (const line of [
    '',
    'mqlab-tcp',
    'Proxy tcp_1801 started.',
    tcp('R1', '--').replace('tcp_1801_hosts', 'tcp_25_hosts'),
  ])
    t.equal(log.read(line, services), null, line)
})
