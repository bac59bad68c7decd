import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { ClusterFault } from '../../lab/cluster-fault.js'
import type { ScenarioFault } from '../../lab/faults/fault-schema.js'
import { performFaults } from '../../lab/worlds/fault-schedule.js'
import type { MachineTarget } from '../../lab/worlds/fault-steps.js'

function describe(fault: ClusterFault): string {
  switch (fault.kind) {
    case 'leave':
      return `${fault.host} ${fault.drain ? 'drains' : 'leaves'}`
    case 'join':
      return `${fault.host} joins`
    case 'partition':
      return `partition ${fault.groups.map(group => group.join('+')).join(' | ')}`
    case 'learn-mac':
      return `all frames to ${fault.host ?? 'all'}`
    default:
      return fault.kind
  }
}

/** A clock that goes on when everybody waits for it, and machines whose restart takes `restartMs`. */
async function performed(
  given: readonly Partial<ScenarioFault>[],
  { restartMs = 0, acknowledgedMs = 0 } = {},
): Promise<string[]> {
  const faults = given.map(fault => ({ atS: 0, onceAcknowledged: false, ...fault }))
  let nowMs = 0
  const waiting: { atMs: number; go: () => void }[] = []
  const pause = (ms: number) => new Promise<void>(go => waiting.push({ atMs: nowMs + ms, go }))
  const log: string[] = []
  const say = (what: string) => log.push(`${nowMs} ${what}`)
  const target: MachineTarget = {
    kill: async name => void say(`kill ${name}`),
    end: async name => void say(`end ${name}`),
    restart: async name => {
      await pause(restartMs)
      say(`restart ${name}`)
    },
    cluster: fault => void say(describe(fault)),
    acknowledged: () => nowMs >= acknowledgedMs,
  }
  let over = false
  const done = performFaults(faults, target, pause).then(() => {
    over = true
  })
  while (!over) {
    await turn()
    const next = waiting.toSorted((a, b) => a.atMs - b.atMs)[0]
    if (next === undefined) continue
    waiting.splice(waiting.indexOf(next), 1)
    nowMs = next.atMs
    next.go()
  }
  await done
  return log
}

t.test('each at its time, back after its time', async t => {
  t.same(
    await performed([
      { atS: 2, leave: ['R1'], backAfterS: 1 },
      { atS: 1, kill: ['F1', 'F2'], backAfterS: 0.5 },
      { atS: 2.5, leave: ['R2'], drain: true },
      { atS: 4, stop: ['B1'] },
    ]),
    [
      '1000 kill F1',
      '1000 kill F2',
      '1500 restart F1',
      '1500 restart F2',
      '2000 R1 leaves',
      '2500 R2 drains',
      '3000 R1 joins',
      '4000 end B1',
    ],
  )
})

t.test('what lies between the hosts of a cluster breaks, and is whole again', async t => {
  t.same(
    await performed([
      { atS: 1, partition: [['R1'], ['R2', 'R3']], backAfterS: 2 },
      { atS: 2, learnMac: 'R2', backAfterS: 0.5 },
      { atS: 4, partition: [['R1', 'R2'], ['R3']] },
    ]),
    [
      '1000 partition R1 | R2+R3',
      '2000 all frames to R2',
      '2500 all frames to all',
      '3000 heal',
      '4000 partition R1+R2 | R3',
    ],
  )
})

t.test('a machine that is slow to come back is there before it is struck again', async t => {
  const faults = [
    { atS: 1, kill: ['F1'], backAfterS: 0.5 },
    { atS: 2, stop: ['F1'], backAfterS: 0.5 },
  ]
  t.same(await performed(faults, { restartMs: 3000 }), [
    '1000 kill F1',
    '4500 restart F1',
    '4500 end F1',
    '8000 restart F1',
  ])
})

t.test('not before everybody has had an order ack; but not for ever', async t => {
  const faults = [
    { atS: 1, onceAcknowledged: true, leave: ['R1'] },
    { atS: 1, leave: ['R2'] },
  ]
  t.same(await performed(faults, { acknowledgedMs: 2990 }), ['1000 R2 leaves', '3000 R1 leaves'])
  t.same(await performed(faults, { acknowledgedMs: 500 }), ['1000 R1 leaves', '1000 R2 leaves'])
  t.same(await performed(faults, { acknowledgedMs: 1e9 }), ['1000 R2 leaves', '21000 R1 leaves'])
})

t.test('a machine that does not come up again fails the run', async t => {
  const target = {
    kill: async () => undefined,
    end: async () => undefined,
    restart: async () => Promise.reject(new Error('port taken')),
    cluster: () => undefined,
    acknowledged: () => true,
  }
  await t.rejects(
    performFaults([{ atS: 0, onceAcknowledged: false, kill: ['F1'], backAfterS: 0.01 }], target, async () => undefined),
    { message: 'port taken' },
  )
})
