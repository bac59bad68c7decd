import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Queues are numbered as in the campaign's list. A message is known by who offered it and its number there. */
export type OfferedMessage = readonly [number: number, queue: number]
export type TakenMessage = readonly [queue: number, sender: number, number: number]

export type OfferKind = 'express' | 'recoverable' | 'transactional'

/**
 * What an application writes down about what it asks of its queue manager, in this order:
 * - life: a process began. What a line before it leaves open was cut off by a crash.
 * - offer: before the messages of a group are handed over. A group is one message, or those of one transaction; it is
 *   named by its first number.
 * - commit: before the transaction is committed. Without it the transaction must come to nothing, as with `abandon`.
 * - outcome: the queue manager said what became of the group.
 * - take: before a receive outside a transaction, or before the commit of one that received. `reply` is the number of
 *   the message sent in the same transaction, 0 for none.
 * - taken: the queue manager said so, or after a crash these (`only`; absent: all) were found to be gone.
 * - back: the queue manager said that it came to nothing, or after a crash all were found to be there.
 * - failure: the store could not take a write, for the first time in this life with this code.
 * - wrong: the application saw by itself what must not be.
 */
export type LedgerLine =
  | { readonly do: 'life'; readonly life: number }
  | { readonly do: 'offer'; readonly kind: OfferKind; readonly messages: readonly OfferedMessage[] }
  | { readonly do: 'commit'; readonly group: number }
  | { readonly do: 'abandon'; readonly group: number }
  | {
      readonly do: 'outcome'
      readonly group: number
      readonly outcome: 'accepted' | 'refused'
      readonly error?: string
    }
  | {
      readonly do: 'take'
      readonly take: number
      readonly by: 'receive' | 'transaction'
      readonly messages: readonly TakenMessage[]
      readonly reply: number
    }
  | { readonly do: 'taken'; readonly take: number; readonly only?: readonly number[] }
  | { readonly do: 'back'; readonly take: number }
  | { readonly do: 'failure'; readonly code: string }
  | { readonly do: 'wrong'; readonly what: string }

export interface Ledger {
  append(line: LedgerLine): void
}

export class MemoryLedger implements Ledger {
  readonly lines: LedgerLine[] = []

  append(line: LedgerLine): void {
    this.lines.push(line)
  }
}

/**
 * A ledger that outlives its process: a line is with the operating system when `append` returns, so no SIGKILL takes it
 * back. It would not survive the machine; neither does the campaign, whose crashes are those of processes.
 */
export class FileLedger implements Ledger {
  readonly #file: number

  constructor(path: string) {
    // A line that was cut off must not swallow the next one.
    const cutOff = existsSync(path) && readFileSync(path).at(-1) !== 0x0a
    this.#file = openSync(path, 'a')
    if (cutOff) writeSync(this.#file, '\n')
  }

  append(line: LedgerLine): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** The lines of a file, none when there is no file. A line that a crash cut off counts as never written. */
export function readLedger(path: string): LedgerLine[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').split('\n').flatMap(parseLine)
}

function parseLine(text: string): LedgerLine[] {
  try {
    return [JSON.parse(text) as LedgerLine]
  } catch {
    return []
  }
}
