import { MqlabError } from '../protocol/errors.js'
import { isPacketTable, type StoredValue, type StoreOperation, type StoreTable } from './actions.js'
import type { Context } from './context.js'
import { isDeletedQueue } from './queue-registry.js'
import { StoredRow, StoredRowError } from './stored-row.js'

/**
 * Takes over what a former run stored. The rows of packet tables come last and may be millions, so they pass one by one;
 * the others are taken in an order in which each finds what it refers to.
 * @throws StoredRowError for a row that this queue manager cannot have written: nothing is left out in silence.
 */
export function restore(context: Context, stored: Iterable<StoreOperation>): void {
  let small: Map<StoreTable, StoreOperation[]> | null = new Map()
  for (const operation of stored) {
    const { table } = operation
    if (isPacketTable(table)) {
      if (small !== null) restoreSmall(context, small)
      small = null
      take(operation, row => {
        if (table === 'message') context.localQueues.restoreMessage(row)
        else context.outgoingQueues.restoreMessage(row.numberKey, operation.value as StoredValue)
      })
      continue
    }
    if (small === null) throw new Error(`the store gave a row of ${table} after those of packet tables`)
    const rows = small.get(table)
    if (rows === undefined) small.set(table, [operation])
    else rows.push(operation)
  }
  if (small !== null) restoreSmall(context, small)
  context.localQueues.restored()
}

function restoreSmall(context: Context, small: ReadonlyMap<StoreTable, readonly StoreOperation[]>): void {
  const { acknowledgements, identifiers, incomingSequences, localQueues, outgoingQueues } = context
  const rowsOf = (table: StoreTable) => small.get(table) ?? []
  const takeAll = (table: StoreTable, restoreRow: (row: StoredRow, value: StoredValue) => void) => {
    for (const operation of rowsOf(table)) take(operation, row => restoreRow(row, operation.value as StoredValue))
  }
  takeAll('state', (row, value) => {
    if (row.key === 'lookup-id') localQueues.restoreOrder(row)
    else if (row.key === 'queue-number') localQueues.registry.restoreNumber(row)
    else if (isDeletedQueue(row)) localQueues.registry.restoreDeleted(row)
    else outgoingQueues.restoreState(row.textKey, value)
  })
  takeAll('queue', row => localQueues.registry.restore(row))
  takeAll('message-state', row => localQueues.restoreState(row))
  identifiers.restore(rowsOf('identifier').map(operation => new StoredRow(operation)))
  takeAll('incoming-sequence', row => incomingSequences.restore(row))
  for (const operation of rowsOf('outgoing-queue').toSorted(byNumber))
    take(operation, row => outgoingQueues.restoreQueue(row.numberKey, operation.value as StoredValue))
  takeAll('outgoing-sequence', (row, value) => outgoingQueues.restoreSequence(row.textKey, value))
  takeAll('awaiting-final-ack', (row, value) => acknowledgements.awaited.restoreRow(row.numberKey, value))
}

/** A value of the right type that says nothing sensible, such as a format name that is none, is the row's fault too. */
function take(operation: StoreOperation, restoreRow: (row: StoredRow) => void): void {
  try {
    restoreRow(new StoredRow(operation))
  } catch (error) {
    if (!(error instanceof MqlabError) || error instanceof StoredRowError) throw error
    throw new StoredRowError(operation.table, operation.key, error.message)
  }
}

function byNumber(one: StoreOperation, other: StoreOperation): number {
  return Number(one.key) - Number(other.key)
}
