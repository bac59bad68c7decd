import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { launchNode, type NodeExit, NodeHandle, type NodeHandleOptions } from '../../lab/node-handle.js'
import { type GatewaySpec, isRemaining, type QueueManagerReport, type QueueManagerSpec } from '../../lab/node-spec.js'
import type { Note } from '../../queue-manager/notes.js'
import { messageIdOf } from '../../senders/sender-ledger.js'
import type { WorkloadSpec } from '../../senders/workload-spec.js'

const PORT = 1801

function queueManager(name: string, place: number, changes: Partial<QueueManagerSpec> = {}): QueueManagerSpec {
  return {
    kind: 'queue-manager',
    name,
    guid: `00000000-0000-4000-8000-0000000000${String(place).padStart(2, '0')}`,
    address: `127.0.92.${place}`,
    port: PORT,
    sequenceTimeStamp: 1000 + place,
    settings: { TryConnectInterval: 100, IdleAckDelay: 50 },
    queues: [],
    resolver: { names: {}, queueManagers: {} },
    notes: true,
    ...changes,
  }
}

function receiver(name: string, place: number, transactional: boolean): QueueManagerSpec {
  const queues = [{ name: 'private$\\orders', transactional }]
  return queueManager(name, place, {
    queues,
    consumer: { queues: ['private$\\orders'], verifyBodies: true, latency: true },
  })
}

function sender(name: string, place: number, to: string, workload: Partial<WorkloadSpec>): QueueManagerSpec {
  const destinations = [`DIRECT=TCP:${to}\\private$\\orders`]
  return queueManager(name, place, {
    workload: { sender: place, destinations, delivery: 'express', bodyBytes: 300, ...workload },
  })
}

async function launched(
  t: Test,
  spec: QueueManagerSpec | GatewaySpec,
  options: NodeHandleOptions = {},
): Promise<NodeHandle> {
  const launching = launchNode(spec, options)
  t.teardown(async () => {
    const handle = await launching.catch(() => null)
    handle?.kill()
    await handle?.exited
  })
  return launching
}

/** Until nothing is left in the node's outgoing queues. */
async function drained(handle: NodeHandle): Promise<void> {
  await handle.done
  const untilMs = Date.now() + 60_000
  while (handle.running && Date.now() < untilMs) {
    const fromMs = Date.now()
    await new Promise(resolve => setTimeout(resolve, 120))
    const sample = handle.lastSample
    if (sample !== null && sample.atMs > fromMs && sample.outgoingMessages === 0) return
  }
}

function reportOf(handle: NodeHandle): QueueManagerReport {
  if (handle.report?.kind !== 'queue-manager') throw new Error(`${handle.name} gave no report`)
  return handle.report
}

t.test('express from process to process: everything once, and both ledgers say so', async t => {
  const [to, from] = await Promise.all([
    launched(t, receiver('R1', 11, false)),
    launched(t, sender('S1', 12, '127.0.92.11', { messages: 3000 })),
  ])
  from.start()
  await drained(from)
  t.match(await from.stop(), { node: 'S1', exitCode: 0, signal: null, failure: null, orderly: true })
  t.match(await to.stop(), { exitCode: 0, orderly: true })
  t.match(reportOf(from), { partial: false, sender: { offered: 3000, accepted: 3000, refused: 0 }, remaining: [] })
  const { receiver: ledger } = reportOf(to)
  t.match(ledger, { received: 3000, foreign: 0, bodyFailures: 0 })
  t.match(ledger?.senders, [{ sender: 12, delivered: 3000, duplicateCopies: 0, outOfOrder: 0 }])
  t.ok(ledger?.senders[0]?.copies.every(copies => copies === 1))
  t.ok((ledger?.latency?.count ?? 0) === 3000)
})

t.test('transactions, in threads, through a gateway: notes and decisions flow', async t => {
  const notes: Note[] = []
  let decisions = 0
  const hear: NodeHandleOptions = {
    as: 'thread',
    onNotes: (_node, heard) => notes.push(...heard),
    onDecisions: (_node, made) => (decisions += made.length),
  }
  const gateway: GatewaySpec = {
    kind: 'gateway',
    name: 'G',
    listen: { address: '127.0.92.20', port: PORT },
    hosts: [{ name: 'R2', address: '127.0.92.21', port: PORT }],
    affinity: 'none',
    source: 'keep',
  }
  const [balancer, to, from] = await Promise.all([
    launched(t, gateway, hear),
    launched(t, { ...receiver('R2', 21, true), moreAddresses: ['127.0.92.20'] }, hear),
    launched(t, sender('S2', 22, '127.0.92.20', { messages: 100, perTransaction: 7, delivery: 'transactional' }), hear),
  ])
  from.start()
  await drained(from)
  for (const handle of [from, balancer, to]) t.match(await handle.stop(), { orderly: true, failure: null })
  const { sender: sent } = reportOf(from)
  t.match(sent, { offered: 100, accepted: 100 })
  t.match(reportOf(to).receiver?.senders, [
    { delivered: 100, duplicateCopies: 0, outOfOrder: 0, transactionSizeMax: 7 },
  ])
  t.ok(decisions >= 1)
  t.ok(notes.some(({ kind }) => kind === 'order-ack-received'))
  const arrived = new Set(notes.flatMap(note => (note.kind === 'arrived' ? [note.messageId] : [])))
  t.ok(arrived.has(messageIdOf(sent!, 1)!) && arrived.has(messageIdOf(sent!, 100)!), 'numbers lead to notes')
  t.match(balancer.report, { kind: 'gateway', partial: false, counters: { hosts: { R2: { failed: 0 } } } })
})

t.test('a receiver that is not there: messages remain, and it is said which', async t => {
  const from = await launched(t, sender('S3', 32, '127.0.92.31', { messages: 20, delivery: 'recoverable' }))
  from.start()
  await from.done
  await from.stop()
  const { remaining, outgoing, sender: sent } = reportOf(from)
  t.match(sent, { offered: 20, accepted: 20 })
  t.match(outgoing, [{ messages: 20 }])
  t.equal(remaining.length, 1)
  for (const number of [1, 13, 20]) t.ok(isRemaining(remaining[0]!, number))
  t.notOk(isRemaining(remaining[0]!, 21))
})

t.test('a node with a data directory is killed, and goes on with what it had', async t => {
  const data = mkdtempSync(join(tmpdir(), 'mqlab-node-'))
  t.teardown(() => rmSync(data, { recursive: true }))
  const spec = sender('S5', 52, '127.0.92.51', { messages: 20, delivery: 'recoverable' })
  const first = await launched(t, { ...spec, data })
  first.start()
  await first.done
  first.kill('SIGKILL')
  await first.exited
  const { workload: _, ...idle } = spec
  const again = await launched(t, { ...idle, data })
  await again.stop()
  const { remaining, outgoing } = reportOf(again)
  t.match(outgoing, [{ messages: 20 }])
  t.ok(isRemaining(remaining[0]!, 1) && isRemaining(remaining[0]!, 20))
})

t.test('a node that is killed is reported at once, and what it had checkpointed is kept', async t => {
  const exits: NodeExit[] = []
  const to = await launched(t, receiver('R4', 41, false), { onExit: exit => exits.push(exit) })
  const from = await launched(t, sender('S4', 42, '127.0.92.41', { ratePerS: 500 }))
  from.start()
  while ((to.report?.kind === 'queue-manager' ? (to.report.receiver?.received ?? 0) : 0) === 0)
    await new Promise(resolve => setTimeout(resolve, 20))
  const killedMs = Date.now()
  to.kill('SIGKILL')
  t.match(await to.exited, { node: 'R4', exitCode: null, signal: 'SIGKILL', orderly: false })
  t.ok(Date.now() - killedMs < 10_000)
  t.equal(exits.length, 1)
  const report = reportOf(to)
  t.equal(report.partial, true)
  t.ok((report.receiver?.senders[0]?.delivered ?? 0) > 0)
  from.drain()
  await from.done
  t.match(await from.stop(), { orderly: true })
})

t.test('a node that cannot be what it should be says why', async t => {
  await launched(t, receiver('R5', 51, false))
  await t.rejects(launchNode(receiver('R6', 51, false)), { code: 'MSMQ_TRANSPORT_LISTEN', node: 'R6' })
  await t.rejects(launchNode({ ...receiver('R7', 52, false), settings: { NoSuchSetting: 1 } }), {
    code: 'MSMQ_OPTION_UNKNOWN',
  })
})

t.test('a node that is killed before it was started is never started', async t => {
  const handle = new NodeHandle(receiver('R8', 53, false), {})
  handle.kill()
  t.match(await handle.exited, { node: 'R8', exitCode: null, signal: null, orderly: false })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(handle.pid, undefined)
  t.notOk(
    process.getActiveResourcesInfo().some(kind => /Server/.test(kind)),
    'nobody waits for it',
  )
})

t.test('a node ends by itself when its lab dies', async t => {
  const script = fileURLToPath(new URL('../fixtures/lab-that-dies.js', import.meta.url))
  const lab = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const died = once(lab, 'exit')
  const [line] = await once(lab.stdout, 'data')
  const pid = Number(String(line))
  t.ok(pid > 0 && isRunning(pid))
  lab.stdin.end()
  t.match(await died, [null, 'SIGKILL'])
  for (const untilMs = Date.now() + 30_000; isRunning(pid) && Date.now() < untilMs; )
    await new Promise(resolve => setTimeout(resolve, 20))
  t.notOk(isRunning(pid))
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
