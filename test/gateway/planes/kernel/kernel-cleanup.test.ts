import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NlbCluster } from '../../../../gateway/nlb/cluster.js'
import { clusterConfig } from '../../../../gateway/nlb/cluster-config.js'
import { nlbSub1 } from '../../../../gateway/nlb/hash.js'
import { jhash } from '../../../../gateway/nlb/jhash.js'
import { createKernelPlane } from '../../../../gateway/planes/kernel/kernel-plane.js'
import { kernelSkip } from '../../../fixtures/kernel-world.js'

const OWNER = join(import.meta.dirname, '../../../fixtures/kernel-plane-owner.js')

const namespacesOf = (pid: number) => readdirSync('/run/netns').filter(name => name.startsWith(`mqlab-${pid}-`))

async function startOwner(t: Test): Promise<{ child: ChildProcess; pid: number; inside: number }> {
  const child = spawn(process.execPath, [OWNER, 'stays'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  const [line] = await once(child.stdout!, 'data')
  return { child, pid: child.pid!, inside: Number(String(line)) }
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function twoHosts(name = 'R2', address = '10.66.1.12') {
  const config = clusterConfig({
    addresses: ['10.66.1.100'],
    hosts: [
      { name: 'R1', address: '10.66.1.11' },
      { name, address },
    ],
  })
  const cluster = new NlbCluster({ config, hash: jhash(1) })
  cluster.settle(0)
  return cluster
}

t.test('nothing is left behind, in any mode, nor by an owner that just ends', { skip: kernelSkip }, async t => {
  // a machine of its own: what others do on this one meanwhile does not show
  const script = `mount -t tmpfs none /run/netns && exec "$0" "$@"`
  const output = execFileSync(
    'unshare',
    ['-nm', 'sh', '-c', `mkdir -p /run/netns; ${script}; `, process.execPath, OWNER, 'leaves'],
    {
      encoding: 'utf8',
    },
  )
  const { before, after } = JSON.parse(output.trim())
  t.same(after, before)
  t.ok(before.links.length > 0)
})

t.test(
  'what a killed owner left is removed by the next, what a living one has is not',
  { skip: kernelSkip },
  async t => {
    const [killed, living] = await Promise.all([startOwner(t), startOwner(t)])
    t.equal(namespacesOf(killed.pid).length, 4, 'two hosts, a sender, and what is in the middle')
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    t.equal(namespacesOf(killed.pid).length, 4, 'nobody was there to remove them')
    t.ok(isAlive(killed.inside), 'nor to end what runs inside')

    const plane = createKernelPlane({ cluster: twoHosts(), mode: 'nlb' })
    await plane.start()
    t.teardown(() => plane.stop())
    t.same(namespacesOf(killed.pid), [])
    t.equal(namespacesOf(living.pid).length, 4)
    t.ok(isAlive(living.inside))
    t.equal(namespacesOf(process.pid).length, 3)
    await plane.stop()
    t.same(namespacesOf(process.pid), [])
    await plane.stop()
    t.ok(isAlive(living.inside))

    living.child.kill('SIGKILL')
    await once(living.child, 'exit')
    const last = createKernelPlane({ cluster: twoHosts(), mode: 'dsr' })
    await last.start()
    await last.stop()
    t.same(namespacesOf(living.pid), [])
    for (const { inside } of [killed, living]) await gone(inside)
    t.pass('what ran inside has been ended')
  },
)

t.test('two planes of one process beside each other', { skip: kernelSkip }, async t => {
  const [one, other] = [0, 1].map(() => createKernelPlane({ cluster: twoHosts(), mode: 'nlb' })) as [
    ReturnType<typeof createKernelPlane>,
    ReturnType<typeof createKernelPlane>,
  ]
  await Promise.all([one.start(), other.start()])
  t.not(one.namespaceOf('R1'), other.namespaceOf('R1'))
  await one.stop()
  t.match(other.command('R1', ['true']), [/\/ip$/, 'netns', 'exec', other.namespaceOf('R1'), 'true'])
  execFileSync(other.command('R1', ['true'])[0]!, other.command('R1', ['true']).slice(1))
  await other.stop()
  t.same(namespacesOf(process.pid), [])
})

t.test('a start that fails leaves nothing and says what it was', { skip: kernelSkip }, async t => {
  // nobody's address
  const plane = createKernelPlane({ cluster: twoHosts('R2', '224.0.0.5'), mode: 'nlb' })
  await t.rejects(plane.start(), { code: 'MSMQ_PLANE_KERNEL', plane: 'kernel', message: /^kernel plane: .*prefsrc/ })
  t.same(namespacesOf(process.pid), [])
})

t.test('what cannot be is refused before anything happens', async t => {
  const config = clusterConfig({ addresses: ['10.66.1.100'], hosts: [{ name: 'R1', address: '10.66.1.11' }] })
  const refused = { code: 'MSMQ_PLANE_SETUP', plane: 'kernel' }
  const substitute = new NlbCluster({ config, hash: nlbSub1 })
  t.throws(() => createKernelPlane({ cluster: substitute, mode: 'nlb' }), { ...refused, message: /nlb-sub-1.*jhash/ })
  const cluster = new NlbCluster({ config, hash: jhash(1) })
  const machine = (name: string, address: string) => () =>
    createKernelPlane({ cluster, mode: 'nlb', machines: [{ name, address }] })
  t.throws(machine('R1', '10.66.1.51'), { ...refused, message: /R1/ })
  t.throws(machine('middle', '10.66.1.51'), refused)
  t.throws(machine('S1', '10.66.1.11'), { ...refused, message: /R1.*10\.66\.1\.11/ })
  t.throws(machine('S1', '10.66.1.100'), { ...refused, message: /the cluster's/ })
  t.throws(machine('S1', '2001:db8::1'), { ...refused, message: /IPv4/ })
  const plane = createKernelPlane({ cluster, mode: 'nlb' })
  t.throws(() => plane.namespaceOf('S9'), { name: 'RangeError', message: /S9/ })
  t.throws(() => plane.addressOf('S9'), { name: 'RangeError' })
  await plane.stop()
})

/** A killed process is gone when its parent, or who inherits it, has heard of it. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise(resolve => setTimeout(resolve, 20))
}
