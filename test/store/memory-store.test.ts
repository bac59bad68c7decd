import t from 'tap'
import { MemoryStore } from '../../store/memory-store.js'
import { storeSuite } from '../fixtures/store-suite.js'

await storeSuite(t, () => {
  const store = new MemoryStore()
  return {
    open() {
      store.reopen()
      return store
    },
    remove() {},
  }
})
