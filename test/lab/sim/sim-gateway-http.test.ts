import t from 'tap'
import type { GatewaySpec } from '../../../lab/node-spec.js'
import { SimHttpIncoming } from '../../../lab/sim/sim-http-incoming.js'
import type { SimHttpLinkOwner } from '../../../lab/sim/sim-http-link.js'
import { SimHttpLink } from '../../../lab/sim/sim-http-link.js'
import { headerValue } from '../../../protocol/srmp/http-head.js'
import type { HttpRequest } from '../../../queue-manager/actions.js'
import { appliance, hostAddress, simGatewayWorld, VIP } from '../../fixtures/sim-gateway-world.js'

const HTTP = 80

interface Taken {
  readonly host: string
  readonly from: string
  readonly request: HttpRequest
  answer(status: number): void
}

/** Hosts that take requests, and answer 200 at once unless they are told to wait. */
function httpWorld(options: Partial<GatewaySpec> = {}, hosts = 3) {
  const spec = appliance(
    { listen: { address: VIP, port: HTTP }, protocol: 'http', balance: 'request', ...options },
    hosts,
  )
  const world = simGatewayWorld(spec, { hosts: 0 })
  const taken: Taken[] = []
  const behaviour = { answers: true }
  const stops = Array.from({ length: hosts }, (_, index) => {
    const host = `R${index + 1}`
    return world.network.listen({ address: hostAddress(index + 1), port: HTTP }, socket => {
      const incoming = new SimHttpIncoming(socket, false, {
        requested: (request, answer) => {
          taken.push({ host, from: socket.remote.address, request, answer })
          if (behaviour.answers) answer(200)
        },
        wallMs: () => 0,
        closed: () => undefined,
      })
      void incoming
    })
  })
  return {
    ...world,
    taken,
    behaviour,
    /** The host listens no more. */
    stopHost: (host: number) => stops[host - 1]!(),
    client(from: string) {
      const outcomes: [exchange: number, outcome: number | string][] = []
      const owner: SimHttpLinkOwner = {
        answered: (exchange, status) => outcomes.push([exchange, status]),
        failed: (exchange, reason) => outcomes.push([exchange, reason]),
        ended: () => undefined,
      }
      const link = new SimHttpLink(world.network, from, { address: VIP, port: HTTP }, owner)
      return { outcomes, link, post: (exchange: number) => link.post(exchange, post(`body ${exchange}`)) }
    },
  }
}

function post(body: string): HttpRequest {
  const headers = [
    ['Host', 'cluster.example'],
    ['Content-Type', 'text/xml'],
    ['Connection', 'Keep-Alive'],
  ] as const
  return { method: 'POST', target: '/msmq/private$/q', headers, body: [Buffer.from(body)], secure: false }
}

t.test('requests of one connection go to the hosts in turn, one at a time, and are answered in order', async t => {
  const world = httpWorld()
  const { outcomes, post } = world.client('10.0.1.1')
  world.behaviour.answers = false
  for (let exchange = 1; exchange <= 6; exchange++) post(exchange)
  world.run(100)
  t.equal(world.taken.length, 1, 'the next waits for the answer of the first')
  world.behaviour.answers = true
  world.taken[0]!.answer(200)
  world.run(100)
  t.strictSame(
    world.taken.map(({ host, request }) => [host, Buffer.concat(request.body).toString()]),
    [1, 2, 3, 4, 5, 6].map(number => [`R${((number - 1) % 3) + 1}`, `body ${number}`]),
  )
  t.strictSame(
    outcomes,
    [1, 2, 3, 4, 5, 6].map(number => [number, 200]),
  )
  t.match(world.decisions[4], {
    connection: 1,
    request: 5,
    host: 'R2',
    source: 'keep',
    upstreamLocalAddress: '10.0.1.1',
  })
  t.match(world.requests[4], {
    connection: 1,
    request: 5,
    host: 'R2',
    method: 'POST',
    target: '/msmq/private$/q',
    sent: true,
    outcome: 'answered',
    status: 200,
    bytesToHost: 6,
  })
  t.match(world.gateway.report(false), {
    counters: {
      toHost: { bytes: 36 },
      http: {
        requests: 6,
        outcomes: { answered: 6 },
        statuses: { 200: 6 },
        upstreams: { opened: 3, reused: 3, open: 3 },
      },
    },
  })
})

t.test('the host sees the client or the appliance, and the client in X-Forwarded-For', async t => {
  for (const source of ['keep', 'translate'] as const) {
    const world = httpWorld({ source, forwardedFor: true })
    world.client('10.0.1.1').post(1)
    world.run(100)
    const [{ from, request }] = world.taken as [Taken]
    t.equal(from, source === 'keep' ? '10.0.1.1' : VIP)
    t.equal(headerValue(request.headers, 'x-forwarded-for'), '10.0.1.1')
    t.equal(headerValue(request.headers, 'host'), 'cluster.example')
    t.equal(headerValue(request.headers, 'connection'), null, 'that is of one connection only')
  }
})

t.test('what cannot be answered by a host is answered in its place', async t => {
  const world = httpWorld({}, 1)
  const { outcomes, post } = world.client('10.0.1.1')
  world.behaviour.answers = false
  post(1)
  world.run(119_000)
  t.strictSame(outcomes, [])
  world.run(2_000)
  t.strictSame(outcomes, [[1, 504]], 'it took too long')
  world.stopHost(1)
  post(2)
  world.run(100)
  t.strictSame(outcomes.at(-1), [2, 502], 'it listens no more')
  world.gateway.fault({ kind: 'leave', host: 'R1', drain: false })
  post(3)
  world.run(100)
  t.strictSame(outcomes.at(-1), [3, 503], 'it is out')
  t.strictSame(
    world.requests.map(({ outcome, status, reason, sent }) => [outcome, status, reason, sent]),
    [
      ['refused', 504, 'ETIMEDOUT', true],
      ['refused', 502, 'ECONNREFUSED', false],
      ['refused', 503, 'round robin: no host is left', false],
    ],
  )
  t.match(world.gateway.report(false), {
    counters: { connectFailures: { ECONNREFUSED: 1 }, http: { refusals: { 502: 1 } } },
  })
})

t.test('a request that could not be sent goes to another host, where that is wanted', async t => {
  const world = httpWorld({ retryOtherHosts: true }, 2)
  world.stopHost(1)
  const { outcomes, post } = world.client('10.0.1.1')
  for (let exchange = 1; exchange <= 4; exchange++) post(exchange)
  world.run(100)
  t.strictSame(
    outcomes,
    [1, 2, 3, 4].map(number => [number, 200]),
  )
  t.ok(world.taken.every(({ host }) => host === 'R2'))
})

t.test('answers that the fault takes away: the host did the work, and the client never hears', async t => {
  for (const balance of ['connection', 'request'] as const) {
    const world = httpWorld({ balance, dropAnswers: { first: 2, requestsMax: 1 } })
    const first = world.client('10.0.1.1')
    for (let exchange = 1; exchange <= 3; exchange++) first.post(exchange)
    world.run(100)
    t.strictSame(first.outcomes.slice(0, 2), [
      [1, 200],
      [2, 'ECONNRESET'],
    ])
    t.equal(world.requests[1]!.outcome, 'dropped')
    t.equal(world.requests[1]!.status, 200)
    t.match(world.closed, [{ closedBy: 'gateway', manner: 'dropped' }])
    const again = world.client('10.0.1.1')
    again.post(4)
    world.run(100)
    t.strictSame(again.outcomes, [[4, 200]])
  }
  const silent = httpWorld({ dropAnswers: { requestsMax: 1, manner: 'silence' } })
  const { outcomes, link, post } = silent.client('10.0.1.1')
  post(1)
  silent.run(600_000)
  t.strictSame(outcomes, [])
  link.abort()
  silent.run(100)
  t.match(silent.requests, [{ outcome: 'dropped', status: 200 }])
  t.match(silent.closed, [{ closedBy: 'client', manner: 'reset' }])
})

t.test('balanced by connection, all requests of one go to its host, and end with it', async t => {
  const world = httpWorld({ balance: 'connection', forwardedFor: true })
  const { outcomes, post } = world.client('10.0.1.1')
  for (let exchange = 1; exchange <= 5; exchange++) post(exchange)
  world.run(100)
  t.equal(new Set(world.taken.map(({ host }) => host)).size, 1)
  t.equal(world.decisions.length, 1)
  world.behaviour.answers = false
  post(6)
  world.run(100)
  world.gateway.fault({ kind: 'leave', host: world.taken[0]!.host, drain: false })
  world.run(100)
  t.strictSame(outcomes.at(-1), [6, 502])
  t.match(world.closed, [{ closedBy: 'gateway', manner: 'hostDown' }])
})

t.test('a client that goes takes its requests along', async t => {
  const world = httpWorld()
  world.behaviour.answers = false
  const { link, post } = world.client('10.0.1.1')
  post(1)
  post(2)
  world.run(100)
  link.abort()
  world.run(100)
  t.match(world.requests, [
    { request: 1, outcome: 'cut', sent: true, status: null },
    { request: 2, outcome: 'cut', sent: false, host: null },
  ])
  t.match(world.closed, [{ closedBy: 'client', manner: 'reset' }])
  t.match(world.gateway.report(false), {
    counters: { active: 0, http: { outcomes: { cut: 2 }, upstreams: { open: 0 } } },
  })
})
