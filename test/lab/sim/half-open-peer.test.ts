import t from 'tap'
import type { Scheduler } from '../../../lab/sim/scheduler.js'
import { SimDriver } from '../../../lab/sim/sim-driver.js'
import { VirtualClock } from '../../../lab/sim/virtual-clock.js'
import { SimWorld } from '../../../lab/sim/world.js'
import type { Action } from '../../../queue-manager/actions.js'
import { MemoryStore } from '../../../store/memory-store.js'
import { ScriptedEngine } from '../../fixtures/scripted-engine.js'

const HERE = '10.0.0.1'
const THERE = '10.0.0.2'

/** A driver with an engine that does as it is told, and a peer that may end one direction only. */
function setUp() {
  const world = new SimWorld(1)
  const scheduler: Scheduler = world.scheduler
  const engine = new ScriptedEngine()
  const driver = new SimDriver({
    engine,
    scheduler,
    network: world.network,
    clock: new VirtualClock(scheduler),
    store: new MemoryStore(),
    resolver: () => [],
    listen: { address: HERE, port: 1801 },
  })
  driver.start()
  const got: string[] = []
  const peer = world.network.connect(
    THERE,
    { address: HERE, port: 1801 },
    {
      connected: () => undefined,
      failed: reason => got.push(reason),
      data: bytes => got.push(bytes.toString()),
      writable: () => undefined,
      ended: () => got.push('ended'),
      closed: how => got.push(`closed ${how}`),
    },
  )
  peer.halfOpen = true
  world.runFor(10)
  const received = () => engine.of('received').map(({ bytes }) => bytes.toString())
  const closed = () => engine.of('closed').map(({ how }) => how)
  return {
    world,
    peer,
    got,
    received,
    closed,
    act: (...actions: Action[]) => driver.call(engine => engine.act(...actions)),
  }
}

t.test('a peer that ends its direction gets what was written, and an end', async t => {
  const { world, peer, got, received, closed, act } = setUp()
  peer.write([Buffer.from('last words')])
  peer.end()
  act({ do: 'write', connection: 1, chunks: [Buffer.from('answer')] })
  world.runFor(100)
  t.strictSame(received(), ['last words'])
  t.strictSame(got, ['answer', 'ended', 'closed end'])
  t.strictSame(closed(), ['end'])
})

t.test('one that does not read either is cut after five seconds', async t => {
  const { world, peer, got, closed, act } = setUp()
  act({ do: 'write', connection: 1, chunks: [Buffer.alloc(200_000)] })
  peer.pause()
  world.runFor(10)
  peer.end()
  world.runFor(4_000)
  t.strictSame(closed(), [])
  world.runFor(2_000)
  t.strictSame(closed(), ['end'])
  t.strictSame(got, ['closed reset'])
})

t.test(
  'what a peer sends after the engine closed is not heard; one that never ends is cut after five seconds',
  async t => {
    const { world, peer, got, received, closed, act } = setUp()
    act(
      { do: 'write', connection: 1, chunks: [Buffer.from('good bye')] },
      { do: 'close', connection: 1, how: 'graceful', reason: 'idle' },
    )
    world.runFor(10)
    t.strictSame(got, ['good bye', 'ended'])
    peer.write([Buffer.from('but')])
    world.runFor(1_000)
    t.strictSame(received(), [])
    t.strictSame(closed(), [])
    world.runFor(5_000)
    t.strictSame(closed(), ['end'])
    t.strictSame(got, ['good bye', 'ended', 'closed reset'])
  },
)
