import { readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { DISSECTOR_FILE, DISSECTOR_MARK } from '../capture/wireshark/dissector-file.js'
import { fail, writeJson, writeText } from './output.js'
import { makeFolder } from './report-file.js'

const FILE_NAME = 'mqqb.lua'

export function dissectorCommand(): Command {
  const dissector = new Command('dissector').description('have Wireshark and tshark read MSMQ')
  dissector
    .command('install')
    .description("copy the dissector into Wireshark's personal plugin folder; they load it when they start next")
    .option('--dir <folder>', 'another folder: see "Personal Lua Plugins" in Help > About Wireshark > Folders')
    .option('--json', 'print JSON')
    .action(({ dir, json }: { readonly dir?: string; readonly json?: true }) => install(dir, json === true))
  dissector
    .command('print')
    .description('write the dissector to stdout, for tshark -X lua_script:FILE')
    .option('--json', 'print JSON')
    .action(({ json }: { readonly json?: true }) => print(json === true))
  return dissector
}

async function install(dir: string | undefined, json: boolean): Promise<void> {
  const file = join(resolve(dir ?? pluginFolder(process.platform, process.env, homedir())), FILE_NAME)
  const text = readFileSync(DISSECTOR_FILE, 'utf8')
  const before = textOf(file)
  if (before !== null && !before.startsWith(DISSECTOR_MARK))
    fail(`${file} is not mqlab's: move it away, or name another folder with --dir`)
  const state = before === null ? 'installed' : before === text ? 'unchanged' : 'updated'
  if (state !== 'unchanged') {
    makeFolder(dirname(file))
    writeFileSync(file, text)
  }
  if (json) return writeJson({ file, state })
  return writeText(
    `${state}: ${file}\n` +
      'Wireshark and tshark load it when they start, Wireshark also by Analyze > Reload Lua Plugins.\n' +
      'Try: tshark -r CAPTURE -Y mqqb        in Wireshark, the filter mqqb.type == "OrderAck"\n',
  )
}

async function print(json: boolean): Promise<void> {
  const text = readFileSync(DISSECTOR_FILE, 'utf8')
  await (json ? writeJson({ name: FILE_NAME, text }) : writeText(text))
}

/** Null when there is no such file. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    // the system's own error does not say which
    if (code === 'EISDIR') fail(`${file} is a folder: move it away, or name another folder with --dir`)
    throw error
  }
}

/** Where Wireshark looks for a user's own Lua plugins, whatever its version; `tshark -G folders` says so too. */
export function pluginFolder(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  if (platform === 'win32') return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'Wireshark', 'plugins')
  return join(home, '.local', 'lib', 'wireshark', 'plugins')
}
