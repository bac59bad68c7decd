import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pluginFolder } from '../../cli/dissector.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { readProjectFile } from '../fixtures/project-files.js'

const lua = readProjectFile('capture/wireshark/mqqb.lua')

t.test('print', async t => {
  const { code, stdout } = await mqlab(['dissector', 'print'])
  t.equal(code, 0)
  t.equal(stdout, lua)
})

t.test('install into a folder, again, over an older one, and never over what is not ours', async t => {
  const dir = join(t.testdir(), 'new', 'plugins')
  const file = join(dir, 'mqqb.lua')
  const install = async () => mqlab(['dissector', 'install', '--dir', dir, '--json'])
  const first = await install()
  t.equal(first.code, 0, first.stderr)
  t.strictSame(JSON.parse(first.stdout), { file, state: 'installed' })
  t.equal(readFileSync(file, 'utf8'), lua)
  t.strictSame(JSON.parse((await install()).stdout), { file, state: 'unchanged' })
  writeFileSync(file, `${lua.split('\n')[0]}\n-- an older one`)
  t.strictSame(JSON.parse((await install()).stdout), { file, state: 'updated' })
  t.equal(readFileSync(file, 'utf8'), lua)

  writeFileSync(file, '-- somebody wrote this')
  const refused = await install()
  t.equal(refused.code, 2)
  t.match(refused.stderr, /mqqb\.lua is not mqlab's: move it away, or name another folder with --dir/)
  t.equal(readFileSync(file, 'utf8'), '-- somebody wrote this')
})

t.test('install where nothing can be made, and where a folder has its name', async t => {
  const { code, stderr } = await mqlab(['dissector', 'install', '--dir', '/proc/nowhere/plugins'])
  t.equal(code, 2)
  t.match(stderr, /\/proc\/nowhere/)

  const dir = t.testdir({ 'mqqb.lua': {} })
  const folder = await mqlab(['dissector', 'install', '--dir', dir])
  t.equal(folder.code, 2)
  t.match(folder.stderr, /mqqb\.lua is a folder: move it away/)
})

t.test('install where Wireshark looks', { skip: process.platform === 'win32' }, async t => {
  const home = t.testdir()
  const { code, stdout } = await mqlab(['dissector', 'install'], { HOME: home })
  t.equal(code, 0)
  const file = join(home, '.local', 'lib', 'wireshark', 'plugins', 'mqqb.lua')
  t.ok(stdout.startsWith(`installed: ${file}\n`), stdout)
  t.ok(existsSync(file))
})

t.test('where Wireshark looks', async t => {
  t.equal(pluginFolder('linux', {}, '/users/ann'), join('/users/ann', '.local/lib/wireshark/plugins'))
  t.equal(pluginFolder('darwin', {}, '/users/ann'), join('/users/ann', '.local/lib/wireshark/plugins'))
  t.equal(pluginFolder('win32', { APPDATA: 'roaming' }, 'ann'), join('roaming', 'Wireshark', 'plugins'))
  t.equal(pluginFolder('win32', {}, 'ann'), join('ann', 'AppData', 'Roaming', 'Wireshark', 'plugins'))
})
