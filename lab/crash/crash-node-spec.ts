import type { Guid } from '../../protocol/guid.js'
import type { HttpOptions } from '../../queue-manager/queue-manager.js'
import type { CrashQueue } from './crash-application.js'
import type { OffersSpec } from './crash-offers.js'
import type { TakesSpec } from './crash-takes.js'
import type { KillPlace } from './killing-store.js'

/** One life of a machine in the crash campaign: a queue manager on what the lives before left on the disk. */
export interface CrashNodeSpec {
  readonly kind: 'crash-node'
  readonly name: string
  readonly guid: Guid
  readonly sequenceTimeStamp: number
  readonly address: string
  readonly port: number
  /** Takes SRMP messages on the port named here; absent: speaks no HTTP but outwards. */
  readonly http?: HttpOptions & { readonly port: number }
  readonly settings: Readonly<Record<string, number>>
  /** All queues of the campaign; it creates its own. */
  readonly queues: readonly CrashQueue[]
  /** Of the store. */
  readonly directory: string
  /** Files of the ledgers. */
  readonly offersLedger: string
  readonly takesLedger: string
  readonly life: number
  /** Of this life. */
  readonly seed: number
  readonly offers?: OffersSpec
  readonly takes: TakesSpec
  readonly kill?: KillPlace
  /** The store does not grow beyond this in this life. */
  readonly storeBytesMax?: number
}

export interface CrashNodeReport {
  readonly kind: 'crash-node'
  readonly node: string
  readonly partial: boolean
  readonly atMs: number
}
