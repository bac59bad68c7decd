import { join } from 'node:path'
import t from 'tap'
import { readCapture } from '../../../capture/read-capture.js'
import { MessageSightings } from '../../../lab/captures/message-sightings.js'
import { networkCapturesLacking } from '../../../lab/captures/network-captures.js'
import { isAstray } from '../../../lab/checkers/misrouted-ack.js'
import { eventsOf } from '../../../lab/history.js'
import { messageKey } from '../../../lab/message-facts.js'
import { findScenario } from '../../../lab/scenario-catalogue.js'
import { createRunView } from '../../../lab/verdict.js'
import { runScenario } from '../../../lab/worlds/run-scenario.js'
import { externalSkip, PRODUCTS } from '../../fixtures/external-world.js'
import { kernelSkip } from '../../fixtures/kernel-world.js'
import { captured, contents } from '../../fixtures/run-captures.js'

/** A run may wait for what it expects; this machine may be busy with other tests. */
const RUN_TIMEOUT_MS = 150_000

t.test(
  'a run on sockets: every message that an engine sent is there, where it went',
  { timeout: RUN_TIMEOUT_MS },
  async t => {
    const file = join(t.testdir(), 'run.pcapng')
    const scenario = findScenario('nlb-2-names-accepted')!
    const { run } = await captured(file, async capture =>
      createRunView(await runScenario(scenario, { seed: 1, capture, nodesAs: 'thread' })),
    )
    const gateway = run.gateway!
    const sent = eventsOf(run, 'sent')
    t.ok(sent.length >= 100)
    const guidOf = new Map(run.nodes.map(({ name, guid }) => [name, guid]))
    const keyOf = ({ source, node, messageId }: (typeof sent)[number]) =>
      messageKey(source ?? guidOf.get(node)!, messageId)
    const sightings = new MessageSightings(sent.map(keyOf))
    const reading = await readCapture([file], sightings)
    t.same(reading.files[0]?.troubles, [])
    const senders = run.nodes.filter(({ sender }) => sender !== null)
    for (const { name, address } of senders) {
      const own = sent.filter(({ node }) => node === name)
      const first = new Set(own.map(keyOf))
      let toGateway = 0
      let toHosts = 0
      for (const key of first)
        for (const { from, to } of sightings.of(key)) {
          if (from === address && to === gateway.address) toGateway++
          if (from === gateway.address) toHosts++
        }
      t.equal(toGateway, own.length, `${name} to the gateway`)
      t.equal(toHosts, own.length, `${name}’s from the gateway on`)
    }
    const { links, report } = await contents(file)
    t.ok(links.has('S1–gateway') && [...links].some(link => /^gateway–R\d$/.test(link ?? '')), [...links].join(', '))
    t.same(report.files[0]?.troubles, [])
  },
)

const kernelCaptureSkip = kernelSkip || networkCapturesLacking() || false

t.test(
  'a run in the kernel: each packet once, and the same messages',
  { skip: kernelCaptureSkip, timeout: RUN_TIMEOUT_MS },
  async t => {
    const file = join(t.testdir(), 'run.pcapng')
    const scenario = findScenario('nlb-11-acks-to-the-balancer')!
    const view = await captured(file, async capture =>
      createRunView(await runScenario(scenario, { seed: 1, capture, plane: 'kernel-snat', nodesAs: 'process' })),
    )
    const guid = view.run.nodes.find(({ name }) => name === 'S1')!.guid
    const sent = eventsOf(view.run, 'sent').filter(({ node }) => node === 'S1')
    const arrived = eventsOf(view.run, 'arrived').filter(({ source }) => source === guid)
    const keys = new Set([...sent, ...arrived].map(({ messageId }) => messageKey(guid, messageId)))
    const sightings = new MessageSightings(keys)
    t.same((await readCapture([file], sightings)).files[0]?.troubles, [])
    const vip = view.run.gateway!.address
    const all = [...keys].flatMap(key => sightings.of(key))
    t.equal(all.filter(({ to }) => to === vip).length, sent.length, 'on the client’s link')
    t.equal(all.filter(({ from }) => from === vip).length, sent.length, 'on the host’s')
    const { comments } = await contents(file)
    const astray = view.acks.filter(isAstray)
    const said = new Set(comments.map(({ text }) => text).filter(text => text.startsWith('misrouted-ack: ')))
    t.equal(said.size, astray.length)
  },
)

for (const product of PRODUCTS)
  t.test(
    `a run behind ${product}: the same messages on both of its sides`,
    { skip: externalSkip(product), timeout: RUN_TIMEOUT_MS },
    async t => {
      const file = join(t.testdir(), 'run.pcapng')
      const scenario = findScenario('nlb-11-acks-to-the-balancer')!
      const view = await captured(file, async capture =>
        createRunView(await runScenario(scenario, { seed: 1, capture, plane: product, nodesAs: 'thread' })),
      )
      const { run } = view
      const { guid, address } = run.nodes.find(({ name }) => name === 'S1')!
      const sent = eventsOf(run, 'sent').filter(({ node }) => node === 'S1')
      const keys = new Set(sent.map(({ messageId }) => messageKey(guid, messageId)))
      const sightings = new MessageSightings(keys)
      t.same((await readCapture([file], sightings)).files[0]?.troubles, [])
      const all = [...keys].flatMap(key => sightings.of(key))
      const vip = run.gateway!.address
      t.equal(all.filter(({ from, to }) => from === address && to === vip).length, sent.length, 'on the client’s link')
      t.equal(all.filter(({ from }) => from === vip).length, sent.length, 'on the host’s')
      const { comments } = await contents(file)
      const said = comments.filter(({ text }) => text.startsWith('misrouted-ack: '))
      t.ok(said.length >= view.acks.filter(isAstray).length && said.length > 0)
    },
  )
