import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HeadPlaces } from './head-places.js'
import { checkStructure } from './lmdb-file.js'
import { StoreError } from './store.js'
import { type Databases, openDatabases } from './store-databases.js'
import { corrupt, foreign, ioError } from './store-errors.js'
import { CHECKSUM_BYTES, decodeValue, encodeShared, isIntact, seal } from './stored-value.js'

/** Of what a directory is the store of. */
export interface StoreIdentity {
  /** Computer name of the queue manager. */
  readonly name: string
  /** Its GUID in text, which senders and receivers know it by. */
  readonly guid: string
  /** Seconds since 1970: the upper half of the sequence identifiers that it gives out. */
  readonly sequenceTimeStamp: number
}

/** The one record that makes an LMDB file a store. */
export interface StoreFormat {
  readonly version: number
  readonly createdMs: number
  readonly identity: StoreIdentity | null
}

export const FORMAT_VERSION = 1
const FORMAT_NAME = 'mqlab store'
const FORMAT_KEY = Buffer.from('format')

/** The data file in a store's directory. LMDB keeps `store.mdb-lock` beside it, which holds nothing that lasts. */
export const dataFile = (directory: string): string => join(directory, 'store.mdb')

export function createDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw ioError(`cannot make the directory ${directory}`, error)
  }
}

/** Makes the data file when there is none: under another name first, so that it is either whole or not there. */
export async function createDataFile(directory: string, identity: StoreIdentity | null): Promise<void> {
  const path = dataFile(directory)
  const draft = join(directory, 'draft.mdb')
  removeDraft(draft)
  if (existsSync(path)) return
  try {
    const databases = openDatabases(draft, 0)
    await writeFormat(databases, { version: FORMAT_VERSION, createdMs: Date.now(), identity })
    await databases.root.close()
    renameSync(draft, path)
    removeDraft(draft)
    const handle = openSync(directory, 'r')
    fsyncSync(handle)
    closeSync(handle)
  } catch (error) {
    throw ioError(`cannot create a store in ${directory}`, error)
  }
}

function removeDraft(draft: string): void {
  rmSync(draft, { force: true })
  rmSync(`${draft}-lock`, { force: true })
}

/** Opens the data file after looking whether LMDB can: it takes the file at its word, and would crash on a bad one. */
export function openDataFile(directory: string): { databases: Databases; format: StoreFormat; heads: HeadPlaces } {
  const path = dataFile(directory)
  let heads: HeadPlaces
  try {
    heads = new HeadPlaces(path)
  } catch (error) {
    throw ioError(`cannot open ${path}`, error)
  }
  try {
    checkStructure(path, (database, key, position, length) => {
      if (database === 'heads') heads.add(key, position, length)
    })
    return { ...openCheckedFile(directory), heads }
  } catch (error) {
    heads.close()
    throw error
  }
}

/** Without the check of the structure. */
export function openCheckedFile(directory: string, readOnly = false): { databases: Databases; format: StoreFormat } {
  const path = dataFile(directory)
  let databases: Databases
  try {
    databases = openDatabases(path, statSync(path).size, readOnly)
  } catch (error) {
    if ((error as Error).message.includes('Database not found')) throw foreign(path)
    throw ioError(`cannot open ${path}`, error)
  }
  try {
    return { databases, format: readFormat(databases, path) }
  } catch (error) {
    void databases.root.close()
    throw error
  }
}

export function readFormat(databases: Databases, path: string): StoreFormat {
  const record = databases.about.getBinary(FORMAT_KEY)
  if (record === undefined) throw foreign(path)
  if (!isIntact(FORMAT_KEY, record)) throw corrupt(path, 'the format record is damaged')
  const { format, version, createdMs, identity } = decodeValue(record.subarray(CHECKSUM_BYTES)) as StoreFormat & {
    format: string
  }
  if (format !== FORMAT_NAME) throw foreign(path)
  if (version > FORMAT_VERSION) {
    throw new StoreError(
      'MSMQ_STORE_NEWER',
      `${path} has format version ${version}, this mqlab reads up to ${FORMAT_VERSION}; open it with the newer mqlab`,
    )
  }
  return { version, createdMs, identity }
}

export async function writeFormat(databases: Databases, format: StoreFormat): Promise<void> {
  const encoded = encodeShared({ format: FORMAT_NAME, ...format })
  const record = Buffer.alloc(CHECKSUM_BYTES + encoded.length)
  record.set(encoded, CHECKSUM_BYTES)
  seal(FORMAT_KEY, record)
  await databases.root.batch(() => {
    void databases.about.put(FORMAT_KEY, record)
  })
}
