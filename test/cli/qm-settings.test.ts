import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { settingRows, settingsPage, settingsTable } from '../../cli/settings-text.js'
import { SETTINGS } from '../../queue-manager/settings.js'

t.test('every setting is listed with what people ask for', async t => {
  const rows = settingRows()
  t.same(rows.map(({ name }) => name).sort(), Object.keys(SETTINGS).sort())
  for (const { name, unit, min, max, meaning, source, default: value } of rows) {
    t.ok(value >= min && value <= max, `${name}: its default is allowed`)
    t.ok(unit.length > 0 && meaning.length > 4 && source.length > 0, `${name} is explained`)
    t.match(settingsTable(), new RegExp(`^${name} .*${unit}`, 'm'))
  }
  const registryOf = (name: string) => rows.find(row => row.name === name)?.registry
  t.equal(registryOf('CleanupInterval'), 'HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters\\CleanupInterval')
  t.equal(registryOf('LongLiveTime'), 'HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters\\MachineCache\\LongLiveTime')
  t.equal(registryOf('AckWaitTimeout'), null)
})

t.test('docs/settings.md is current', async t => {
  t.equal(
    readFileSync(join(process.cwd(), 'docs/settings.md'), 'utf8'),
    settingsPage(),
    'write it anew: npx mqlab qm --settings --markdown > docs/settings.md',
  )
})
