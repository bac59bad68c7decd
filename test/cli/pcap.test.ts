import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { platform } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { FrameReading } from '../../capture/files/frame-reading.js'
import { readCapture } from '../../capture/read-capture.js'
import { Diagnosis } from '../../diagnosis/diagnosis.js'
import { MessageSightings } from '../../lab/captures/message-sightings.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { RUNTIME } from '../fixtures/runtime-directory.js'

/* `--pcap`: of runs, of queue managers and of balancers that people start themselves. */

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** A command that runs until it is told to stop; its first line says that it is ready. */
async function started(t: Test, ...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args, '--log-level', 'silent'], {
    env: { ...process.env, XDG_RUNTIME_DIR: RUNTIME },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const closed = once(child, 'close')
  return {
    ready: JSON.parse(line) as { control: string; guid: string },
    stop: async () => {
      child.kill()
      await closed
    },
  }
}

/** What crossed in a capture: by link, bytes of payload. */
async function links(file: string): Promise<Map<string | null, number>> {
  const bytes = new Map<string | null, number>()
  const reading = new FrameReading([file])
  for await (const batch of reading)
    for (const { on, originalLength } of batch) bytes.set(on.name, (bytes.get(on.name) ?? 0) + originalLength)
  t.same(reading.report.files[0]?.troubles, [], file)
  return bytes
}

t.test('a run: the file is there, and what was there is not', async t => {
  const folder = t.testdir({ 'run.pcapng': 'something else' })
  const file = join(folder, 'run.pcapng')
  const { code, stderr } = await mqlab(['run', 'nlb-3-names-refused', '--world', 'sim', '--pcap', file])
  t.equal(code, 0)
  t.match(stderr, `capture: ${file}`)
  t.ok((await links(file)).has('S1–gateway'))
})

t.test('a file that cannot be had: one line, exit code 2, and nothing was run', async t => {
  const folder = t.testdir({ file: '' })
  const refused = mqlabOnceStarted()
  for (const [args, words] of [
    [['run', 'nlb-3-names-refused', '--world', 'sim', '--pcap', folder], /is a directory/],
    [['run', 'nlb-3-names-refused', '--pcap', join(folder, 'file', 'x.pcapng')], /not a directory|exists/],
    [['qm', '--name', 'X', '--port', '0', '--pcap', folder], /is a directory/],
    [
      ['nlb', 'docs/examples/nlb.yaml', '--plane', 'haproxy', '--pcap', join(folder, 'x')],
      /--pcap .*tcpdump -i any .*--plane proxy/,
    ],
    [
      ['nlb', 'docs/examples/nlb-kernel.yaml', '--pcap', join(folder, 'x')],
      /--pcap .*with --plane kernel .*tcpdump -i any/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await refused(args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
})

t.test('a queue manager that cannot start leaves the capture that was there, and no other', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const folder = t.testdir({ 'old.pcapng': 'old' })
  for (const name of ['old', 'new']) {
    const where = ['--address', '127.0.0.1', '--port', `${port}`, '--pcap', join(folder, `${name}.pcapng`)]
    t.equal((await mqlab(['qm', '--name', 'X', ...where])).code, 2)
  }
  t.strictSame(readdirSync(folder), ['old.pcapng'])
  t.equal(readFileSync(join(folder, 'old.pcapng'), 'utf8'), 'old')
})

t.test('nothing stays behind of a capture that could not begin', async t => {
  const folder = t.testdir({ temporary: {} })
  const temporary = join(folder, 'temporary')
  const { code } = await mqlabInProcess(['run', 'nlb-3-names-refused', '--world', 'sim', '--pcap', folder], {
    TMPDIR: temporary,
  })
  t.equal(code, 2)
  t.strictSame(readdirSync(temporary), [])
})

t.test('a simulated run that is interrupted leaves what it has recorded so far, and nothing else', async t => {
  const folder = t.testdir({ temporary: {} })
  const [temporary, file, scenario] = ['temporary', 'run.pcapng', 'long.yaml'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const shipped = readFileSync('lab/scenarios/nlb-2-names-accepted.yaml', 'utf8')
  writeFileSync(scenario, shipped.replaceAll('messages: 50', 'messages: 200000'))
  const child = spawn(process.execPath, [MAIN, 'run', scenario, '--world', 'sim', '--pcap', file], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: 'ignore',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  while (child.exitCode === null && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) await setTimeout(10)
  child.kill('SIGINT')
  const [, signal] = await ended
  t.equal(signal, 'SIGINT', 'in the midst of it')
  t.strictSame(readdirSync(temporary), [])
  t.strictSame(readdirSync(folder).toSorted(), ['long.yaml', 'run.pcapng', 'temporary'])
})

t.test('a run that cannot be had leaves no capture', async t => {
  const file = join(t.testdir({ 'run.pcapng': 'something else' }), 'run.pcapng')
  const other = join(dirname(file), 'other.pcapng')
  for (const name of [file, other]) {
    const { code } = await mqlabInProcess([
      'run',
      'nlb-11-acks-to-the-balancer',
      '--plane',
      'nginx',
      '--source',
      'keep',
      '--pcap',
      name,
    ])
    t.equal(code, 2)
  }
  t.equal(readFileSync(file, 'utf8'), 'something else')
  t.notOk(existsSync(other))
})

const noAddresses = platform() === 'linux' ? false : 'only Linux has all of 127.0.0.0/8'

t.test(
  'queue managers and a balancer: each writes all that it sees, and they see the same',
  { skip: noAddresses },
  async t => {
    const folder = t.testdir()
    const file = (name: string) => join(folder, `${name}.pcapng`)
    const [vip, host, client] = ['127.91.7.10', '127.91.7.11', '127.91.7.101']
    const config = join(folder, 'nlb.yaml')
    writeFileSync(
      config,
      `cluster: { name: CLUSTER, addresses: ${vip} }\nrules: [{ ports: 1801, protocol: tcp }]\nhosts: [{ name: R1, address: ${host} }]\n`,
    )
    const receiver = await started(
      t,
      'qm',
      '--name',
      'R1',
      '--address',
      host,
      '--queue',
      'private$\\orders:transactional',
      '--http',
      '8080',
      '--queue',
      'private$\\plain',
      '--pcap',
      file('R1'),
    )
    const sender = await started(t, 'qm', '--name', 'S1', '--address', client, '--pcap', file('S1'))
    const balancer = await started(t, 'nlb', config, '--settled', '--pcap', file('nlb'))
    const send = async (to: string, ...more: readonly string[]) => {
      const { code, stderr } = await mqlabInProcess([
        'send',
        '--control',
        sender.ready.control,
        '--to',
        to,
        ...more,
        'hello',
      ])
      t.equal(code, 0, stderr)
    }
    await send(`DIRECT=TCP:${vip}\\private$\\orders`, '--delivery', 'transactional')
    await send(`DIRECT=HTTP://${host}:8080/msmq/private$/plain`)
    const arrived = async (queue: string) =>
      (await mqlabInProcess(['receive', queue, '--control', receiver.ready.control, '--timeout', '60', '--json'])).code
    t.equal(await arrived('private$\\orders'), 0)
    t.equal(await arrived('private$\\plain'), 0)
    for (const { stop } of [balancer, sender, receiver]) await stop()

    const seen = async (name: string) => {
      const keys = [1, 2].map(id => `${sender.ready.guid}\\${id}`)
      const sightings = new MessageSightings(keys)
      await readCapture([file(name)], sightings)
      return keys.flatMap(key => sightings.of(key).map(({ from, to }) => `${from} ${to}`))
    }
    t.ok(existsSync(file('S1')) && readFileSync(file('S1')).length > 0)
    t.strictSame(await seen('S1'), [`${client} ${vip}`, `${client} ${host}`])
    t.strictSame(
      await seen('R1'),
      [`${client} ${host}`, `${client} ${host}`],
      'the balancer keeps the client’s address',
    )
    t.strictSame(await seen('nlb'), [`${client} ${vip}`, `${client} ${host}`])
    const balanced = await links(file('nlb'))
    t.strictSame([...balanced.keys()], [`CLUSTER–${client}`, 'CLUSTER–R1'])
  },
)

t.test('what a queue manager sends to itself is written once', { skip: noAddresses }, async t => {
  const folder = t.testdir()
  const [vip, host] = ['127.91.8.10', '127.91.8.11']
  const config = join(folder, 'nlb.yaml')
  writeFileSync(
    config,
    `cluster: { name: CLUSTER, addresses: ${vip} }\nrules: [{ ports: 1801, protocol: tcp }]\nhosts: [{ name: R1, address: ${host} }]\n`,
  )
  const file = join(folder, 'R1.pcapng')
  const queue = ['--queue', 'private$\\orders:transactional']
  const node = await started(t, 'qm', '--name', 'R1', '--address', host, ...queue, '--pcap', file)
  const balancer = await started(t, 'nlb', config, '--settled')
  const to = `DIRECT=TCP:${vip}\\private$\\orders`
  const sending = await mqlabInProcess([
    'send',
    '--control',
    node.ready.control,
    '--to',
    to,
    '--delivery',
    'transactional',
    'hello',
  ])
  t.equal(sending.code, 0, sending.stderr)
  const receiving = ['receive', 'private$\\orders', '--control', node.ready.control, '--timeout', '60', '--json']
  t.equal((await mqlabInProcess(receiving)).code, 0)
  // the order ack goes back to where the message came from: the same machine
  const acks = async () => {
    const diagnosis = new Diagnosis()
    await readCapture([file], diagnosis)
    return diagnosis.counts.orderAcks
  }
  for (let tries = 0; tries < 600 && (await acks()) === 0; tries += 1) await setTimeout(100)
  for (const { stop } of [balancer, node]) await stop()
  t.equal(await acks(), 1)
  const openings: string[] = []
  for await (const batch of new FrameReading([file]))
    for (const { bytes } of batch) {
      const isSyn = (bytes[47]! & 0x12) === 0x02
      const isToItself = bytes.subarray(26, 30).equals(bytes.subarray(30, 34))
      if (isSyn && isToItself) openings.push(bytes.subarray(34, 38).toString('hex'))
    }
  t.ok(openings.length > 0, 'it connects to itself')
  t.equal(new Set(openings).size, openings.length, 'each connection begins once')
})
