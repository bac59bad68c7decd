import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROJECT_ROOT } from '../fixtures/project-files.js'

type Preparation = 'prepareToRun' | 'prepareToTest'

interface Prepared {
  exitCode: number | null
  built: boolean
  stderr: string
}

/** A project of two files with our own set-up scripts, to whose build things can be done. */
class Project {
  readonly root: string

  constructor(root: string) {
    this.root = root
    cpSync(join(PROJECT_ROOT, 'scripts'), join(root, 'scripts'), { recursive: true })
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(join(PROJECT_ROOT, 'node_modules/typescript'), join(root, 'node_modules/typescript'))
    const compilerOptions = { rootDir: '.', outDir: 'build', incremental: true, strict: true, types: [], lib: ['ES5'] }
    const full = { compilerOptions: { ...compilerOptions, tsBuildInfoFile: 'build/.tsbuildinfo' }, include: ['cli'] }
    const quick = {
      extends: './tsconfig.json',
      compilerOptions: { noCheck: true, tsBuildInfoFile: 'build/.tsbuildinfo-run' },
    }
    this.write('tsconfig.json', JSON.stringify(full))
    this.write('tsconfig.run.json', JSON.stringify(quick))
    this.write('package-lock.json', '{"packages":{"":{}}}')
    this.write('node_modules/.package-lock.json', '{"packages":{}}')
    mkdirSync(join(root, 'cli'))
    this.write('cli/main.ts', 'export const number: number = 1\n')
    this.write('cli/other.ts', 'export const other = 1\n')
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text)
  }

  compiled(): string {
    return readFileSync(join(this.root, 'build/cli/main.js'), 'utf8')
  }

  prepare(preparation: Preparation): Prepared {
    const program = `import { ${preparation}, runMain } from './scripts/setup.mjs'
      await runMain(() => { if (${preparation}() === false) process.exitCode = 1 })`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: this.root,
      encoding: 'utf8',
    })
    return { exitCode: status, built: /mqlab: built/.test(stderr), stderr }
  }
}

t.test('what was built is what the sources say', async t => {
  const project = new Project(t.testdir({}))
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: true }, 'built at first')
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: false }, 'and not again')
  t.match(project.prepare('prepareToTest'), { exitCode: 0, built: true }, 'types are checked when tests want it')
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  project.write('build/.lock', String(pid))
  t.match(
    project.prepare('prepareToTest'),
    { exitCode: 0, built: false },
    'once; a lock whose owner died is taken over',
  )
  t.notOk(existsSync(join(project.root, 'build/.lock')), 'and given back')
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: false }, 'what was checked will also run')

  project.write('cli/main.ts', 'export const number: number = 2\n')
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: true }, 'a changed source is compiled')
  t.match(project.compiled(), /= 2/)
  project.write('cli/main.ts', 'export const number: number = 1\n')
  t.match(project.prepare('prepareToTest'), { exitCode: 0, built: true }, 'the full build sees what the quick one did')
  t.match(project.compiled(), /= 1/)

  rmSync(join(project.root, 'cli/other.ts'))
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: true })
  t.notOk(existsSync(join(project.root, 'build/cli/other.js')), 'what has no source is removed')
})

t.test('mistakes in the sources', async t => {
  const project = new Project(t.testdir({}))
  project.write('cli/main.ts', "export const number: number = 'text'\n")
  t.match(project.prepare('prepareToRun'), { exitCode: 0, built: true }, 'a wrong type does not keep it from running')
  const first = project.prepare('prepareToTest')
  t.match(first, { exitCode: 1, stderr: /cli\/main\.ts\(1,14\): error TS2322/ }, 'but is reported to the tests')
  t.match(project.prepare('prepareToTest'), { exitCode: 1, stderr: /error TS2322/ }, 'every time')
  project.write('cli/main.ts', 'export const = (\n')
  t.match(
    project.prepare('prepareToRun'),
    { exitCode: 2, stderr: /mqlab: the build failed/ },
    'what cannot be read cannot run',
  )
})
