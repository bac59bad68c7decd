import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ERROR_CODES } from '../../protocol/error-codes.js'

const FAMILIES = /'(MSMQ_(?:DECODE|ENCODE)_[A-Z_]+)'/g

t.test('every decode and encode code in the sources is in the table, and the other way round', async t => {
  const used = new Set<string>()
  for (const folder of ['protocol', 'cli']) {
    for (const file of readdirSync(join(process.cwd(), folder), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file === 'error-codes.ts') continue
      for (const [, code] of readFileSync(join(process.cwd(), folder, file), 'utf8').matchAll(FAMILIES)) used.add(code!)
    }
  }
  const known = Object.keys(ERROR_CODES).filter(code => /^MSMQ_(DECODE|ENCODE)_/.test(code))
  t.strictSame([...used].sort(), known.sort())
})
