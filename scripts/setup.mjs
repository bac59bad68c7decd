// Makes a clone ready to run: packages from the lock file, JavaScript from the sources. Node builtins only, because it
// runs before anything is installed. Does nothing, quickly, when nothing is needed; otherwise says on stderr what it
// did and how long it took.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const buildDir = join(root, 'build')
const stampFile = join(buildDir, '.stamp.json')
const NODE_MINIMUM = [20, 19]
const LOCK_WAIT_MS_MAX = 180_000

/** A failure of the set-up itself: printed as one line, exit code 2. */
export class SetupError extends Error {}

export const say = line => process.stderr.write(`mqlab: ${line}\n`)

/**
 * Ready to run `mqlab`: what the commands need is installed, and build/ holds what the sources say. No type check.
 * @throws {SetupError}
 */
export function prepareToRun() {
  requireNode()
  if (isInstalled('run') && readStamp()?.sources === hashOf(sourceFiles())) return
  withLock(() => {
    if (!isInstalled('run')) install(hasDevelopmentPackages() ? 'test' : 'run')
    const sources = hashOf(sourceFiles())
    const stamp = readStamp()
    if (stamp?.sources === sources) return
    const seconds = timed(() => {
      if (compile('tsconfig.run.json') > 0) {
        throw new SetupError('the build failed (tsc said why, above); `npm test` shows the type errors too')
      }
    })
    // The other build's memory of what it emitted is now wrong; so is what it said about the tests.
    rmSync(join(buildDir, '.tsbuildinfo'), { force: true })
    removeOrphans()
    writeStamp({ kind: 'run', sources })
    say(`built in ${seconds} s`)
  })
}

/**
 * Ready to test: development packages too, everything compiled with type checks.
 * @returns {boolean} whether the types are right; the JavaScript is there in any case
 * @throws {SetupError}
 */
export function prepareToTest() {
  requireNode()
  return withLock(() => {
    if (!isInstalled('test')) install('test')
    assembleTap()
    const sources = hashOf(sourceFiles())
    const tests = hashOf(testFiles())
    const stamp = readStamp()
    if (stamp?.kind === 'checked' && stamp.sources === sources && stamp.tests === tests) return true
    let failed = false
    const seconds = timed(() => {
      failed = compile('tsconfig.json') > 0
    })
    rmSync(join(buildDir, '.tsbuildinfo-run'), { force: true })
    removeOrphans()
    writeStamp(failed ? { kind: 'unchecked', sources, tests } : { kind: 'checked', sources, tests })
    say(`built ${failed ? 'with type errors' : 'and type-checked'} in ${seconds} s`)
    return !failed
  })
}

/**
 * Tap comes put together with plugins that it loads into every test file, a second of the processor's time each. Once, it is
 * put together without those that package.json rules out. Where that fails the tests take longer, and nothing else.
 */
function assembleTap() {
  const assembled = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
  if (!existsSync(assembled) || !readFileSync(assembled, 'utf8').includes('@tapjs/typescript/import')) return
  const seconds = timed(() => {
    run(process.execPath, [join(root, 'node_modules/tap/dist/esm/run.mjs'), 'build'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  })
  say(`put tap together without the plugins that no test uses, in ${seconds} s`)
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantedMajor, wantedMinor] = NODE_MINIMUM
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  throw new SetupError(`Node ${process.versions.node} is too old: mqlab needs ${NODE_MINIMUM.join('.')} or newer`)
}

// --- packages -------------------------------------------------------------------------------------------------------

/** Whether every package that the lock file wants for `purpose` is there in its version. npm notes in
 *  node_modules/.package-lock.json what it installed, as its last act, so an install cut short does not count. */
function isInstalled(purpose) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages
  if (wanted === undefined) throw new SetupError('package-lock.json is missing: restore it with git')
  if (installed === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.optional || (purpose === 'run' && entry.dev)) return true
    return installed[path]?.version === entry.version
  })
}

const hasDevelopmentPackages = () => existsSync(join(root, 'node_modules/tap/package.json'))

function install(purpose) {
  const forWhat = purpose === 'test' ? 'packages for the tests' : 'packages'
  say(`installing ${forWhat} from package-lock.json …`)
  const seconds = timed(() => {
    const status = npm(['ci', purpose === 'test' ? '--include=dev' : '--omit=dev', '--no-audit', '--no-fund'])
    if (status !== 0) throw new SetupError('npm ci failed (its reason is above); is the package registry reachable?')
  })
  linkCommand()
  say(`installed in ${seconds} s`)
}

/** Runs npm, the one that runs us when there is one, with its output on our stderr. Returns its exit status. */
function npm(args) {
  const own = process.env.npm_execpath
  const [command, before] = own?.endsWith('npm-cli.js') ? [process.execPath, [own]] : ['npm', []]
  const shell = command === 'npm' && process.platform === 'win32'
  return run(command, [...before, ...args, '--loglevel=error'], { shell })
}

/** `npx mqlab` looks in node_modules/.bin first; npm links the commands of dependencies there but not our own. */
function linkCommand() {
  if (process.platform === 'win32') return
  const link = join(root, 'node_modules/.bin/mqlab')
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(join('..', '..', 'cli', 'mqlab.mjs'), link)
  chmodSync(join(root, 'cli/mqlab.mjs'), 0o755)
}

// --- build ----------------------------------------------------------------------------------------------------------

/** Compiles; 0 when all is well. tsc emits JavaScript even when types are wrong, so a test run can go on. */
function compile(project) {
  return run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, project)])
}

const includedFolders = () => readJson(join(root, 'tsconfig.json')).include

function sourceFiles() {
  const configuration = ['tsconfig.json', 'tsconfig.run.json', 'package-lock.json'].map(name => join(root, name))
  return [...configuration, ...includedFolders().flatMap(folder => (folder === 'test' ? [] : typescriptIn(folder)))]
}

const testFiles = () => typescriptIn('test')

function typescriptIn(folder) {
  return filesUnder(join(root, folder)).filter(file => file.endsWith('.ts'))
}

/** One hash over names and contents: unlike times of change, it survives switching branches back and forth. */
function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files.sort())
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

/** Removes compiled files whose source is gone, so that a deleted test does not run and a deleted module is missed. */
function removeOrphans() {
  for (const file of filesUnder(buildDir)) {
    if (!/\.js(\.map)?$/.test(file)) continue
    const source = join(root, relative(buildDir, file)).replace(/\.js(\.map)?$/, '.ts')
    if (!existsSync(source)) rmSync(file)
  }
}

const readStamp = () => (existsSync(join(buildDir, 'cli/main.js')) ? readJson(stampFile) : undefined)
const writeStamp = stamp => writeFileSync(stampFile, `${JSON.stringify(stamp)}\n`)

// --- one at a time --------------------------------------------------------------------------------------------------

/** Two commands started together in a fresh clone must not install or build over each other. */
function withLock(work) {
  mkdirSync(buildDir, { recursive: true })
  const lockFile = join(buildDir, '.lock')
  const until = Date.now() + LOCK_WAIT_MS_MAX
  for (let told = false; !takeLock(lockFile); ) {
    if (Date.now() > until) throw new SetupError(`another set-up holds ${lockFile}: remove the file if none is running`)
    if (!told) say('waiting for another set-up of this clone …')
    told = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
  try {
    return work()
  } finally {
    rmSync(lockFile, { force: true })
  }
}

function takeLock(lockFile) {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isAbandoned(lockFile)) rmSync(lockFile, { force: true })
    return false
  }
}

function isAbandoned(lockFile) {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'))
    if (owner === 0) return Date.now() - statSync(lockFile).mtimeMs > 5_000 // created, its number not written yet
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

// --- small things ---------------------------------------------------------------------------------------------------

/** Runs a program with its output on our stderr (stdout is for data), without a terminal to ask questions on. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options })
  if (error !== undefined) throw new SetupError(`cannot run ${command}: ${error.message}`)
  return status ?? 1
}

export function filesUnder(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => [entry.parentPath, entry.name].join(sep))
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function timed(work) {
  const startMs = performance.now()
  work()
  return ((performance.now() - startMs) / 1000).toFixed(1)
}

/** Runs `main`, turning a failed set-up into one line and exit code 2. */
export async function runMain(main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    process.exitCode = 2
  }
}
