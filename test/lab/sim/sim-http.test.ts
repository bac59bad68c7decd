import t from 'tap'
import { HOSTILE_LINK, QUIET_LINK } from '../../../lab/sim/link-profile.js'
import { SimNetwork } from '../../../lab/sim/network.js'
import { createRandom } from '../../../lab/sim/random.js'
import { Scheduler } from '../../../lab/sim/scheduler.js'
import { SimDriver } from '../../../lab/sim/sim-driver.js'
import type { SimSocket } from '../../../lab/sim/sim-socket.js'
import { VirtualClock } from '../../../lab/sim/virtual-clock.js'
import { SimWorld } from '../../../lab/sim/world.js'
import type { Action } from '../../../queue-manager/actions.js'
import { MemoryStore } from '../../../store/memory-store.js'
import { httpPost, OK, outcomes, rawPost } from '../../fixtures/http-peers.js'
import { ScriptedEngine } from '../../fixtures/scripted-engine.js'
import { addNode, forEachSeed, PLAIN_QUEUE, SEEDS_TIMEOUT_MS, TX_QUEUE } from '../../fixtures/sim-tests.js'

const HERE = '10.0.0.1'
const THERE = '10.0.0.2'

function world(seed = 1) {
  const scheduler = new Scheduler()
  const network = new SimNetwork(scheduler, createRandom(seed))
  const machine = (address: string) => {
    const engine = new ScriptedEngine()
    const driver = new SimDriver({
      engine,
      scheduler,
      network,
      clock: new VirtualClock(scheduler),
      store: new MemoryStore(),
      resolver: () => [],
      listen: { address, port: 1801 },
      http: { http: 80, https: 443 },
    })
    driver.start()
    return { engine, driver, act: (...actions: Action[]) => driver.call(engine => engine.act(...actions)) }
  }
  return { scheduler, network, here: machine(HERE), there: machine(THERE), machine }
}

function open(connection: number, port = 80, secure = false): Action {
  return { do: 'http-open', connection, address: THERE, port, secure, host: 'target.example' }
}

function answerAll(engine: ScriptedEngine): void {
  engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status: 200 }] : []
}

function bodies(engine: ScriptedEngine): string[] {
  return engine.of('httpRequested').map(({ request }) => Buffer.concat(request.body).toString())
}

/** A server of the test's own: what comes in, and the socket to answer on. */
function rawServer(network: SimNetwork, port: number) {
  const sockets: SimSocket[] = []
  const texts: string[] = []
  network.listen({ address: THERE, port }, socket => {
    const index = sockets.push(socket) - 1
    texts[index] = ''
    socket.handlers = {
      data: bytes => {
        texts[index] += bytes.toString('latin1')
      },
      writable: () => undefined,
      closed: () => undefined,
    }
  })
  return { sockets, texts }
}

t.test('posts reach the other engine as they were given, pipelined over one connection, and are answered', async t => {
  const { scheduler, network, here, there } = world()
  answerAll(there.engine)
  here.act(open(7))
  scheduler.runFor(100)
  t.equal(network.connections().length, 0, 'no connection before there is something to say')
  here.act(...Array.from({ length: 100 }, (_, n) => httpPost(7, n)))
  scheduler.runFor(100)
  t.strictSame(
    outcomes(here.engine),
    Array.from({ length: 100 }, (_, n) => [n, 200]),
  )
  t.strictSame(
    bodies(there.engine),
    Array.from({ length: 100 }, (_, n) => `body ${n}`),
  )
  t.equal(network.connections().length, 1)
  const { peer, request } = there.engine.of('httpRequested')[0]!
  t.equal(peer.address, HERE)
  t.match(request, { method: 'POST', target: '/msmq/private$/q', secure: false })
  t.strictSame(request.headers, [
    ['Host', 'target.example'],
    ['Content-Type', 'text/xml'],
    ['Content-Length', '6'],
    ['SOAPAction', '"MSMQMessage"'],
  ])
  here.act(open(8, 443, true), httpPost(8, 200))
  scheduler.runFor(100)
  t.equal(there.engine.of('httpRequested').at(-1)?.request.secure, true)
})

t.test('answers go out in the order of the requests; only so many requests are taken ahead', async t => {
  const { scheduler, here, there } = world()
  here.act(open(1), ...Array.from({ length: 200 }, (_, n) => httpPost(1, n)))
  scheduler.runFor(1000)
  t.equal(there.engine.of('httpRequested').length, 64)
  const ids = there.engine.of('httpRequested').map(({ exchange }) => exchange)
  for (const exchange of ids.slice(1).toReversed()) there.act({ do: 'http-answer', exchange, status: 500 })
  scheduler.runFor(1000)
  t.strictSame(outcomes(here.engine), [], 'the first is still to come')
  answerAll(there.engine)
  there.act({ do: 'http-answer', exchange: ids[0]!, status: 400 })
  scheduler.runFor(1000)
  t.strictSame(
    outcomes(here.engine),
    Array.from({ length: 200 }, (_, n) => [n, n === 0 ? 400 : n < 64 ? 500 : 200]),
  )
})

t.test('ways to get no answer, and the new connection after it', async t => {
  const rows: [what: string, spoil: (socket: SimSocket) => void, reason: string][] = [
    ['reset', socket => socket.abort(), 'ECONNRESET'],
    ['closed', socket => socket.end(), 'closed'],
    ['garbage', socket => socket.write([Buffer.from('220 ready\r\n\r\n')]), 'the answer is not HTTP'],
    ['a head without end', socket => socket.write([Buffer.alloc(200_000, 'x')]), 'the answer is not HTTP'],
    ['cut', socket => socket.write([Buffer.from(OK.slice(0, 9))]), 'ECONNRESET'],
  ]
  for (const [what, spoil, reason] of rows) {
    const { scheduler, network, here } = world()
    const { sockets, texts } = rawServer(network, 8080)
    here.act(open(1, 8080), httpPost(1, 1), httpPost(1, 2))
    scheduler.runFor(10)
    spoil(sockets[0]!)
    scheduler.runFor(10)
    if (what === 'cut') network.connections()[0]!.reset()
    scheduler.runFor(10)
    t.match(
      outcomes(here.engine),
      [1, 2].map(n => [n, reason]),
      what,
    )
    here.act(httpPost(1, 3))
    scheduler.runFor(10)
    t.equal(sockets.length, 2, 'a new connection')
    t.ok(texts[1]?.endsWith('body 3'))
    t.notMatch(texts[1], /body [12]/, 'nothing is sent twice')
    sockets[1]!.write([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), Buffer.from(OK)])
    scheduler.runFor(10)
    t.strictSame(outcomes(here.engine)[2], [3, 200])
  }
  const { scheduler, here } = world()
  here.act(open(1, 9), httpPost(1, 1))
  scheduler.runFor(10)
  t.strictSame(outcomes(here.engine), [[1, 'ECONNREFUSED']])
})

t.test('what is no HTTP, or no POST, gets 400 and does not reach the engine', async t => {
  const { scheduler, network, there } = world()
  answerAll(there.engine)
  const say = (text: string): { text: string; ended: boolean } => {
    const heard = { text: '', ended: false }
    const socket = network.connect(
      HERE,
      { address: THERE, port: 80 },
      {
        connected: () => socket.write([Buffer.from(text, 'latin1')]),
        failed: () => undefined,
        data: bytes => {
          heard.text += bytes.toString()
        },
        writable: () => undefined,
        closed: () => {
          heard.ended = true
        },
      },
    )
    scheduler.runFor(200)
    return heard
  }
  t.match(say('hello\r\n\r\n'), { text: /^HTTP\/1\.1 400 Bad Request\r\n/, ended: true })
  t.match(say(`${rawPost('a')}hello\r\n\r\n`), { text: /^HTTP\/1\.1 200.+HTTP\/1\.1 400/s, ended: true })
  t.match(say(rawPost('x'.repeat(6_000_000))), { text: /^HTTP\/1\.1 400/, ended: true })
  t.match(say('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), { text: /^HTTP\/1\.1 400/, ended: false })
  t.match(say(rawPost('b')), {
    text: /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\nServer: Microsoft-IIS\/7\.0\r\nDate: [^\r]+ GMT\r\n\r\n$/,
    ended: false,
  })
  t.strictSame(bodies(there.engine), ['a', 'b'])
})

t.test('closing waits for answers, for a while; stopping answers what was taken; a crash says nothing', async t => {
  const { scheduler, network, here, there } = world()
  const close = (connection: number, how: 'graceful' | 'abort'): Action => ({
    do: 'http-close',
    connection,
    how,
    reason: 'test',
  })
  here.act(open(1), httpPost(1, 1), httpPost(1, 2), close(1, 'graceful'), httpPost(1, 3))
  scheduler.runFor(100)
  const [one] = there.engine.of('httpRequested')
  there.act({ do: 'http-answer', exchange: one!.exchange, status: 200 })
  scheduler.runFor(6000)
  t.strictSame(outcomes(here.engine), [
    [1, 200],
    [2, 'closed'],
  ])
  t.equal(network.connections().length, 0)

  here.act(open(2), httpPost(2, 20))
  scheduler.runFor(10)
  here.act(close(2, 'abort'))
  scheduler.runFor(10)
  t.equal(network.connections().length, 0)

  here.act(open(3), httpPost(3, 30))
  scheduler.runFor(10)
  there.driver.stop()
  here.act(httpPost(3, 31))
  there.act({ do: 'http-answer', exchange: there.engine.of('httpRequested').at(-1)!.exchange, status: 200 })
  scheduler.runFor(100)
  t.strictSame(outcomes(here.engine).slice(2), [
    [30, 200],
    [31, 'closed'],
  ])

  const second = world()
  second.here.act(open(4), httpPost(4, 40))
  scheduler.runFor(10)
  second.scheduler.runFor(10)
  second.there.driver.crash('process')
  second.scheduler.runFor(10)
  t.strictSame(outcomes(second.here.engine), [[40, 'ECONNRESET']])
  const third = world()
  third.here.act(open(4), httpPost(4, 40))
  third.scheduler.runFor(10)
  third.there.driver.crash('power')
  third.scheduler.runFor(100_000)
  t.strictSame(outcomes(third.here.engine), [], 'a peer without power is silent')
  third.here.driver.crash('process')
  third.scheduler.runFor(100)
  t.strictSame(outcomes(third.here.engine), [])
})

t.test(
  'a link on which everything goes wrong: one outcome for each post, in order, and nothing sent twice',
  async t => {
    const run = (seed: number): string => {
      const { scheduler, network, here, there } = world(seed)
      network.profile = { ...HOSTILE_LINK, stallMaxMs: 500 }
      answerAll(there.engine)
      here.act(open(1))
      for (let n = 0; n < 60; n++) {
        here.act(httpPost(1, n))
        scheduler.runFor(n % 5 === 0 ? 40 : 0)
      }
      network.profile = QUIET_LINK
      scheduler.runFor(60_000)
      const told = outcomes(here.engine)
      if (told.map(([n]) => n).join() !== Array.from({ length: 60 }, (_, n) => n).join())
        throw new Error(`outcomes out of order, missing or twice: ${told.map(([n]) => n)}`)
      const arrived = bodies(there.engine)
      if (new Set(arrived).size !== arrived.length) throw new Error(`sent twice: ${arrived}`)
      for (const [n, outcome] of told)
        if (outcome === 200 && !arrived.includes(`body ${n}`)) throw new Error(`${n} is said to have arrived`)
      return JSON.stringify([told, arrived])
    }
    let failures = 0
    let successes = 0
    forEachSeed(60, seed => {
      const told = run(seed)
      failures += told.split('ECONN').length - 1
      successes += told.split(',200]').length - 1
      if (seed % 10 === 0 && run(seed) !== told) throw new Error('the same seed gives another run')
    })
    t.ok(failures > 50 && successes > 50, `${failures} failed, ${successes} were answered`)
  },
)

t.test('queue managers exchange messages over it', { timeout: SEEDS_TIMEOUT_MS }, async t => {
  const world = new SimWorld(3)
  const one = addNode(world, 1, { httpPort: 8080 })
  const two = addNode(world, 2, { httpPort: 8080 })
  const to = (queue: string) => `DIRECT=http://N2:8080/msmq/${queue.replace('\\', '/')}`
  one.send({ destination: to(PLAIN_QUEUE), body: Buffer.from('plain') })
  for (const text of ['a', 'b', 'c']) one.sendTransaction([{ destination: to(TX_QUEUE), body: Buffer.from(text) }])
  t.ok(world.runUntil(() => two.bodies(TX_QUEUE).length === 3 && two.bodies(PLAIN_QUEUE).length === 1, 60_000))
  t.strictSame(two.bodies(TX_QUEUE), ['a', 'b', 'c'])
  t.ok(
    world.runUntil(() => one.engine.counters.outgoingMessages === 0, 60_000),
    'and the receipts come home',
  )
})
