// npm run profile -- BENCHMARK [--tool doctor|flame|bubbleprof] [--profile-role ROLE] [-- options of mqlab bench]
// Runs a benchmark under clinic and says where the report is. clinic is 154 MB, so it is fetched when asked for, at a
// pinned version, and is no dependency of mqlab.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareToRun, root, runMain, SetupError, say } from './setup.mjs'

const CLINIC = 'clinic@13.0.0'
const TOOLS = ['doctor', 'flame', 'bubbleprof']
const USAGE = `usage: npm run profile -- BENCHMARK [--tool ${TOOLS.join('|')}] [--seconds N] [--profile-role ROLE]
  BENCHMARK       a name from npx mqlab bench --list
  --tool          what to look for: doctor (default), flame, bubbleprof
  --seconds       how long the benchmark runs (default 5)
  --profile-role  the process of the benchmark to look at; the others run as always
  what follows -- goes to mqlab bench as it is
`

await runMain(() => {
  const { benchmark, tool, seconds, role, rest } = readArguments()
  prepareToRun()
  const output = join(root, '.clinic')
  const before = new Set(reportsIn(output))
  const roleOption = role === undefined ? [] : ['--profile-role', role]
  const command = [process.execPath, '--enable-source-maps', join(root, 'build/cli/main.js')]
  const bench = ['bench', benchmark, '--seconds', seconds, ...roleOption, ...rest]
  say(`running ${tool} of ${CLINIC} (the first time npx fetches it, 154 MB) …`)
  const { status, error } = spawnSync('npx', ['--yes', CLINIC, tool, '--open=false', '--', ...command, ...bench], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // Without NO_INSIGHT clinic asks its statistics server first and, without internet, exits having done nothing.
    env: { ...process.env, NO_INSIGHT: '1' },
    shell: process.platform === 'win32',
  })
  if (error !== undefined) throw new SetupError(`cannot run npx: ${error.message}`)
  const reports = reportsIn(output).filter(name => !before.has(name))
  for (const name of reports) console.log(relative(process.cwd(), join(output, name)))
  if (reports.length === 0) throw new SetupError(`${tool} ended with status ${status} and wrote no report`)
  process.exitCode = status ?? 1
})

function readArguments() {
  let parsed
  try {
    parsed = parseArgs({
      args: process.argv.slice(2),
      allowPositionals: true,
      options: {
        tool: { type: 'string', default: 'doctor' },
        seconds: { type: 'string', default: '5' },
        'profile-role': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new SetupError(`${error.message}\n${USAGE}`)
  }
  const { values, positionals } = parsed
  const [benchmark, ...rest] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    process.exit(0)
  }
  if (benchmark === undefined) throw new SetupError(`no benchmark named\n${USAGE}`)
  if (!TOOLS.includes(values.tool)) throw new SetupError(`no tool ${values.tool}: ${TOOLS.join(', ')} are there`)
  return { benchmark, tool: values.tool, seconds: values.seconds, role: values['profile-role'], rest }
}

/** Reports in the output folder; clinic keeps the data of each in a folder of its own beside it. */
function reportsIn(folder) {
  return existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.html')) : []
}
