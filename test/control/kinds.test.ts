import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ClientConnection } from '../../control/client-connection.js'
import type { ControlService, ControlSession } from '../../control/control-connection.js'
import { startServiceServer } from '../../control/control-server.js'
import {
  type ControlKind,
  defaultControlEndpoint,
  findControlEndpoint,
  NLB_CLUSTER,
  QUEUE_MANAGER,
} from '../../control/endpoint.js'

const TIMEOUTS = { connectTimeoutMs: 20_000, answerTimeoutMs: 20_000 }

function serviceOf({ what }: ControlKind): ControlService {
  const session: ControlSession = { carryOut: () => undefined, waits: () => false, closed: () => undefined }
  return { what, methods: {}, greeting: () => ({ name: 'N' }), session: () => session, close: () => undefined }
}

async function listen(t: Test, kind: ControlKind) {
  const endpoint = defaultControlEndpoint({ name: 'N' }, kind)
  const server = await startServiceServer(() => serviceOf(kind), { listen: endpoint })
  t.teardown(() => server.close())
  return endpoint
}

t.beforeEach(t => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-'))
  const { XDG_RUNTIME_DIR, MQLAB_CONTROL, MQLAB_NLB_CONTROL } = process.env
  process.env.XDG_RUNTIME_DIR = directory
  delete process.env.MQLAB_CONTROL
  delete process.env.MQLAB_NLB_CONTROL
  t.teardown(() => {
    for (const [name, value] of Object.entries({ XDG_RUNTIME_DIR, MQLAB_CONTROL, MQLAB_NLB_CONTROL }))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    rmSync(directory, { recursive: true, force: true })
  })
})

t.test('a queue manager and a cluster of one name run beside each other, and each is found as what it is', async t => {
  const queueManager = await listen(t, QUEUE_MANAGER)
  await t.rejects(findControlEndpoint({}, NLB_CLUSTER), { message: /^no NLB cluster runs here; .*mqlab nlb CONFIG/ })
  const cluster = await listen(t, NLB_CLUSTER)
  t.not(cluster.path, queueManager.path)
  t.strictSame(await findControlEndpoint({}, QUEUE_MANAGER), queueManager)
  t.strictSame(await findControlEndpoint({}, NLB_CLUSTER), cluster)
  process.env.MQLAB_CONTROL = '/nowhere'
  t.strictSame(await findControlEndpoint({}, NLB_CLUSTER), cluster, 'each has a variable of its own')
})

t.test('who meets something else turns away', async t => {
  const queueManager = await listen(t, QUEUE_MANAGER)
  const cluster = await listen(t, NLB_CLUSTER)
  await t.rejects(ClientConnection.open(queueManager, { ...TIMEOUTS, kind: NLB_CLUSTER }), {
    code: 'MSMQ_CONTROL_CONNECT',
    message: /is no NLB cluster, but says: queue manager/,
  })
  await t.rejects(ClientConnection.open(cluster, TIMEOUTS), { message: /is no queue manager, but says: NLB cluster/ })
  const connection = await ClientConnection.open(cluster, { ...TIMEOUTS, kind: NLB_CLUSTER })
  t.equal(connection.name, 'N')
  await t.rejects(connection.request('queues', {}), { code: 'MSMQ_CONTROL_REQUEST', message: /no method "queues"/ })
  await connection.close()
})
