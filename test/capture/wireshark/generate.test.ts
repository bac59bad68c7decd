import { readFileSync } from 'node:fs'
import t from 'tap'
import { MQQB_DERIVED } from '../../../capture/wireshark/derived-fields.js'
import { DISSECTOR_FILE, DISSECTOR_MARK } from '../../../capture/wireshark/dissector-file.js'
import { contentsOf, expertName, filterName } from '../../../capture/wireshark/filter-names.js'
import { dissectorLua } from '../../../capture/wireshark/generate.js'
import { SRMP_DERIVED, SRMP_ELEMENTS } from '../../../capture/wireshark/srmp-elements.js'
import { PACKET_LAYOUT } from '../../../protocol/binary/packet-layout.js'
import { PING_LAYOUT } from '../../../protocol/binary/ping.js'
import { readProjectFile } from '../../fixtures/project-files.js'

const contents = contentsOf([...PACKET_LAYOUT, PING_LAYOUT])

t.test('the dissector in the project is the one that the tables make', async t => {
  const committed = readFileSync(DISSECTOR_FILE, 'utf8')
  t.equal(committed, dissectorLua(), 'after a change: node build/capture/wireshark/regenerate.js')
  t.ok(committed.startsWith(DISSECTOR_MARK))
})

t.test('names of filters', async t => {
  const names = [
    ...contents.fields.map(({ structure, field }) => filterName(structure.structure, field.field)),
    ...MQQB_DERIVED.map(({ filter }) => filter),
    ...SRMP_ELEMENTS.map(({ filter }) => filter),
    ...SRMP_DERIVED.map(({ filter }) => filter),
  ]
  t.strictSame(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
    'each once',
  )
  t.strictSame(
    names.filter(name => !/^[a-z][a-z0-9_.]*$/.test(name)),
    [],
  )
  t.ok(names.length > 130)
  t.equal(filterName('UserHeader', 'DestinationQueue.Count'), 'mqqb.user.destinationqueue.count')
  t.equal(expertName({ code: 'MSMQ_DECODE_PACKET_SIZE' }), 'mqqb.malformed.packet_size')
  t.equal(expertName({ code: 'W_HOP_COUNT' }), 'mqqb.warning.hop_count')
  t.equal(expertName({ code: 'NACK' }), 'mqqb.note.nack')
})

t.test('what the dissector adds is documented', async t => {
  const document = readProjectFile('docs/dissector.md')
  const added = [...MQQB_DERIVED, ...SRMP_DERIVED].map(({ filter }) => filter)
  const remarks = contents.rules.filter(({ rule }) => rule !== 'refuse').map(rule => expertName(rule))
  t.strictSame(
    [...added, ...new Set(remarks)].filter(name => !document.includes(`\`${name}\``)),
    [],
  )
})

t.test('neither Lua is left out: nothing that only one of 5.2 and 5.4 reads', async t => {
  const code = dissectorLua()
    .replace(/'"'/g, '')
    .replace(/"(?:\\.|[^"\\])*"/g, '')
    .replace(/--[^\n]*/g, '')
  t.strictSame(code.match(/\/\/|[&|]|<<|>>|\bbit32?\.|\bunpack\(|\bsetfenv\b|\bgoto\b/g) ?? [], [])
  t.notOk(dissectorLua().includes('\\u{'))
})
