import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NlbCluster } from '../../../../gateway/nlb/cluster.js'
import { clusterConfig } from '../../../../gateway/nlb/cluster-config.js'
import { nlbSub1 } from '../../../../gateway/nlb/hash.js'
import { jhash } from '../../../../gateway/nlb/jhash.js'
import { createKernelPlane } from '../../../../gateway/planes/kernel/kernel-plane.js'
import { kernelSkip } from '../../../fixtures/kernel-world.js'

const OWNER = join(import.meta.dirname, '../../../fixtures/kernel-plane-owner.js')

const namespacesOf = (pid: number) => readdirSync('/run/netns').filter(name => name.startsWith(`mqlab-${pid}-`))

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

/** What the owner's process tells, on a machine of its own: others that start planes meanwhile clean up there, too. */
function told(role: string) {
  const script = `mount -t tmpfs none /run/netns && exec "$0" "$@"`
  const output = execFileSync(
    'unshare',
    ['-nm', 'sh', '-c', `mkdir -p /run/netns; ${script}; `, process.execPath, OWNER, role],
    { encoding: 'utf8' },
  )
  return JSON.parse(output.trim())
}

t.test('nothing is left behind, in any mode, nor by an owner that just ends', { skip: kernelSkip }, async t => {
  const { before, after } = told('leaves')
  t.same(after, before)
  t.ok(before.links.length > 0)
})

t.test(
  'what a killed owner left is removed by the next, what a living one has is not',
  { skip: kernelSkip },
  async t => {
    const { afterKill, beside, stopped, last } = told('survives')
    t.equal(afterKill.killed, 4, 'two hosts, a sender, and what is in the middle: nobody was there to remove them')
    t.ok(afterKill.killedInside, 'nor to end what runs inside')
    t.same(beside, { killed: 0, living: 4, own: 4, livingInside: true })
    t.same(stopped, { own: 0, livingInside: true })
    t.same(last, { living: 0 }, 'what ran inside has been ended')
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
