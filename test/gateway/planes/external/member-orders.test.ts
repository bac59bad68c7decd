import t from 'tap'
import { NlbCluster } from '../../../../gateway/nlb/cluster.js'
import { clusterConfig } from '../../../../gateway/nlb/cluster-config.js'
import { memberOrders } from '../../../../gateway/planes/external/member-orders.js'
import type { HostState } from '../../../../gateway/planes/http-options.js'
import { servicesOf } from '../../../../gateway/render/services.js'

/** What three hosts are to do for TCP 1801 (spread), TCP 80 (single), TCP 443 (disabled) and, by no rule, TCP 25. */
function world(settled = true) {
  const config = clusterConfig({
    addresses: ['10.0.0.100'],
    parameters: { profile: '2003' },
    rules: [
      { startPort: 1801, endPort: 1801, protocol: 'tcp', affinity: 'none' },
      { startPort: 80, endPort: 80, protocol: 'tcp', mode: 'single' },
      { startPort: 443, endPort: 443, protocol: 'tcp', mode: 'disabled' },
    ],
    hosts: [
      { name: 'R1', address: '10.0.0.11', weight: 30 },
      { name: 'R2', address: '10.0.0.12', weight: 60 },
      { name: 'R3', address: '10.0.0.13', weight: 0 },
    ],
  })
  const cluster = new NlbCluster({ config })
  if (settled) cluster.settle(0)
  else cluster.start(0)
  const services = servicesOf(config, { ports: { tcp: [1801, 80, 443, 25] } })
  const orders = (ordered: ReadonlyMap<string, HostState> = new Map()) =>
    Object.fromEntries(
      services.map(({ name, port }) => [
        port,
        memberOrders(services, cluster.hosts(), ordered)
          .filter(({ service }) => service === name)
          .map(({ host, state, weight }) => `${host} ${state} ${weight}`),
      ]),
    )
  return { cluster, orders }
}

t.test('a settled cluster: weights where load is spread, everybody ready where one takes all', async t => {
  const { orders } = world()
  t.same(orders(), {
    1801: ['R1 up 30', 'R2 up 60', 'R3 up 0'],
    80: ['R1 up 100', 'R2 up 100', 'R3 up 100'],
    443: [],
    25: ['R1 up 100', 'R2 up 100', 'R3 up 100'],
  })
})

t.test('who has not converged yet takes nothing', async t => {
  const { cluster, orders } = world(false)
  cluster.advance(1000)
  t.same(orders()[1801], ['R1 draining 30', 'R2 draining 60', 'R3 up 0'])
  t.same(orders()[80], ['R1 draining 100', 'R2 draining 100', 'R3 draining 100'])
  cluster.advance(5000)
  t.same(orders()[1801], ['R1 up 30', 'R2 up 60', 'R3 up 0'])
})

t.test('crashed, stopped, drained, disabled', async t => {
  const { cluster, orders } = world()
  cluster.crash('R1', 1000)
  t.same(orders()[1801], ['R1 down 30', 'R2 up 60', 'R3 up 0'], 'at once, although its buckets are still its own')
  cluster.advance(20_000)
  cluster.recover('R1', 20_000)
  cluster.advance(40_000)
  cluster.command('disable', 'R2', 40_000, { rule: 0 })
  t.same(orders()[1801], ['R1 up 30', 'R2 down 60', 'R3 up 0'])
  cluster.advance(50_000)
  t.same(orders()[80], ['R1 up 100', 'R2 up 100', 'R3 up 100'], 'the other rule is as it was')
  cluster.command('enable', 'R2', 51_000, { rule: 0 })
  cluster.advance(60_000)
  cluster.command('drain', 'R2', 60_000, { rule: 0 })
  t.same(orders()[1801], ['R1 up 30', 'R2 draining 60', 'R3 up 0'])
  cluster.command('stop', 'R2', 61_000)
  t.same(orders()[1801], ['R1 up 30', 'R2 down 60', 'R3 up 0'])
})

t.test('what was ordered goes before what the model says', async t => {
  const { orders } = world()
  t.same(orders(new Map([['R1', 'down']]))[1801], ['R1 down 30', 'R2 up 60', 'R3 up 0'])
  t.same(orders(new Map([['R1', 'draining']]))[80], ['R1 draining 100', 'R2 up 100', 'R3 up 100'])
})
