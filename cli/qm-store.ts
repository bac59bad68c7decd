import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { MqlabError } from '../protocol/errors.js'
import { isPacketTable, type StoreOperation, type StoreTable } from '../queue-manager/actions.js'
import { createSettings, SETTINGS, type SettingName, type Settings } from '../queue-manager/settings.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { MemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import type { StoreIdentity } from '../store/store-directory.js'
import { fail } from './output.js'
import type { QmConfig } from './qm-config.js'

/** What a queue manager starts with: what it is and what it holds. */
export interface OpenedStore {
  readonly store: Store
  readonly lmdb: LmdbStore | null
  readonly identity: StoreIdentity
  /** Those of a former start, with those of this one on top. */
  readonly settings: Settings
  /** All rows but those that are not the engine's. */
  stored(): Iterable<StoreOperation>
}

/** The one row of the store that is not the engine's: settings as they were last given. */
const SETTINGS_ROW: { readonly table: StoreTable; readonly key: string } = { table: 'state', key: 'settings' }

/**
 * Opens the directory of `--data`, or a store in memory. Who the queue manager is stays what it was when the store was
 * made, and so do settings until they are given anew.
 * @throws {CliError} one line that names the directory, and says what is wrong and what can be done.
 */
export async function openQmStore(config: QmConfig): Promise<OpenedStore> {
  const { data } = config
  if (data === undefined) {
    const store = new MemoryStore()
    const settings = createSettings(config.settings)
    return { store, lmdb: null, identity: newIdentity(config), settings, stored: () => [] }
  }
  const { LmdbStore } = await import('../store/lmdb-store.js')
  const { dataFile } = await import('../store/store-directory.js')
  const isNew = !existsSync(dataFile(data))
  const lmdb = await refusing(() => LmdbStore.open(data, isNew ? { identity: newIdentity(config) } : {}))
  try {
    if (lmdb.identity === null) await lmdb.setIdentity(newIdentity(config))
    const identity = lmdb.identity ?? newIdentity(config)
    checkIdentity(config, data, identity)
    const settings = await keptSettings(lmdb, config.settings)
    return { store: lmdb, lmdb, identity, settings, stored: () => engineRows(lmdb) }
  } catch (error) {
    await lmdb.close()
    throw error
  }
}

function newIdentity({ name, guid }: QmConfig): StoreIdentity {
  if (name === undefined) fail('--name is needed, or a name in the file of --config')
  return { name, guid: guid ?? randomUUID(), sequenceTimeStamp: Math.floor(Date.now() / 1000) }
}

function checkIdentity({ name, guid }: QmConfig, data: string, kept: StoreIdentity): void {
  const remedy = 'leave it out, or choose another --data directory'
  if (name !== undefined && name.toLowerCase() !== kept.name.toLowerCase())
    fail(`--name ${name}: ${data} is the store of ${kept.name}; ${remedy}`)
  if (guid !== undefined && guid !== kept.guid)
    fail(`--guid ${guid}: ${data} is the store of the queue manager ${kept.guid}; ${remedy}`)
}

/** Settings of former starts and of this one, which are kept from now on. */
async function keptSettings(store: Store, given: QmConfig['settings']): Promise<Settings> {
  const before = storedSettings(store)
  const changes = { ...before, ...given }
  const settings = createSettings(changes)
  if (Object.entries(given).some(([name, value]) => before[name] !== value)) {
    const value = Object.fromEntries(
      Object.entries(changes).filter(([name, value]) => SETTINGS[name as SettingName].default !== value),
    )
    await refusing(() => write(store, [{ ...SETTINGS_ROW, value }]))
  }
  return settings
}

function storedSettings(store: Store): Record<string, number> {
  // Rows with packets come last, and there may be millions of them.
  for (const { table, key, value } of store.load()) {
    if (isPacketTable(table)) break
    if (table === SETTINGS_ROW.table && key === SETTINGS_ROW.key)
      return Object.fromEntries(
        Object.entries(value ?? {}).flatMap(([name, setting]) =>
          Object.hasOwn(SETTINGS, name) && typeof setting === 'number' ? [[name, setting]] : [],
        ),
      )
  }
  return {}
}

function* engineRows(store: Store): Iterable<StoreOperation> {
  for (const operation of store.load())
    if (operation.table !== SETTINGS_ROW.table || operation.key !== SETTINGS_ROW.key) yield operation
}

function write(store: Store, operations: readonly StoreOperation[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.write(operations, error => (error === null ? resolve() : reject(error)))
  })
}

/** Runs what opens a store or reads it: its errors name the directory and the remedy, and end the command. */
export async function refusing<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof MqlabError) fail(error.message, { cause: error })
    throw error
  }
}
