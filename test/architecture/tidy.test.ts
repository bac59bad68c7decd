import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { SOURCE_FOLDERS } from '../fixtures/import-rules.js'
import { PROJECT_ROOT, projectFiles, readProjectFile } from '../fixtures/project-files.js'
import { brokenLinks, LINES_MAX, missingDocuments, tidyViolations } from '../fixtures/tidy-rules.js'

const files = projectFiles()
const TEXT = /\.(?:ts|mjs|json|md|ya?ml|html|svg|css|txt|hex)$|^LICENSE$|^\.ci\/run$/
const texts = files.filter(path => TEXT.test(path) && path !== 'package-lock.json')

t.test('files are tidy', async t => {
  t.ok(texts.length > 50, 'the files were found')
  const violations = texts.flatMap(path => tidyViolations(path, readProjectFile(path)))
  t.strictSame(violations, [], 'nothing of one machine, no work left undone, no file too long')
})

t.test('documents that are mentioned exist', async t => {
  const fileNames = new Set(files.map(path => basename(path).toLowerCase()))
  const readable = texts.filter(path => !path.startsWith('test/'))
  t.strictSame(
    readable.flatMap(path => missingDocuments(path, readProjectFile(path), fileNames)),
    [],
    'every *.md has a file',
  )
  const exists = (path: string) => existsSync(join(PROJECT_ROOT, path))
  const documents = files.filter(path => path.endsWith('.md'))
  t.strictSame(
    documents.flatMap(path => brokenLinks(path, readProjectFile(path), exists)),
    [],
    'every link leads somewhere',
  )
})

t.test('every decision is in the index, under a number of its own', async t => {
  const folder = 'docs/decisions'
  const index = readProjectFile(`${folder}/README.md`)
  const decisions = files.filter(path => dirname(path) === folder && basename(path) !== 'README.md')
  t.ok(decisions.length >= 6, 'the decisions were found')
  t.strictSame(
    decisions.filter(path => !index.includes(`](${basename(path)})`)),
    [],
    'none is missing from the index',
  )
  const numbers = decisions.map(path => basename(path).slice(0, 4))
  t.strictSame(
    numbers.filter((number, at) => !/^\d{4}$/.test(number) || numbers.indexOf(number) !== at),
    [],
    'numbers are four digits, each used once',
  )
})

t.test('tests mirror the tree', async t => {
  const withoutMirror = new Set(['abuse', 'architecture', 'fixtures', 'scripts'])
  const strays = files.filter(path => {
    if (!path.startsWith('test/') || !path.endsWith('.test.ts')) return false
    const mirrored = dirname(path).slice('test/'.length)
    if (withoutMirror.has(mirrored)) return mirrored === 'fixtures'
    return !SOURCE_FOLDERS.includes(mirrored.split('/')[0] ?? '') || !existsSync(join(PROJECT_ROOT, mirrored))
  })
  t.strictSame(strays, [], 'every test stands where what it tests stands')
})

t.test('what is untidy is found', async t => {
  const machinePath = ['', 'work', 'main', 'x.ts'].join('/')
  t.match(tidyViolations('a.md', `see\n${machinePath}`), [/^a\.md:2: names a path of one machine/])
  t.strictSame(
    tidyViolations('a.md', 'a network/work/item and https://host/work-load'),
    [],
    'ordinary words are let be',
  )
  const undone = `// ${'TO'}${'DO'} later`
  t.match(tidyViolations('a.ts', `const a = 1 ${undone}`), [/^a\.ts:1: leaves work undone/])
  t.match(tidyViolations('a.ts', 'x\n'.repeat(LINES_MAX + 1)), [/longer than/])
  t.strictSame(tidyViolations('a.ts', 'x\n'.repeat(LINES_MAX)), [])
  t.match(missingDocuments('a.ts', '// see gone.md 3.1\n// and README.md', new Set(['readme.md'])), [
    /^a\.ts:1: .*gone/,
  ])
  const exists = (path: string) => path === 'docs/there.md'
  t.strictSame(
    brokenLinks('docs/decisions/x.md', '[a](../there.md#part) [b](https://example.org) [c](../gone.md)', exists),
    ['docs/decisions/x.md:1: the link to ../gone.md leads nowhere'],
  )
})
