import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, workerData } from 'node:worker_threads'
import { MqlabError } from '../protocol/errors.js'
import type { NodeCapture } from './captures/node-capture.js'
import { Channel } from './channel.js'
import type { LabMessage, NodeMessage } from './channel-messages.js'
import type { LabNode } from './lab-node.js'
import type { LabAddress } from './node-handle.js'
import type { NodeSpec } from './node-spec.js'
import { QueueManagerNode } from './queue-manager-node.js'

/** What a process or thread of the lab runs. It is told what to be over the channel, and ends when the channel does. */

const SAMPLE_INTERVAL_MS = 100
const CHECKPOINT_INTERVAL_MS = 1000
/** A checkpoint of a large ledger takes time itself: never more than this share of it. */
const CHECKPOINT_SHARE_MAX = 0.02
const ABANDON_MAX_MS = 10_000

const { path, token } = labAddress()
const channel = new Channel<NodeMessage, LabMessage>(createConnection({ path }))
let node: LabNode | null = null
let capture: NodeCapture | null = null
let done = false

channel.listen({ onMessage: obey, onClosed: () => void leave() })
channel.send({ type: 'hello', token })
if (isMainThread) {
  // Ctrl-C reaches every process of the terminal; the lab decides what becomes of its nodes.
  process.on('SIGINT', () => undefined)
}
process.on('uncaughtException', fail)

/** Where the lab listens, from the environment of a process or the data of a thread. */
function labAddress(): LabAddress {
  if (!isMainThread) return workerData as LabAddress
  return { path: process.env.MQLAB_LAB_PATH ?? '', token: process.env.MQLAB_LAB_TOKEN ?? '' }
}

function obey(message: LabMessage): void {
  switch (message.type) {
    case 'configure':
      configure(message.spec).catch(fail)
      break
    case 'start':
      node?.start(message.elapsedMs)
      break
    case 'drain':
      node?.drain()
      break
    case 'fault':
      node?.fault?.(message.fault)
      break
    case 'stop':
      stop().catch(fail)
      break
  }
}

async function configure(spec: NodeSpec): Promise<void> {
  capture = await openCapture(spec)
  node = await createNode(spec)
  channel.send({ type: 'ready', ...(await node.open()) })
  setInterval(tell, SAMPLE_INTERVAL_MS, node)
  setTimeout(checkpoint, CHECKPOINT_INTERVAL_MS, node)
}

async function openCapture({ name, capture }: NodeSpec): Promise<NodeCapture | null> {
  if (capture === undefined) return null
  const { NodeCapture } = await import('./captures/node-capture.js')
  return new NodeCapture(name, capture)
}

/** Most nodes are queue managers: what the others are made of is loaded only where it is wanted. */
async function createNode(spec: NodeSpec): Promise<LabNode> {
  if (spec.kind === 'gateway') {
    const { GatewayNode } = await import('./gateway-node.js')
    return new GatewayNode(spec, capture ?? undefined)
  }
  if (spec.kind === 'cluster') {
    const { ClusterNode } = await import('./cluster-node.js')
    return await ClusterNode.create(spec, capture ?? undefined)
  }
  if (spec.kind === 'crash-node') {
    const { CrashNode } = await import('./crash/crash-node.js')
    return new CrashNode(spec)
  }
  const done = () => channel.send({ type: 'done', offered: created.sample().offered })
  const created = await QueueManagerNode.create(spec, done, capture ?? undefined)
  return created
}

function tell(node: LabNode): void {
  if (done) return
  capture?.flush()
  for (let news = node.takeNews(); news !== null; news = node.takeNews()) channel.send(news)
  const sample = node.sample()
  if (sample !== null) channel.send({ type: 'sample', sample })
}

function checkpoint(node: LabNode): void {
  if (done) return
  const before = process.cpuUsage()
  channel.send({ type: 'ledger', report: node.report(true) })
  // Processor time: on a busy machine the clock would say that small ledgers are expensive.
  const { user, system } = process.cpuUsage(before)
  const tookMs = (user + system) / 1000
  setTimeout(checkpoint, Math.max(CHECKPOINT_INTERVAL_MS, tookMs / CHECKPOINT_SHARE_MAX), node)
}

async function stop(): Promise<void> {
  if (node !== null) {
    await node.close()
    capture?.close()
    tell(node)
    channel.send({ type: 'ledger', report: node.report(false) })
  }
  done = true
  channel.end()
}

/** The lab has heard all that it will hear. If it has died, nobody else takes away what a gateway made. */
async function leave(): Promise<void> {
  if (!done) await Promise.race([node?.abandon?.(), sleep(ABANDON_MAX_MS)]).catch(() => undefined)
  process.exit(done ? 0 : 1)
}

function fail(error: unknown): void {
  const code = error instanceof MqlabError ? error.code : 'MSMQ_LAB_NODE_BROKEN'
  // A known error needs no stack to be understood; one of ours does.
  const message = error instanceof MqlabError ? error.message : error instanceof Error ? `${error.stack}` : `${error}`
  channel.send({ type: 'failed', code, message })
  channel.end()
}
