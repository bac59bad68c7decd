import { appendFileSync, chmodSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { FrameReading } from '../../../capture/files/frame-reading.js'
import { NodeCapture } from '../../../lab/captures/node-capture.js'
import { RunCapture } from '../../../lab/captures/run-capture.js'
import { findScenario } from '../../../lab/scenario-catalogue.js'
import { inSimulation } from '../../../lab/scenario-worlds.js'
import { createRunView } from '../../../lab/verdict.js'
import { simulateScenario } from '../../../lab/worlds/simulated.js'

const SCENARIO = inSimulation(findScenario('nlb-3-names-refused')!)
const VIEW = createRunView(simulateScenario(SCENARIO, { seed: 1 }))
const CLIENT = { address: '10.0.0.1', port: 50_000 }
const SERVER = { address: '10.0.0.2', port: 1801 }

function opened(t: Test) {
  const file = join(t.testdir(), 'run.pcapng')
  const capture = new RunCapture(file, 'mqlab test')
  t.teardown(() => capture.close())
  return { file, capture, machines: { nodes: VIEW.run.nodes, gateway: VIEW.run.gateway, seed: 1 } }
}

async function read(file: string) {
  const reading = new FrameReading([file])
  for await (const _ of reading);
  return { ...reading.report.files[0]!, text: readFileSync(file).toString('latin1') }
}

t.test('a part that is cut, and one that is not there, are told of, and stand in the capture', async t => {
  const { file, capture, machines } = opened(t)
  const { specOf } = capture.ofMachines(machines, 'proxy')
  const specs = ['S1', 'R1', 'R2', 'R3'].map(node => ({ node, spec: specOf(node)! }))
  const { folder } = specs[0]!.spec
  for (const { node, spec } of specs) {
    const part = new NodeCapture(node, spec)
    if (node !== 'R1') part.wire.connection(CLIENT, SERVER, 0).established(1)
    part.close()
  }
  const partOf = (node: string) => join(folder, readdirSync(folder).find(name => name.startsWith(`${node}-`))!)
  truncateSync(partOf('R2'), readFileSync(partOf('R2')).length - 50)
  rmSync(partOf('R3'))
  const lacks = await capture.finish(VIEW)
  t.equal(lacks.length, 2, 'and nothing of R1, which had nothing to write')
  t.equal(lacks[0], 'nothing of what R3 recorded is there')
  t.match(lacks[1], /^what R2 recorded is truncated at byte \d+ \(.+\)$/)
  const { text, troubles } = await read(file)
  for (const lack of lacks) t.ok(text.includes(lack), lack)
  t.same(troubles, [])
})

t.test('a run whose parts are whole lacks nothing', async t => {
  const { file, capture, machines } = opened(t)
  const part = new NodeCapture('S1', capture.ofMachines(machines, 'proxy').specOf('S1')!)
  part.wire.connection(CLIENT, SERVER, 0).established(1)
  part.close()
  t.strictSame(await capture.finish(VIEW), [])
  t.equal((await read(file)).dropped, 0)
})

/** Writes what it is told to, and says when it is asked, and at its end, what it was too slow for. */
const SLOW_TCPDUMP = (capture: string) => `#!/bin/sh
while [ "$1" != -w ]; do shift; done
cp ${capture} "$2"
trap 'echo "tcpdump: 3 packets captured, 10 packets received by filter, 7 packets dropped by kernel" >&2' USR1
trap 'printf "3 packets captured\\n10 packets received by filter\\n7 packets dropped by kernel\\n" >&2; exit 0' TERM
echo "tcpdump: listening on eth0" >&2
while :; do sleep 0.05; done
`

t.test('packets that tcpdump dropped', { skip: platform() === 'win32' && 'no shell scripts here' }, async t => {
  const { file, capture, machines } = opened(t)
  const tools = t.testdir()
  // one frame of 60 bytes
  const [header, frame] = [Buffer.alloc(24), Buffer.alloc(16 + 60)]
  for (const [at, value] of [0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1].entries()) header.writeUInt32LE(value, at * 4)
  for (const [at, value] of [1_700_000_000, 0, 60, 60].entries()) frame.writeUInt32LE(value, at * 4)
  writeFileSync(join(tools, 'one.pcap'), header)
  appendFileSync(join(tools, 'one.pcap'), frame)
  writeFileSync(join(tools, 'tcpdump'), SLOW_TCPDUMP(join(tools, 'one.pcap')))
  chmodSync(join(tools, 'tcpdump'), 0o755)
  const { PATH = '' } = process.env
  process.env.PATH = `${tools}${delimiter}${PATH}`
  t.teardown(() => {
    process.env.PATH = PATH
  })
  await capture.ofMachines(machines, 'kernel-nlb').networks({ 'R-1-2': [] })
  t.strictSame(await capture.finish(VIEW), ['tcpdump dropped 7 packets of R-1-2'])
  const { dropped, frames, text } = await read(file)
  t.equal(dropped, 7)
  t.equal(frames, 1)
  t.ok(text.includes('tcpdump dropped 7 packets of R-1-2'))
})
