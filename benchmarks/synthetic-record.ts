import type { LabEvent, RunNode, RunRecord } from '../lab/history.js'
import type { NodeReport, QueueManagerReport } from '../lab/node-spec.js'
import { parseScenario } from '../lab/scenario-file.js'
import { createCounters } from '../queue-manager/counters.js'
import type { DeliveredFromSender } from '../receivers/receiver-ledger.js'
import { MESSAGE_STATE } from '../senders/sender-ledger.js'

const SENDERS = 8
const RECEIVERS = 4
const PER_TRANSACTION = 4
/** Messages to an order ack. */
const ACK_EVERY = 64
/** One message in so many, of each sender, has each fault; numbers without a common divisor, so that faults meet rarely. */
const FAULT_EVERY = { lost: 100_003, duplicated: 10_007, held: 50_021, deadLettered: 200_003 } as const
const MESSAGE_TIME_OUT = 0x8002

const SCENARIO = `
scenario: synthetic
about: ledgers and acknowledgements of a run that never was
topology:
  gateway: { source: keep }
  receivers: { count: ${RECEIVERS}, queues: { name: 'private$\\orders', transactional: true } }
  senders: { count: ${SENDERS} }
load: { to: 'DIRECT=TCP:{vip}\\private$\\orders', delivery: transactional, messages: 1, perTransaction: ${PER_TRANSACTION} }
expect: {}
`

export interface SyntheticRecord {
  readonly run: RunRecord
  /** What a verdict must find. */
  readonly expected: Readonly<Record<'sent' | 'lost' | 'duplicated' | 'unacknowledged' | 'deadLettered', number>>
}

/** The record of a run of so many transactional messages: whole ledgers, each order ack, and faults in all places. */
export function syntheticRecord(messages: number): SyntheticRecord {
  const scenario = parseScenario(SCENARIO, 'synthetic.yaml')
  const load = scenario.load[0]!
  const receivers = Array.from({ length: RECEIVERS }, (_, index) => node(`R${index + 1}`, index, null))
  const senders = Array.from({ length: SENDERS }, (_, index) => node(`S${index + 1}`, index, load))
  const each = Math.floor(messages / SENDERS)
  const expected = { sent: each * SENDERS, lost: 0, duplicated: 0, unacknowledged: 0, deadLettered: 0 }
  const rows = new Map<string, DeliveredFromSender[]>(receivers.map(({ name }) => [name, []]))
  const reports = new Map<string, NodeReport>()
  const events: LabEvent[] = []
  for (const [index, sender] of senders.entries()) {
    const home = receivers[index % RECEIVERS]!
    const other = receivers[(index + 1) % RECEIVERS]!
    const copies = new Uint8Array(each).fill(1)
    const again = new Uint8Array(each)
    const held = new Uint8Array((each + 7) >> 3)
    const ids = new Uint32Array(each)
    for (let number = 1; number <= each; number++) {
      ids[number - 1] = number + index
      if (number % FAULT_EVERY.lost === 0 || number % FAULT_EVERY.deadLettered === 0) {
        copies[number - 1] = 0
        if (number % FAULT_EVERY.deadLettered === 0) {
          expected.deadLettered++
          events.push(deadLetter(sender, number + index))
        } else expected.lost++
      } else if (number % FAULT_EVERY.duplicated === 0) {
        again[number - 1] = 1
        expected.duplicated++
      } else if (number % FAULT_EVERY.held === 0) {
        held[(number - 1) >> 3]! |= 1 << ((number - 1) & 7)
        expected.unacknowledged++
      }
      if (number % ACK_EVERY === 0) events.push(...acknowledgement(sender, home, number))
    }
    rows.get(home.name)?.push(row(index, copies))
    rows.get(other.name)?.push(row(index, again))
    reports.set(sender.name, {
      ...report(sender.name),
      sender: {
        sender: index,
        perTransaction: PER_TRANSACTION,
        offered: each,
        states: new Uint8Array(each).fill(MESSAGE_STATE.accepted),
        messageIds: new Uint8Array(ids.buffer),
        accepted: each,
        refused: 0,
        refusals: {},
        firstOfferedUs: 0,
        lastOfferedUs: each,
        lateUsMax: 0,
      },
      remaining: [{ sender: index, numbers: held }],
    })
  }
  for (const { name } of receivers) {
    const receiver = { received: 0, foreign: 0, bodyFailures: 0, firstUs: 0, lastUs: 0, latency: null }
    reports.set(name, { ...report(name), receiver: { ...receiver, senders: rows.get(name) ?? [] } })
  }
  const run: RunRecord = {
    scenario,
    world: 'synthetic',
    seed: 1,
    nodes: [...receivers, ...senders],
    gateway: {
      name: 'gateway',
      address: '10.66.0.10',
      hosts: receivers.map(({ name }) => name),
      source: 'keep',
      protocol: 'tcp',
      balance: 'connection',
    },
    events: events.sort((a, b) => a.atMs - b.atMs),
    reports,
    samples: [],
    deaths: [],
    startedMs: 0,
    loadEndedMs: each,
    endedMs: each + 1000,
    drained: false,
  }
  return { run, expected }
}

function node(name: string, index: number, load: RunNode['load']): RunNode {
  const isSender = load !== null
  return {
    name,
    role: isSender ? 'sender' : 'receiver',
    guid: `${isSender ? '2' : '1'}0000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    address: `10.66.0.${(isSender ? 100 : 20) + index}`,
    sequenceTimeStamp: 1000 + index,
    sender: isSender ? index : null,
    load,
  }
}

function acknowledgement(sender: RunNode, receiver: RunNode, number: number): LabEvent[] {
  const destination = `DIRECT=TCP:${sender.address}\\PRIVATE$\\order_queue$`
  const sequence = `${sender.sequenceTimeStamp.toString(16).padStart(8, '0')}:00000001`
  const messageId = number * SENDERS + (sender.sender ?? 0)
  return [
    {
      kind: 'order-ack-sent',
      node: receiver.name,
      atMs: number,
      messageId,
      destination,
      sessionPeer: sender.address,
      forSource: sender.guid,
      sequence,
      number,
      direct: true,
    },
    {
      kind: 'order-ack-received',
      node: sender.name,
      atMs: number + 1,
      connection: 1,
      peer: receiver.address,
      from: receiver.guid,
      messageId,
      destination,
      sequence,
      number,
      result: 'matched',
      removed: ACK_EVERY,
    },
  ]
}

function deadLetter(sender: RunNode, messageId: number): LabEvent {
  const queue = 'DIRECT=TCP:10.66.0.10\\private$\\orders'
  const atMs = messageId
  return {
    kind: 'dead-lettered',
    node: sender.name,
    atMs,
    queue,
    messageId,
    messageClass: MESSAGE_TIME_OUT,
    transactional: true,
  }
}

function row(sender: number, copies: Uint8Array): DeliveredFromSender {
  const delivered = copies.reduce((sum, count) => sum + count, 0)
  return {
    sender,
    copies,
    delivered,
    duplicateCopies: 0,
    firstDuplicate: null,
    outOfOrder: 0,
    firstOutOfOrder: null,
    transactionSizeMax: PER_TRANSACTION,
  }
}

function report(name: string): QueueManagerReport {
  return {
    kind: 'queue-manager',
    node: name,
    partial: false,
    atMs: 0,
    outgoing: [],
    local: [],
    remaining: [],
    counters: createCounters(),
  }
}
