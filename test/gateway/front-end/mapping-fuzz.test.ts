import fc from 'fast-check'
import t from 'tap'
import { lintMappings } from '../../../gateway/front-end/lint.js'
import { readMapping } from '../../../gateway/front-end/read-mapping.js'
import { redirectionsOf } from '../../../gateway/front-end/tables.js'
import { HttpNames } from '../../../queue-manager/http/names.js'
import { createRandom } from '../../fixtures/mutations.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'

/*
 * Mapping files as no editor would leave them: whatever the bytes, reading them ends soon, with rules or with faults that
 * have a place, and linting and looking up throw nothing.
 */

const GOOD = [
  `<?xml version="1.0" encoding="UTF-8"?>
<redirections xmlns="msmq-queue-redirections.xml">
  <!-- a -->
  <redirection><from>http://vip/msmq/private$/q*</from><to>http://b:8080/msmq/private$/q</to></redirection>
  <redirection><to><![CDATA[http://s/msmq/private$/order_queue$]]></to><from>http://vip/acks?a&amp;b</from></redirection>
</redirections>`,
  `<mapping host="localhost" xmlns="msmq-queue-mapping.xml"><queue><name>http://s/msmq/q</name><alias>http://v/*</alias></queue></mapping>`,
  `<StreamReceiptSetup xmlns="msmq-streamreceipt-mapping.xml"><a><LogicalAddress>http://p/*</LogicalAddress><b>http://v/msmq/acks</b></a><c>http://v/msmq/all</c></StreamReceiptSetup>`,
]
const PIECES = [
  '<',
  '>',
  '</',
  '/>',
  '<!--',
  ']]>',
  '<![CDATA[',
  '&',
  '&#0;',
  '*',
  'http://',
  '<to>',
  '</from>',
  '\u0000',
  '\ud800',
  'é',
  '<?x?>',
  '<!DOCTYPE a>',
  ' xmlns=""',
  '"',
]

const NAMES = { own: ['s'], aliases: ['v', 'vip'], queues: ['private$\\q'] }

/** Throws whatever reading, linting or looking up throws, and what it must never say. */
function examine(bytes: Uint8Array): number {
  const mapping = readMapping(bytes, 'm.xml')
  for (const { line, column, reason, remedy } of mapping.faults)
    if (!(line >= 1 && column >= 1) || reason === '' || remedy === '') throw new Error('a fault without a place')
  if (mapping.form === null && mapping.faults.length === 0) throw new Error('nothing, and nothing wrong')
  for (const { from, to } of mapping.rules) {
    if (from.url === '' || to.url === '' || from.line < 1 || to.column < 1) throw new Error('a rule without an address')
  }
  for (const { line, column } of lintMappings([
    { mappings: [mapping], names: NAMES },
    { mappings: [readMapping(Buffer.from(GOOD[0]!), 'n.xml')], names: NAMES },
  ]))
    if (!(line >= 1 && column >= 1)) throw new Error('a finding without a place')
  const names = new HttpNames('s', ['10.0.0.1'], { redirections: redirectionsOf([mapping]) })
  for (const url of ['http://vip/msmq/private$/q1', 'http://p/msmq/q', 'x']) {
    names.locate(url)
    names.receiptsUrl(url)
    names.hop(url)
  }
  return mapping.rules.length
}

t.test('damaged files', async t => {
  const seed = SUITE_SEED
  t.comment(`seed ${seed}`)
  const random = createRandom(seed)
  let read = 0
  for (let round = 0; round < 6_000; round++) {
    let text = GOOD[random(GOOD.length)]!
    for (let change = 0; change <= random(3); change++) {
      const at = random(text.length + 1)
      const length = random(4) === 0 ? random(40) : random(3)
      text = text.slice(0, at) + (random(3) === 0 ? '' : PIECES[random(PIECES.length)]!) + text.slice(at + length)
    }
    const bytes = Buffer.from(text, random(8) === 0 ? 'utf16le' : 'utf8')
    if (random(8) === 0 && bytes.length > 0) bytes[random(bytes.length)] = random(256)
    if (examine(bytes) > 0) read++
  }
  t.ok(read > 100 && read < 6_000, `${read} of them still say something`)
})

t.test('any bytes, and any addresses', async t => {
  let examined = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      examined += 1
      examine(bytes)
    }),
    { seed: SUITE_SEED, numRuns: 500 },
  )
  const escaped = (text: string) => text.replace(/[<>&]/g, letter => `&#${letter.charCodeAt(0)};`)
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('http://vip/*', '*', 'http://[::1]:80/msmq/q'),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(url, url), { maxLength: 8 }), rules => {
      const text = rules.map(
        ([from, to]) => `<redirection><from>${escaped(from)}</from><to>${escaped(to)}</to></redirection>`,
      )
      examine(Buffer.from(`<redirections xmlns="msmq-queue-redirections.xml">${text.join('')}</redirections>`))
    }),
    { seed: SUITE_SEED, numRuns: 300 },
  )
  t.ok(examined >= 500)
})

t.test('large and hostile files end soon', async t => {
  const rule = (index: number, from: string) =>
    `<redirection><from>${from}</from><to>http://b/msmq/private$/q${index}</to></redirection>`
  const many = (from: (index: number) => string, count: number) =>
    `<redirections xmlns="msmq-queue-redirections.xml">${Array.from({ length: count }, (_, i) => rule(i, from(i))).join('')}</redirections>`
  const rows: [name: string, text: string][] = [
    ['many rules', many(i => `http://vip/msmq/private$/q${i}`, 8_000)],
    ['many wildcards', many(i => `http://vip/msmq/private$/q${i}*`, 8_000)],
    ['the same rule', many(() => 'http://vip/msmq/private$/q', 8_000)],
    ['a long address', many(() => `http://vip/${'a/'.repeat(450_000)}`, 1)],
    ['many elements', `<redirections>${'<x/>'.repeat(200_000)}`],
    ['deep', '<a>'.repeat(300_000)],
    ['blanks', `<redirections${' '.repeat(1_000_000)}>`],
    ['too large', ' '.repeat(3_000_000)],
    ['lines', `<redirections xmlns="x">${'\n<y/>'.repeat(40_000)}</redirections>`],
  ]
  for (const [name, text] of rows) {
    const startedMs = performance.now()
    examine(Buffer.from(text))
    const tookMs = performance.now() - startedMs
    // Generous: a quadratic loop over these would take minutes.
    t.ok(tookMs < 30_000, `${name}: ${Math.round(tookMs)} ms`)
  }
})
