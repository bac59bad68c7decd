import t from 'tap'
import { FrameReading } from '../../capture/files/frame-reading.js'
import type { Frame } from '../../capture/frame.js'
import { MessageStreams } from '../../capture/messages/message-streams.js'
import { TcpStreams } from '../../capture/tcp/tcp-streams.js'
import { Diagnosis } from '../../diagnosis/diagnosis.js'
import type { Evidence } from '../../diagnosis/finding.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { captureSimulated } from '../fixtures/captured-run.js'

/** Simulations of a minute; this machine may be busy with other tests. */
t.setTimeout(200_000)

/** Nothing is wrong in them, whatever part is looked at. */
const CLEAN = [
  'nlb-1-plain-messages',
  'nlb-2-names-accepted',
  'nlb-5-two-front-ends-per-request',
  'nlb-8-windows-nlb',
  'nlb-8-order-ack-in-a-new-session',
  'nlb-16-balanced-nodes-send',
]

/** What a capture that was made at one place, or not all the time, has of a whole one. */
type Part = (frame: Frame) => boolean

async function diagnosePart(file: string, part: Part): Promise<Diagnosis> {
  const diagnosis = new Diagnosis()
  const messages = new MessageStreams(diagnosis)
  const streams = new TcpStreams(messages, (from, to, bytes, frame) => messages.datagram(from, to, bytes, frame))
  for await (const batch of new FrameReading([file])) for (const frame of batch) if (part(frame)) streams.frame(frame)
  streams.finish()
  diagnosis.finish()
  return diagnosis
}

const SOURCE = 26
const DESTINATION = 30
const addressAt = (frame: Frame, at: number) => [...frame.bytes.subarray(at, at + 4)].join('.')

const at =
  (address: string): Part =>
  frame =>
    addressAt(frame, SOURCE) === address || addressAt(frame, DESTINATION) === address

/** To a service: its port is the lower one. */
const towardsServers: Part = frame => frame.bytes.readUInt16BE(34) > frame.bytes.readUInt16BE(36)

function news(diagnosis: Diagnosis): string[] {
  return diagnosis.book
    .list()
    .filter(({ severity }) => severity !== 'notice')
    .map(({ id, count, first }) => `${count} ${id}: ${first.text}`)
}

for (const name of CLEAN) {
  t.test(`${name}: no part of its capture tells of what is not there`, async t => {
    const { file, view } = await captureSimulated(findScenario(name)!, 1, t.testdir())
    const places = [...view.run.nodes.map(({ address }) => address), view.run.gateway?.address ?? '']
    let frames = 0
    await diagnosePart(file, () => {
      frames += 1
      return true
    })
    for (const place of new Set(places)) t.strictSame(news(await diagnosePart(file, at(place))), [], `only at ${place}`)
    t.strictSame(news(await diagnosePart(file, towardsServers)), [], 'only towards servers')
    t.strictSame(news(await diagnosePart(file, frame => !towardsServers(frame))), [], 'only from servers')
    for (let tenth = 1; tenth < 10; tenth += 2) {
      const edge = Math.floor((frames * tenth) / 10)
      const from = news(await diagnosePart(file, ({ ref }) => ref.number >= edge))
      t.strictSame(from, [], `from frame ${edge} on`)
      const until = news(await diagnosePart(file, ({ ref }) => ref.number <= edge))
      t.strictSame(until, [], `until frame ${edge}`)
      const without = news(await diagnosePart(file, ({ ref }) => ref.number < edge || ref.number > edge + 20))
      t.strictSame(without, [], `without 20 frames from ${edge} on`)
    }
  })
}

t.test('misrouted order acks are told of by part of a capture too', async t => {
  const { file, view, diagnosis } = await captureSimulated(
    findScenario('nlb-13-resend-to-another-receiver')!,
    1,
    t.testdir(),
  )
  const whole = new Set(
    diagnosis.book.list().flatMap(({ id, instances }) => (id === 'order-ack-misrouted' ? instances.map(key) : [])),
  )
  for (const { name, address } of view.run.nodes.filter(({ role }) => role === 'receiver')) {
    const found = (await diagnosePart(file, at(address))).book.list().find(({ id }) => id === 'order-ack-misrouted')
    t.ok((found?.proven ?? 0) > 0, `${name} alone sees that its acks go to another queue manager`)
    for (const instance of found?.instances ?? []) t.ok(whole.has(key(instance)), 'and invents none')
  }
})

/** The numbers of frames are those of the whole. */
function key({ machines, sequence, number }: Evidence): string {
  return `${machines[0]} ${machines[1]} ${sequence} ${number}`
}
