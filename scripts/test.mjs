// npm test: sets up what is missing, checks types, style and behaviour, and ends with the line
// `N passed, N failed, N skipped`. Arguments narrow it: npm test -- test/protocol test/cli/main.test.ts
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { filesUnder, prepareToTest, root, run, runMain, SetupError, say } from './setup.mjs'
import { createTapSummary } from './tap-summary.mjs'

const buildDir = join(root, 'build')

await runMain(async () => {
  const checks = []
  checks.push(['types (tsc)', prepareToTest()])
  const testFiles = chosenTests(process.argv.slice(2))
  const summary = createTapSummary(line => console.log(line))
  checks.push(['format and lint (biome; npm run format mends most)', checkStyle()])
  const tapStatus = await runTap(testFiles, summary)
  const { total, pass, fail, skip, todo } = summary.totals()
  if (total === 0) checks.push(['tap ran no test', false])
  else if (tapStatus !== 0 && fail === 0) checks.push([`tap exits ${tapStatus} although no test failed`, false])
  else if (tapStatus === 0 && fail > 0) checks.push(['tap exits 0 although a test failed', false])

  for (const line of summary.skippedLines()) console.log(line)
  for (const [name, ok] of checks) console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`)
  const checksFailed = checks.filter(([, ok]) => !ok).length
  const failed = fail + checksFailed
  if (failed > 0) process.exitCode = 1
  console.log(`${pass + checks.length - checksFailed} passed, ${failed} failed, ${skip + todo} skipped`)
})

function checkStyle() {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  return run(process.execPath, [biome, 'check', '--colors=off', '--reporter=concise', '--error-on-warnings', '.']) === 0
}

/** Compiled test files: all of them, or those that the arguments name by source, by compiled file or by folder. */
function chosenTests(args) {
  if (args.length === 0) return testsUnder(join(buildDir, 'test'))
  return args.flatMap(arg => {
    const path = resolve(root, arg)
    if (!existsSync(path)) throw new SetupError(`no test ${arg}: name a *.test.ts file or a folder under test/`)
    const compiled = path.startsWith(buildDir) ? path : join(buildDir, relative(root, path)).replace(/\.ts$/, '.js')
    return statSync(path).isDirectory() ? testsUnder(compiled) : [compiled]
  })
}

function testsUnder(folder) {
  return filesUnder(folder).filter(file => file.endsWith('.test.js'))
}

/** Runs tap, giving the summary each line of its output. Resolves to tap's exit status. */
async function runTap(files, summary) {
  if (files.length === 0) return 0
  say(`running ${files.length} test files …`)
  const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')
  const paths = files.map(file => relative(root, file)).sort()
  const child = spawn(process.execPath, [tap, 'run', '--reporter=tap', ...paths], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const status = new Promise((done, failed) => child.on('error', failed).on('close', done))
  for await (const line of createInterface({ input: child.stdout })) summary.line(line)
  return (await status) ?? 1
}
