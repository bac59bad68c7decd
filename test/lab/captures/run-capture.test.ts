import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCapture } from '../../../capture/read-capture.js'
import { MessageSightings } from '../../../lab/captures/message-sightings.js'
import { isAstray } from '../../../lab/checkers/misrouted-ack.js'
import { eventsOf } from '../../../lab/history.js'
import { messageKey } from '../../../lab/message-facts.js'
import { findScenario } from '../../../lab/scenario-catalogue.js'
import type { Scenario } from '../../../lab/scenario-schema.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'
import { createRunView } from '../../../lab/verdict.js'
import { simulateScenario } from '../../../lab/worlds/simulated.js'
import { captured, contents } from '../../fixtures/run-captures.js'
import { eventsHash, FOUL, simulatedScenario } from '../../fixtures/simulation-runs.js'
import { runTshark, tsharkSkip } from '../../fixtures/tshark.js'

const CHECKS = ['ip', 'tcp', 'udp'].flatMap(protocol => ['-o', `${protocol}.check_checksum:TRUE`])

const simulated = (file: string, scenario: Scenario, seed = 1) =>
  captured(file, capture => createRunView(simulateScenario(scenario, { seed, capture })))

/** Of the catalogue, as it runs on virtual time. */
function shipped(name: string): Scenario {
  const found = findScenario(name)
  if (found === null) throw new Error(`no scenario ${name}`)
  return inSimulation(found)
}

t.test('a simulated run: the same seed the same bytes, and recording changes nothing of it', async t => {
  const scenario = simulatedScenario(FOUL)
  const folder = t.testdir()
  const [one, again, other] = ['one', 'again', 'other'].map(name => join(folder, `${name}.pcapng`)) as [
    string,
    string,
    string,
  ]
  const { run } = await simulated(one, scenario, 5)
  await simulated(again, scenario, 5)
  await simulated(other, scenario, 6)
  t.ok(readFileSync(one).equals(readFileSync(again)), 'byte for byte')
  t.notOk(readFileSync(one).equals(readFileSync(other)))
  t.equal(eventsHash(run), eventsHash(simulateScenario(scenario, { seed: 5 })), 'as without a capture')
})

t.test('whatever befalls a simulated network, each message that a machine noted as come is in the capture', async t => {
  for (const seed of [1, 2, 3]) {
    const file = join(t.testdir(), 'foul.pcapng')
    const { run } = await simulated(file, simulatedScenario(FOUL), seed)
    const addressOf = new Map(run.nodes.map(({ name, address }) => [name, address]))
    const arrived = eventsOf(run, 'arrived')
    const sightings = new MessageSightings(arrived.map(({ source, messageId }) => messageKey(source, messageId)))
    const { files, packets } = await readCapture([file], sightings)
    t.same(files[0]?.troubles, [], `seed ${seed}`)
    t.ok(packets.frames > 0)
    const missing = arrived.filter(
      ({ node, source, messageId }) =>
        !sightings.of(messageKey(source, messageId)).some(({ to }) => to === addressOf.get(node)),
    )
    t.same(missing, [], `seed ${seed}: all ${arrived.length}`)
  }
})

t.test(
  'frames that matter say so: acks that went astray, resends, what was delivered twice, refused names',
  async t => {
    const file = join(t.testdir(), 'run.pcapng')
    const view = await simulated(file, shipped('nlb-13-resend-to-another-receiver'))
    const { names, links, comments } = await contents(file)
    const texts = comments.map(({ text }) => text)
    const astray = view.acks.filter(isAstray)
    t.ok(astray.length > 0)
    for (const { sent, astray: landed } of astray) {
      const words = new RegExp(
        `^misrouted-ack: ${sent.node} acknowledges number ${sent.number} .*, and ${landed.node} gets it$`,
      )
      t.ok(
        comments.some(({ link, text }) => words.test(text) && link === `gateway–${landed.node}`),
        String(words),
      )
    }
    t.ok(texts.some(text => /^duplicated: message 1 of S1 is delivered \d times, by R1 and /.test(text)))
    t.ok(texts.some(text => /^resend: S1 sends message \d+ again$/.test(text)))
    for (const { name, address } of view.run.nodes) t.strictSame(names.get(address)?.[0], name)
    t.strictSame(names.get(view.run.gateway!.address), ['gateway', 'CLUSTER'])
    t.ok(links.has('S1–gateway') && links.has('gateway–R1'), [...links].join(', '))

    const refused = join(t.testdir(), 'refused.pcapng')
    const { run } = await simulated(refused, shipped('nlb-3-names-refused'))
    const discards = eventsOf(run, 'discarded').filter(({ reason }) => reason === 'name-validation')
    const said = (await contents(refused)).comments.filter(({ text }) => text.startsWith('name-validation: R'))
    t.equal(said.length, discards.length)
  },
)

t.test('a run in which nothing is wrong has frames that say nothing', async t => {
  const file = join(t.testdir(), 'run.pcapng')
  await simulated(file, shipped('nlb-2-names-accepted'))
  t.strictSame((await contents(file)).comments, [])
})

t.test('tshark finds nothing in a capture that was not in the run', { skip: tsharkSkip }, async t => {
  for (const [name, allowed] of [
    ['nlb-11-acks-to-the-balancer', ['1 1 - - -']],
    // a host that leaves answers nobody any more, and clients send again
    ['nlb-15-host-leaves-windows-nlb', ['1 1 - - -', '1 1 1 1 -']],
  ] as const) {
    const file = join(t.testdir(), `${name}.pcapng`)
    await simulated(file, shipped(name))
    const fields = [
      'ip.checksum.status',
      'tcp.checksum.status',
      'tcp.analysis.flags',
      'tcp.analysis.retransmission',
      '_ws.malformed',
    ]
    const { stdout } = runTshark('', readFileSync(file), [
      ...CHECKS,
      '-T',
      'fields',
      ...fields.flatMap(field => ['-e', field]),
    ])
    const rows = stdout.split('\n').slice(0, -1)
    const kinds = new Set(
      rows.map(row =>
        row
          .split('\t')
          .map(value => value || '-')
          .join(' '),
      ),
    )
    t.strictSame([...kinds].toSorted(), [...allowed].toSorted(), name)
  }
})
