import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { PlaneError } from '../../../../gateway/planes/plane.js'
import {
  externalSkip,
  externalWorld,
  leftFolders,
  ONE_RULE,
  PRODUCTS,
  refuses,
} from '../../../fixtures/external-world.js'
import { startHost, until } from '../../../fixtures/gateway-world.js'
import { RawPeer, until as soon } from '../../../fixtures/raw-peer.js'

const WAIT_MS = 30_000
const OWNER = join(import.meta.dirname, '../../../fixtures/external-owner.js')

for (const [place, product] of PRODUCTS.entries()) {
  const net = `127.73.${place + 1}`
  const vip = `${net}.10`
  const cluster = { addresses: [vip], rules: ONE_RULE, hosts: [`${net}.11`] }
  const skip = externalSkip(product)

  t.test(`${product}: not installed`, async t => {
    const { plane } = externalWorld(t, product, cluster, { program: '/nowhere/balancer' })
    await t.rejects(plane.start(), { name: 'PlaneError', plane: product, message: /\/nowhere\/balancer/ })
    t.same(leftFolders(vip), [])
  })

  t.test(`${product}: its port is taken`, { skip }, async t => {
    const other = createServer().listen(1801, `${net}.10`)
    await once(other, 'listening')
    t.teardown(() => other.close())
    const { plane } = externalWorld(t, product, cluster)
    const error = await plane.start().then(
      () => null,
      (reason: unknown) => reason,
    )
    t.ok(error instanceof PlaneError)
    const { message, code } = error as PlaneError
    t.equal(code, 'MSMQ_PLANE_START')
    t.match(message, new RegExp(`^${product} plane: .* did not start: .*${net.replaceAll('.', '\\.')}\\.10:1801`))
    t.match(message, /address already in use/i)
    t.notOk(message.includes('\n'), 'one line')
    t.same(leftFolders(vip), [], 'nothing is left')
    other.close()
    await plane.start()
    t.notOk(await refuses(`${net}.10`, 1801), 'it can be tried again')
  })

  t.test(`${product}: killed while it runs`, { skip }, async t => {
    const host = await startHost(t, `${net}.11`, 1801)
    const { plane, failures } = externalWorld(t, product, cluster)
    await plane.start()
    const peer = await RawPeer.connect(`${net}.10`, `${net}.50`)
    await host.next()
    const [folder] = leftFolders(vip)
    kill(`${folder}`)
    await until(() => failures.length === 1, 'word of it', WAIT_MS)
    t.match(failures[0], { code: 'MSMQ_PLANE_DIED', plane: product, message: /was ended by SIGKILL/ })
    t.ok(await peer.closed(), 'its connections are gone with it')
    t.ok(await soon(() => refuses(`${net}.10`, 1801)))
    t.same(leftFolders(vip), [])
    plane.changed()
    await plane.applied()
    await plane.stop()
    t.equal(failures.length, 1)
  })

  t.test(`${product}: a change that cannot be written, since somebody has cleaned up`, { skip }, async t => {
    const { plane, cluster: model, failures } = externalWorld(t, product, cluster)
    await plane.start()
    const [folder] = leftFolders(vip)
    rmSync(join(tmpdir(), `${folder}`), { recursive: true })
    for (let change = 1; change <= 2; change++) {
      if (change === 1) model.crash('R1', change)
      else model.recover('R1', change)
      await t.rejects(plane.applied(), { code: 'MSMQ_PLANE_CHANGE', plane: product })
      t.equal(failures.length, change, 'told each time')
    }
    await plane.stop()
    t.ok(await refuses(`${net}.10`, 1801))
  })

  t.test(`${product}: after stop nothing is left, and stop can be called twice`, { skip }, async t => {
    const { plane } = externalWorld(t, product, cluster)
    await plane.stop()
    await plane.start()
    await Promise.all([plane.stop(), plane.stop()])
    t.ok(await refuses(`${net}.10`, 1801))
    t.same(leftFolders(vip), [])
  })

  t.test(`${product}: killed with its owner`, { skip }, async t => {
    const owner = fork(OWNER, [product, `${net}.10`, `${net}.11`])
    t.teardown(() => owner.kill('SIGKILL'))
    const [first] = await Promise.race([once(owner, 'message'), once(owner, 'exit')])
    t.equal(first, 'ready')
    t.notOk(await refuses(`${net}.10`, 1801))
    owner.kill('SIGKILL')
    t.ok(await soon(() => refuses(`${net}.10`, 1801)), 'the balancer went too')
    t.ok(await soon(() => leftFolders(vip).length === 0), 'and its folder')
  })
}

/** The one whose configuration is in this folder. */
function kill(folder: string): void {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    let words: string[] = []
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    } catch {
      continue
    }
    const isBalancer = ['haproxy', 'nginx:'].some(name => basename(words[0]?.split(' ')[0] ?? '') === name)
    if (isBalancer && words.join(' ').includes(`/${folder}`)) process.kill(Number(pid), 'SIGKILL')
  }
}
