import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FrameReading } from '../../capture/files/frame-reading.js'
import { PcapngWriter } from '../../capture/files/pcapng-writer.js'
import { findScenario } from '../../lab/scenario-catalogue.js'
import { captureSimulated, diagnoseFile } from '../fixtures/captured-run.js'
import { createRandom, mutate } from '../fixtures/mutations.js'

/** This machine may be busy with other tests. */
t.setTimeout(280_000)

const HEADERS = 14 + 20 + 20

/** One frame in `share` says something else, in its headers or behind them, or comes again, or not at all. */
async function fuzzed(file: string, seed: number, share: number): Promise<{ bytes: Buffer; frames: number }> {
  const random = createRandom(seed)
  const parts: Buffer[] = []
  const writer = new PcapngWriter(bytes => parts.push(Buffer.from(bytes)), { application: 'mqlab test' })
  const link = writer.addInterface({ linkType: 1 })
  let frames = 0
  const put = (timeUs: number, bytes: Buffer) => {
    writer.packet(link, timeUs, bytes.subarray(0, 65_535))
    frames += 1
  }
  for await (const batch of new FrameReading([file]))
    for (const { ref, bytes } of batch) {
      const fate = random(share) > 0 ? 9 : random(6)
      if (fate === 0) continue
      if (fate === 1) put(ref.timeUs, mutate(bytes, random))
      else if (fate < 5)
        put(ref.timeUs, Buffer.concat([bytes.subarray(0, HEADERS), mutate(bytes.subarray(HEADERS), random)]))
      else put(ref.timeUs, bytes)
      if (fate === 5) put(ref.timeUs + random(2_000_000), bytes)
    }
  writer.end()
  return { bytes: Buffer.concat(parts), frames }
}

for (const [name, rounds] of [
  ['qmid-3-4-ack-to-the-other-clone', 150],
  ['nlb-8-windows-nlb', 60],
  ['nlb-4-plain-messages-over-http', 15],
] as const)
  t.test(`${name}: whatever frames say, it is read to its end, and findings name frames that are there`, async t => {
    const folder = t.testdir()
    const { file } = await captureSimulated(findScenario(name)!, 1, folder)
    const out = join(folder, 'fuzzed.pcapng')
    const wrong: string[] = []
    for (let seed = 1; seed <= rounds; seed++) {
      const { bytes, frames } = await fuzzed(file, seed, 2 + (seed % 40))
      writeFileSync(out, bytes)
      const { diagnosis, reading } = await diagnoseFile(out)
      if (reading.packets.frames !== frames) wrong.push(`seed ${seed}: ${reading.packets.frames} of ${frames} frames`)
      for (const { id, count, proven, instances } of diagnosis.book.list()) {
        if (proven > count || count < instances.length) wrong.push(`seed ${seed}: ${id}: ${proven} of ${count}`)
        for (const { frames: shown } of instances)
          if (shown.some(({ number }) => number < 1 || number > frames))
            wrong.push(`seed ${seed}: ${id}: no such frame`)
      }
    }
    t.strictSame(wrong, [])
  })
