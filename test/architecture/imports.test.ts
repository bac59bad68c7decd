import t from 'tap'
import { importViolations, SOURCE_FOLDERS } from '../fixtures/import-rules.js'
import { projectFiles, readProjectFile } from '../fixtures/project-files.js'

const inSourceFolder = (path: string) => SOURCE_FOLDERS.some(folder => path.startsWith(`${folder}/`))

t.test('imports point up the table of folders, and stay within what each folder may use', async t => {
  const files = projectFiles().filter(path => path.endsWith('.ts') && inSourceFolder(path))
  t.ok(files.length > 20, 'the sources were found')
  const violations = files.flatMap(path => importViolations(path, readProjectFile(path)))
  t.strictSame(violations, [], 'no import points the wrong way')
})

t.test('a wrong import is found, with file and line', async t => {
  const rows: [name: string, file: string, text: string, expected: string[]][] = [
    [
      'down the table',
      'protocol/guid.ts',
      "import { a } from './sid.js'\nimport { Clock } from '../queue-manager/clock.js'\n",
      ['protocol/guid.ts:2: protocol imports queue-manager, which is below it'],
    ],
    [
      'types count',
      'store/memory.ts',
      "import type { Driver } from '../transport/driver.js'\n",
      ['store/memory.ts:1: store imports transport, which is below it'],
    ],
    [
      'beside each other',
      'gateway/planes/proxy.ts',
      "export * from '../../senders/ledger.js'\n",
      ['gateway/planes/proxy.ts:1: gateway must not import senders'],
    ],
    [
      'imported only when needed',
      'lab/run.ts',
      "\n\nconst cli = await import('../cli/output.js')\n",
      ['lab/run.ts:3: lab imports cli, which is below it'],
    ],
    [
      'out of the table',
      'lab/run.ts',
      "import { x } from '../test/fixtures/x.js'\n",
      ['lab/run.ts:1: ../test/fixtures/x.js is in no folder of the table'],
    ],
    [
      'a socket in the engine',
      'queue-manager/session.ts',
      "import { connect } from 'node:net'\n",
      ['queue-manager/session.ts:1: queue-manager must not import node:net'],
    ],
    ['an address check is no socket', 'protocol/x.ts', "import { isIP, isIPv4 } from 'node:net'\n", []],
    [
      'a socket beside an address check',
      'protocol/x.ts',
      "import { isIP, connect } from 'node:net'\n",
      ['protocol/x.ts:1: protocol must not import node:net'],
    ],
    [
      'a package where none is wanted',
      'protocol/srmp/envelope.ts',
      "import { parse } from '@scope/xml/deep'\n",
      ['protocol/srmp/envelope.ts:1: protocol must not import @scope/xml'],
    ],
    [
      'the real clock in the simulation',
      'lab/sim/world.ts',
      "// Date.now() is not for us\nconst text = 'Math.random'\nconst now = Date.now()\n",
      ['lab/sim/world.ts:3: Date.now in a folder that gets time, chance and I/O as inputs'],
    ],
    ['no extension', 'lab/run.ts', "import { x } from './x'\n", ['lab/run.ts:1: ./x lacks its extension .js']],
    ['an unknown folder', 'misc/x.ts', '', ['misc/x.ts:1: misc is no folder of the table']],
  ]
  for (const [name, file, text, expected] of rows) t.strictSame(importViolations(file, text), expected, name)
  t.strictSame(
    importViolations('cli/run.ts', "import { Command } from 'commander'\nimport { run } from '../lab/run.js'\n"),
    [],
    'a right one is let through',
  )
})
