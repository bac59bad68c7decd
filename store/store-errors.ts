import { StoreError } from './store.js'

/* What is wrong with a store, and what to do about it. */

export function foreign(path: string): StoreError {
  return new StoreError('MSMQ_STORE_FOREIGN', `${path} is not an mqlab store; choose another directory`)
}

export function noStore(directory: string): StoreError {
  return new StoreError(
    'MSMQ_STORE_MISSING',
    `there is no store in ${directory}; name the --data directory of mqlab qm`,
  )
}

export function corrupt(path: string, what: string): StoreError {
  return new StoreError(
    'MSMQ_STORE_CORRUPT',
    `${path}: ${what}; nothing was changed: put back a copy, or move the directory away to start with an empty store`,
  )
}

export function ioError(what: string, error: unknown): StoreError {
  return new StoreError('MSMQ_STORE_IO', `${what}: ${(error as Error).message}`, { cause: error })
}
