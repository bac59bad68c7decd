import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'

/** The compiled command, beside the compiled tests. */
const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

t.test('what cannot run: exit code 2, one line, nothing on stdout', async t => {
  const bad = join(t.testdir({ 'bad.yaml': 'scenario: x\nabout: y\ntopology: { recievers: {} }\n' }), 'bad.yaml')
  const mqlab = mqlabOnceStarted()
  for (const [args, words] of [
    [['run', bad], /bad\.yaml:3:13 topology\.recievers: unknown key recievers: did you mean receivers\?/],
    [['run', 'no-such-scenario'], /no such file and no such scenario/],
    [['run', 'nlb-11'], /did you mean nlb-11-acks-to-the-balancer\?/],
    [['run', t.testdirName], /is a directory/],
    [['run', 'nlb-1-plain-messages', '--world', 'moon'], /allowed are sim, loopback and namespaces/],
    [['run', 'nlb-1-plain-messages', '--world', 'sim', '--plane', 'haproxy'], /balancers are simulated there/],
    [['run', 'nlb-1-plain-messages', '--seed', 'x'], /whole number/],
    [['run', 'nlb-1-plain-messages', '--plane', 'ipvs'], /proxy, kernel-nlb, kernel-dnat/],
    [['run', 'nlb-1-plain-messages', '--plane', 'kernel-nlb', '--world', 'loopback'], /the world is namespaces/],
    [['run', 'nlb-15-stuck-in-mid-sequence', '--plane', 'kernel-nlb'], /only the proxy plane cuts connections/],
    [['run', 'nlb-1-plain-messages', '--plane', 'kernel-snat', '--source', 'keep'], /its hosts see the balancer/],
    [['matrix', '--planes', 'f5'], /--planes f5: no such plane; one of proxy-kept, kernel-nlb/],
    [['matrix', '--scenarios', 'nlb-99'], /--scenarios nlb-99: no such scenario/],
    [['run', 'nlb-1-plain-messages', '--report', join(bad, 'report.html')], /report\.html|bad\.yaml/],
    [['demo', '--report', t.testdirName], /is a directory/],
  ] as const) {
    const { code, stdout, stderr } = await mqlab(args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
})

t.test('what would be written over is named, and left alone', async t => {
  const text = readFileSync('lab/scenarios/nlb-1-plain-messages.yaml', 'utf8')
  const folder = t.testdir({
    'own.yaml': text,
    'link.yaml': t.fixture('symlink', 'own.yaml'),
    'nlb.yaml': readFileSync('docs/examples/nlb.yaml', 'utf8'),
    'topology.yaml': readFileSync('examples/complaint-01-unacknowledged.yaml', 'utf8'),
  })
  const file = (name: string) => join(folder, name)
  const [own, x] = [file('own.yaml'), file('x')]
  const refused = mqlabOnceStarted()
  for (const [args, words] of [
    [['run', own, '--world', 'sim', '--pcap', own], /--pcap .*own\.yaml: it is the scenario, which would be written/],
    [['run', own, '--world', 'sim', '--history', file('link.yaml')], /--history .*link\.yaml: it is the scenario/],
    [['run', own, '--world', 'sim', '--report', x, '--pcap', x], /--pcap .*x: it is the file of --report/],
    [['explore', own, '--seeds', '1..1', '--report', own], /--report .*: it is the scenario/],
    [
      ['validate', file('topology.yaml'), '--prove', '--report', file('topology.yaml')],
      /--report .*: it is the topology/,
    ],
    [['qm', '--config', own, '--pcap', own], /--pcap .*: it is the configuration/],
    [['nlb', file('nlb.yaml'), '--pcap', file('nlb.yaml')], /--pcap .*: it is the configuration/],
    [
      ['run', own, '--world', 'sim', '--pcap', '-'],
      /--pcap -: it is not written to standard output; give --pcap a file/,
    ],
    [['nlb', file('nlb.yaml'), '--pcap', '-'], /--pcap -: it is not written to standard output/],
  ] as const) {
    const { code, stderr } = await refused(args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  t.equal(readFileSync(own, 'utf8'), text)
  t.notOk(existsSync(x))
})

t.test('a run that is refused leaves a history that was there', async t => {
  const folder = t.testdir({ history: 'of another run' })
  const history = join(folder, 'history')
  const refused = mqlabOnceStarted()
  for (const args of [
    ['run', 'nlb-1-plain-messages', '--history', history, '--pcap', folder],
    [
      'run',
      'nlb-1-plain-messages',
      '--plane',
      'haproxy',
      '--source',
      'keep',
      '--history',
      history,
      '--pcap',
      `${folder}/x`,
    ],
  ]) {
    t.equal((await refused(args)).code, 2)
    t.equal(readFileSync(history, 'utf8'), 'of another run')
  }
  t.equal((await refused(['run', 'nlb-3-names-refused', '--world', 'sim', '--history', history])).code, 0)
  t.notMatch(readFileSync(history, 'latin1'), 'of another run')
})

t.test('the list of scenarios', async t => {
  t.match((await mqlabInProcess(['scenarios'])).stdout, /nlb-11-acks-to-the-balancer +NLB-11\n/)
  const all = JSON.parse((await mqlab(['scenarios', '--json'])).stdout) as {
    scenario: string
    behaviours: string[]
    worlds: string[]
    about: string
    reading?: string
  }[]
  t.ok(all.length >= 15)
  t.ok(all.every(({ about, behaviours }) => about !== '' && behaviours.length > 0))
  t.same(all.find(({ scenario }) => scenario === 'nlb-11-acks-to-the-balancer')?.worlds, ['sim', 'loopback'])
  t.match(all.find(({ scenario }) => scenario === 'qmid-6-busy-clones')?.reading, /only purged/)
})

t.test('the list by behaviour', async t => {
  const { stdout } = await mqlabInProcess(['scenarios', '--behaviours'])
  t.match(stdout, /^NLB-11 +nlb-11-acks-to-the-balancer +sim loopback$/m)
  t.match(stdout, /^QMID-9: .*no directory\.$/m)
  const json = await mqlabInProcess(['scenarios', '--behaviours', '--json'])
  const index = JSON.parse(json.stdout) as { behaviour: string }[]
  t.same(
    index.find(({ behaviour }) => behaviour === 'NLB-2'),
    {
      behaviour: 'NLB-2',
      statement: 'Plain messages to DIRECT=OS:<cluster name> arrive when receivers ignore the machine name.',
      scenarios: [{ scenario: 'nlb-2-names-accepted', worlds: ['sim', 'loopback'] }],
      notShown: null,
    },
  )
})

t.test('a run says which reading of the documents its scenario takes', async t => {
  const { code, stdout } = await mqlab(['run', 'qmid-6-busy-clones', '--world', 'sim'])
  t.equal(code, 0)
  t.match(stdout.replaceAll('\n', ' '), /Reading: Entries are refreshed or purged, the account says\./)
})

t.test(
  'a run that is not as expected ends with 1',
  { skip: platform() !== 'linux' && 'needs all of 127.0.0.0/8' },
  async t => {
    const folder = t.testdir({
      'wrong.yaml': `
scenario: wrong-on-purpose
about: expects a loss that does not happen
topology:
  settings: { IdleAckDelay: 20 }
  receivers: { name: R1, queues: { name: private$\\orders } }
  senders: { name: S1 }
load: { to: 'DIRECT=TCP:{R1}\\private$\\orders', delivery: express, messages: 5 }
time: { loadS: 60, drainS: 60 }
expect: { lost: 5 }
exercises: [resend]
`,
    })
    const report = join(folder, 'a', 'b.html')
    const { code, stdout } = await mqlab(['run', join(folder, 'wrong.yaml'), '--json', '--report', report])
    t.equal(code, 1)
    const verdict = JSON.parse(stdout) as Record<string, unknown>
    t.match(verdict, {
      scenario: 'wrong-on-purpose',
      world: 'loopback',
      seed: 1,
      asExpected: false,
      counts: { sent: 5, delivered: 5, lost: 0 },
      vacuous: ['resend'],
    })
  },
)

t.test('a simulated run, however long, ends at once when it is interrupted', async t => {
  const folder = t.testdir({ 'long.yaml': LONG })
  const history = join(folder, 'long.history')
  const args = ['run', join(folder, 'long.yaml'), '--world', 'sim', '--history', history]
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' })
  const closed = once(child, 'close')
  while (!existsSync(history) || statSync(history).size === 0) await sleep(20)
  child.kill('SIGINT')
  const [, signal] = await closed
  t.equal(signal, 'SIGINT')
})

const LONG = `scenario: long
about: so many messages that it takes a while
topology: { receivers: { count: 1, queues: { name: private$\\orders } }, senders: { count: 4 } }
load: { to: 'DIRECT=TCP:{R1}\\private$\\orders', delivery: recoverable, messages: 150000 }
simulated: { time: { loadS: 86400 } }
expect: {}
`
