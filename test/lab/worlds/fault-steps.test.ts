import t from 'tap'
import { parseScenario } from '../../../lab/scenario-file.js'
import { performOnMachine, performStep, scheduledFaults } from '../../../lab/worlds/fault-steps.js'
import { faultScenario } from '../../fixtures/fault-runs.js'

const parsed = (faults: readonly string[]) =>
  parseScenario(faultScenario(faults, { gateway: '{ affinity: single, source: keep }' }), 'x').faults

t.test('what happens when, in order of time', async t => {
  const faults = parsed([
    '{ disk: { of: R1, slowMs: 50 }, atS: 5, forS: 2 }',
    '{ kill: R1, atS: 1, backAfterS: 3 }',
    '{ link: { between: [S1, R1], latencyMs: 200 }, atS: 2 }',
    '{ clock: { of: S1, jumpS: -60 }, atS: 3, onceAcknowledged: true }',
    '{ pause: S1, atS: 4, forS: 1 }',
    '{ drop: order-ack, fromS: 6, forS: 4 }',
  ])
  t.same(scheduledFaults(faults, ['R1', 'S1']), [
    {
      atMs: 1000,
      onceAcknowledged: false,
      begin: [{ do: 'kill', name: 'R1' }],
      lastsMs: 3000,
      end: [{ do: 'restart', name: 'R1' }],
    },
    {
      atMs: 2000,
      onceAcknowledged: false,
      begin: [{ do: 'link', one: 'S1', other: 'R1', change: { latencyMs: 200 } }],
      lastsMs: null,
      end: [{ do: 'link', one: 'S1', other: 'R1', change: null }],
    },
    {
      atMs: 3000,
      onceAcknowledged: true,
      begin: [{ do: 'clock', name: 'S1', jumpMs: -60_000 }],
      lastsMs: null,
      end: [],
    },
    {
      atMs: 4000,
      onceAcknowledged: false,
      begin: [{ do: 'pause', name: 'S1', on: true }],
      lastsMs: 1000,
      end: [{ do: 'pause', name: 'S1', on: false }],
    },
    {
      atMs: 5000,
      onceAcknowledged: false,
      begin: [{ do: 'disk', name: 'R1', condition: { slowMs: 50 } }],
      lastsMs: 2000,
      end: [{ do: 'disk', name: 'R1', condition: null }],
    },
    // by meaning: nothing is done, and its time passes
    { atMs: 6000, onceAcknowledged: false, begin: [], lastsMs: 4000, end: [] },
  ])
})

t.test('all links of a machine, the one to the gateway too', async t => {
  const [fault] = scheduledFaults(parsed(['{ link: { at: R1, partition: true }, atS: 1 }']), ['R1', 'S1', 'gateway'])
  t.same(fault?.begin, [
    { do: 'link', one: 'R1', other: 'S1', change: { partition: true } },
    { do: 'link', one: 'R1', other: 'gateway', change: { partition: true } },
  ])
})

t.test('each step is one call', async t => {
  const calls: unknown[][] = []
  const told =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args])
    }
  const target = {
    kill: told('kill'),
    end: told('end'),
    restart: told('restart'),
    cluster: told('cluster'),
    pause: told('pause'),
    clock: told('clock'),
    link: told('link'),
    disk: told('disk'),
    acknowledged: () => true,
  }
  performStep({ do: 'kill', name: 'R1' }, target)
  performStep({ do: 'end', name: 'R1' }, target)
  performStep({ do: 'restart', name: 'R1' }, target)
  performStep({ do: 'cluster', fault: { kind: 'heal' } }, target)
  performStep({ do: 'pause', name: 'R1', on: true }, target)
  performStep({ do: 'clock', name: 'R1', jumpMs: 5 }, target)
  performStep({ do: 'link', one: 'R1', other: 'S1', change: null }, target)
  performStep({ do: 'disk', name: 'R1', condition: { full: true } }, target)
  t.same(calls, [
    ['kill', 'R1'],
    ['end', 'R1'],
    ['restart', 'R1'],
    ['cluster', { kind: 'heal' }],
    ['pause', 'R1', true],
    ['clock', 'R1', 5],
    ['link', 'R1', 'S1', null],
    ['disk', 'R1', { full: true }],
  ])
  t.throws(() => performOnMachine({ do: 'pause', name: 'R1', on: true }, target), /only in the simulated world/)
})
