import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LmdbStore } from '../../store/lmdb-store.js'
import { storeSuite } from '../fixtures/store-suite.js'

await storeSuite(t, () => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-store-'))
  return {
    open: () => LmdbStore.open(directory),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
})
