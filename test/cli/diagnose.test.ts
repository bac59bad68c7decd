import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { findProgram } from '../../gateway/planes/kernel/programs.js'
import { DIAGNOSIS_JSON } from '../fixtures/diagnosis-json.js'
import { mqlab, objects } from '../fixtures/mqlab-command.js'
import { mqlabInProcess } from '../fixtures/mqlab-in-process.js'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

const folder = t.testdir()
const sick = join(folder, 'sick.pcapng')
const clean = join(folder, 'clean.pcapng')
const tshark = findProgram('tshark')
const noTshark = tshark === null ? 'no tshark here: what --extract writes is not read by it' : false

t.before(async () => {
  for (const [name, file] of [
    ['nlb-11-acks-to-the-balancer', sick],
    ['nlb-1-plain-messages', clean],
  ] as const) {
    const run = await mqlabInProcess(['run', name, '--world', 'sim', '--pcap', file])
    if (run.code !== 0) throw new Error(run.stderr)
  }
})

t.test('the report: summary, verdict, a line for each finding, then each with its evidence; exit 1', async t => {
  const { code, stdout, stderr } = await mqlab(['diagnose', sick])
  t.equal(code, 1, stderr)
  t.match(stdout, /^ {2}files {5}\S*sick\.pcapng\s+\(pcapng\)\n {2}time/)
  t.match(stdout, /\n {2}verdict {3}Order acks went to the wrong machine: \d+ seen; \d+ other findings\.\n/)
  t.match(stdout, /\nerror +\d+ {2}order acks went to the wrong machine +order-ack-misrouted\n/)
  t.match(
    stdout,
    /\norder-ack-misrouted {2}\d+ x order acks went to the wrong machine \(NLB-11\)\n {2}first {5}frame \d+, \d{4}-/,
  )
  t.match(stdout, /\n {2}why {7}A receiver sends the order ack in a new session/)
  t.match(stdout, /\n {2}change {4}Let the balancer keep the source address/)
  t.match(stdout, /\n {2}Wireshark frame\.number in \{\d+, \d+\}\n/)
  t.ok(
    stdout.split('\n').every(line => line.length <= 110 || line.includes(sick)),
    'lines fit a terminal',
  )
  t.notOk(stdout.includes('\u001b'), 'no colours for a file')
  t.match(stderr, /^(?:\w+: [^\n]+\/s[^\n]*\n)*$/, 'nothing else where nobody watches, but how far a slow machine is')
})

t.test('a capture in which all is well: exit 0, notices or not; gzip; standard input', async t => {
  const plain = await mqlabInProcess(['diagnose', clean])
  t.equal(plain.code, 0, plain.stdout)
  t.match(plain.stdout, /verdict {3}Nothing is wrong\./)
  const packed = join(folder, 'clean.gz')
  writeFileSync(packed, gzipSync(readFileSync(clean)))
  const zipped = await mqlabInProcess(['diagnose', packed, '--json'])
  t.equal(zipped.code, 0, zipped.stderr)
  const [{ verdict, capture, counts }] = [DIAGNOSIS_JSON.parse(objects(zipped.stdout)[0])]
  t.match({ verdict, capture }, { verdict: { state: 'clean' }, capture: { files: [{ compression: 'gzip' }] } })
  t.equal(counts.bytes, readFileSync(clean).length, 'bytes of the capture')
  t.equal(counts.bytes, capture.files[0]?.bytes)
  const piped = await mqlab(['diagnose', '-'], {}, readFileSync(clean))
  t.equal(piped.code, 0, piped.stderr)
  t.match(piped.stdout, /files {5}standard input \(pcapng\)/)
})

t.test('--json is one object of the documented form; --csv a row for each instance', async t => {
  const csv = join(folder, 'new', 'findings.csv')
  const { code, stdout, stderr } = await mqlabInProcess(['diagnose', sick, '--json', '--csv', csv])
  t.equal(code, 1)
  t.match(stderr, /^written: .*findings\.csv\n$/m)
  const [json, ...others] = objects(stdout)
  t.equal(others.length, 0)
  const { findings, counts, qms, translations, capture } = DIAGNOSIS_JSON.parse(json)
  const misrouted = findings.find(({ id }) => id === 'order-ack-misrouted')!
  t.equal(misrouted.count, misrouted.instances.length)
  t.equal(counts.orderAcks, misrouted.count, 'every order ack of this run goes astray')
  t.equal(qms.length, counts.machines)
  t.match(translations[0], { seenAs: '10.66.0.10', virtual: '10.66.0.10' })
  t.equal(capture.files[0]?.file, sick)
  const rows = readFileSync(csv, 'utf8').trimEnd().split('\n')
  t.equal(rows.length, 1 + findings.reduce((sum, { instances }) => sum + instances.length, 0))
  const few = await mqlabInProcess(['diagnose', sick, '--csv', '-', '--limit', '1'])
  t.equal(few.stdout.trimEnd().split('\n').length, 1 + findings.length)
})

t.test('filters: what is left out is said, and is not clean by silence', async t => {
  const found = async (...args: string[]) => {
    const { code, stdout } = await mqlabInProcess(['diagnose', sick, '--json', ...args])
    return { code, ...DIAGNOSIS_JSON.parse(objects(stdout)[0]) }
  }
  const early = await found('--to', '+1', '--host', 'r2', '--queue', 'ORDER', '--finding', 'order-ack-misrouted')
  t.match(early, { code: 1, findings: [{ id: 'order-ack-misrouted', count: 1 }] })
  t.match(early.filters, ['findings order-ack-misrouted', /^to 20\d\d-/, 'of r2', 'with ORDER in the queue’s name'])
  const none = await found('--finding', 'duplicate-delivery')
  t.match(none, { code: 0, findings: [] })
  t.equal(none.verdict.text, 'Nothing of what was asked for is wrong; 4 findings are hidden by the filter.')
  t.match((await found('--host', 'gateway', '--limit', '1')).filters, [
    'of gateway (no queue manager seen by that name or address)',
  ])
})

t.test('files that were asked for are whole or not there, and what was there stays', async t => {
  const made = t.testdir({ 'page.html': '<!doctype html><html><body>no</body></html>', 'old.csv': 'old', new: {} })
  const file = (name: string) => join(made, name)
  const written = ['html', 'scenario', 'extract'].flatMap(name => [`--${name}`, join(made, 'new', `x.${name}`)])
  const failed = await mqlabInProcess(['diagnose', file('page.html'), ...written, '--csv', file('old.csv')])
  t.equal(failed.code, 2)
  t.strictSame(readdirSync(file('new')), [])
  t.equal(readFileSync(file('old.csv'), 'utf8'), 'old')
  t.strictSame(readdirSync(made).toSorted(), ['new', 'old.csv', 'page.html'])
})

t.test('a diagnosis that is interrupted leaves nothing', async t => {
  const made = t.testdir({ 'old.csv': 'old', temporary: {} })
  const files = ['--html', join(made, 'x.html'), '--csv', join(made, 'old.csv')]
  const child = spawn(process.execPath, [MAIN, 'diagnose', '-', ...files], {
    env: { ...process.env, TMPDIR: join(made, 'temporary') },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  // standard input does not end: it is kept, and the files wait
  child.stdin.on('error', () => {})
  child.stdin.write(readFileSync(sick))
  while (child.exitCode === null && readdirSync(join(made, 'temporary')).length === 0) await setTimeout(10)
  child.kill('SIGTERM')
  const [, signal] = await ended
  t.equal(signal, 'SIGTERM')
  t.strictSame(readdirSync(made).toSorted(), ['old.csv', 'temporary'])
  t.strictSame(readdirSync(join(made, 'temporary')), [])
  t.equal(readFileSync(join(made, 'old.csv'), 'utf8'), 'old')
})

t.test('Ctrl-C of a pipeline ends what captures; what came until then is diagnosed', async t => {
  const made = t.testdir({ temporary: {} })
  const html = join(made, 'x.html')
  const pipeline = `{ cat "${sick}"; exec sleep 100; } | "${process.execPath}" "${MAIN}" diagnose - --html "${html}"`
  const shell = spawn('sh', ['-c', pipeline], {
    env: { ...process.env, TMPDIR: join(made, 'temporary') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const group = -shell.pid!
  t.teardown(() => {
    try {
      process.kill(group, 'SIGKILL')
    } catch {} // all have ended
  })
  const said = [shell.stdout, shell.stderr].map(stream => text(stream))
  const kept = () => readdirSync(join(made, 'temporary')).map(name => join(made, 'temporary', name, 'stdin'))
  const size = statSync(sick).size
  while (!kept().some(file => statSync(file, { throwIfNoEntry: false })?.size === size)) await setTimeout(10)
  process.kill(group, 'SIGINT')
  const [stdout, stderr] = await Promise.all(said)
  t.match(stdout, /verdict {3}Order acks went to the wrong machine/)
  t.match(stderr, /interrupted: what came until now is read; another Ctrl-C ends at once/)
  t.ok(existsSync(html))
  t.strictSame(kept(), [])
})

t.test('--message: by place, by id, by number; sightings on both sides, and where its order ack went', async t => {
  const { code, stdout } = await mqlabInProcess(['diagnose', sick, '--message', '1'])
  t.equal(code, 0)
  t.match(
    stdout.replace(/\s+/g, ' '),
    /^message [-0-9a-f]{36}\\1, number 1 of sequence \S+, from S1 \(10\.66\.0\.101\)/,
  )
  t.match(stdout, /\nframe \d+ +0\.00\d{4} s {2}S1 \(10\.66\.0\.101\) sends it to TCP:10\.66\.0\.10/)
  t.match(stdout.replace(/\s+/g, ' '), /a balancer passes it on: \S+ → \S+; it reaches R1 \(10\.66\.0\.11\)/)
  t.match(
    stdout.replace(/\s+/g, ' '),
    /it reaches R2 \(10\.66\.0\.12\), and not S1 \(10\.66\.0\.101\), which waits for it/,
  )
  const [json] = objects((await mqlabInProcess(['diagnose', sick, '--message', '1', '--json'])).stdout)
  t.match(json, { number: 1, steps: [{ kind: 'message', times: 1, ways: [{ frame: Number }, { frame: Number }] }] })
  const { message, sequence } = json as { message: string; sequence: string }
  for (const name of [`{${message.replace('\\', '}\\')}`, `${sequence}#1`]) {
    const same = await mqlabInProcess(['diagnose', sick, '--message', name])
    t.equal(same.stdout, stdout, name)
  }
})

t.test('--qms, --follow', async t => {
  const qms = await mqlabInProcess(['diagnose', sick, '--qms'])
  t.equal(qms.code, 0)
  t.match(qms.stdout, /^QMId +names +role +address/)
  t.match(qms.stdout, /\n[-0-9a-f]{36} {2}S1 +sender +10\.66\.0\.101/)
  t.match(qms.stdout, /\nBalancers\nclient +connects to +host +which sees/)
  const followed = await mqlabInProcess(['diagnose', sick, '--follow', '0'])
  t.equal(followed.code, 0)
  t.match(followed.stdout, /^frame \d+ +\d\.\d{6} s +connection 0 opens\n/)
  t.match(followed.stdout, /→ EstablishConnection request/)
  t.match(followed.stdout, /;\s+on\s+disk:\s+\d+\s+packets?\s+\(frames?\s+\d+/)
  const lines = objects((await mqlabInProcess(['diagnose', sick, '--follow', '0', '--json'])).stdout)
  t.match(lines[0], { frame: Number, connection: 0, direction: null, text: 'connection 0 opens', wrong: false })
})

t.test('--html is one file that asks for nothing; --extract the evidence, from standard input too', async t => {
  const html = join(folder, 'report.html')
  const extract = join(folder, 'evidence.pcapng')
  const { code, stderr } = await mqlab(['diagnose', '-', '--html', html, '--extract', extract], {}, readFileSync(sick))
  t.equal(code, 1, stderr)
  const page = readFileSync(html, 'utf8')
  t.match(page, /<h1>standard input: diagnosis<\/h1>/)
  t.match(page, /class="space-time"/)
  t.match(page, /default-src 'none'/)
  t.notMatch(page, /(?:src|href)="https?:/)

  const { frames, stdout } = await extracted(extract)
  t.ok(frames > 10 && frames < 594, `${frames} frames`)
  t.equal((await mqlabInProcess(['diagnose', extract])).stdout.includes('order-ack-misrouted'), true, stdout)
})

async function extracted(file: string) {
  const { stdout } = await mqlabInProcess(['diagnose', file, '--json'])
  return { stdout, frames: DIAGNOSIS_JSON.parse(objects(stdout)[0]).counts.frames }
}

t.test('tshark reads what was extracted: original stamps, in order, with comments', { skip: noTshark }, async t => {
  const extract = join(folder, 'for-tshark.pcapng')
  await mqlabInProcess(['diagnose', sick, '--extract', extract, '--finding', 'order-ack-misrouted', '--limit', '1'])
  const fields = ['frame.time_epoch', 'frame.comment', 'tcp.stream'].flatMap(field => ['-e', field])
  const read = (file: string) =>
    execFileSync(tshark!, ['-r', file, '-T', 'fields', '-E', 'separator=|', ...fields], { encoding: 'utf8' })
      .trimEnd()
      .split('\n')
      .map(line => line.split('|'))
  const frames = read(extract)
  const stamps = frames.map(([time]) => time!)
  t.strictSame(stamps, stamps.toSorted(), 'in order')
  const originals = new Set(read(sick).map(([time]) => time))
  t.ok(
    stamps.every(time => originals.has(time)),
    'with the stamps that they had',
  )
  t.ok(
    frames.every(([, comment]) => comment !== ''),
    'each says why it is there',
  )
  t.match(frames.map(([, comment]) => comment).join('\n'), /order-ack-misrouted \(NLB-11\): R1 /)
  t.match(frames.map(([, comment]) => comment).join('\n'), /the beginning of connection \d+/)
})

t.test('cut and damaged captures: what could be read is told, what not with its offset, exit 2', async t => {
  const whole = readFileSync(sick)
  const cut = join(folder, 'cut.pcapng')
  writeFileSync(cut, whole.subarray(0, whole.length - 1001))
  const { code, stdout, stderr } = await mqlab(['diagnose', cut])
  t.equal(code, 2)
  t.match(stdout, /\n {2}truncated\s+\S*cut\.pcapng,\s+byte\s+[\d,]+:\s/)
  t.match(stdout, /verdict {3}The capture could not be read to the end; order acks went to the wrong machine/)
  t.match(stderr, /^mqlab: \S*cut\.pcapng: truncated at byte \d+: [^\n]+\n$/)
  const json = await mqlabInProcess(['diagnose', cut, clean, '--json'])
  t.equal(json.code, 2)
  t.match(DIAGNOSIS_JSON.parse(objects(json.stdout)[0]).verdict, {
    state: 'unusable',
    text: /^Of 2 files, 1 could not be read to the end/,
  })
  t.equal((await mqlabInProcess(['diagnose', cut, '--qms'])).code, 2, 'in every view')
  const absent = await mqlabInProcess(['diagnose', clean, join(folder, 'none')])
  t.match(absent, { code: 2, stdout: /\n {2}unreadable \S*none:\s+there\s+is\s+no\s+such\s+file\n/ })
})

t.test(
  'standard input that is a file is not written over',
  { skip: platform() === 'win32' && 'no /dev/stdin here' },
  async t => {
    const own = join(t.testdir(), 'own')
    writeFileSync(own, readFileSync(sick))
    const stdin = openSync(own, 'r')
    t.teardown(() => closeSync(stdin))
    const args = [MAIN, 'diagnose', '-', '--extract', own]
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: [stdin, 'pipe', 'pipe'], encoding: 'utf8' })
    t.equal(status, 2)
    t.match(stderr, /--extract .*: it is the capture, which would be written over/)
    t.ok(readFileSync(own).equals(readFileSync(sick)))
  },
)

t.test('what cannot be read at all, or is not to be had: one line, nothing on stdout, exit 2', async t => {
  const made = t.testdir({ empty: '', 'page.html': '<!doctype html><html><body>no</body></html>' })
  const file = (name: string) => join(made, name)
  for (const [args, words] of [
    [[file('none')], /none: unreadable: .*no such file/],
    [
      [file('page.html'), file('empty')],
      /page\.html: foreign: it looks like .*HTML.*; \S+empty: empty: the file has no bytes/,
    ],
    [['-', '-'], /standard input can be read once/],
    [[sick, '--queue', 'oder'], /--queue oder: no message in the capture is for a queue with that in its name; did/],
    [
      [sick, '--host', 'r9', '--json'],
      /--host r9: no machine of that name, .* was seen in the capture; did you mean R1/,
    ],
    [[sick, '--message', '4000000'], /--message: message 4000000 is not in .*sick/],
    [[sick, '--follow', '4000'], /--follow: connection 4000 with MSMQ is not in/],
    [[sick, '--follow', '1', '--qms'], /--qms and --follow: give one of them/],
    [[sick, '--qms', '--html', file('x.html')], /--html: --qms shows no findings/],
    [[sick, '--qms', '--host', 'R1'], /--host: --qms shows no findings/],
    [[sick, '--extract', sick], /--extract .*: it is the capture, which would be written over/],
    [[sick, '--csv', file('x'), '--html', file('x')], /--html .*x: it is the file of --csv, which/],
    [[sick, '--html', '-'], /--html -: only --csv and --json write to standard output/],
    [[sick, '--from', '+2', '--to', '+1'], /--to: it lies before --from/],
    [[sick, '--from', '+9999999'], /--from: the capture ends before that, at 20\d\d-/],
    [[sick, '--to', '1999-01-01'], /--to: the capture begins after that, at 20\d\d-/],
    [[sick, '--from', 'yesterday'], /--from.*2026-11-22T13:25:19\.5Z/],
    [[sick, '--csv', '-', '--json'], /both are for standard output/],
    [[sick, '--html', '/proc/none/x.html'], /mkdir|open/],
  ] as const) {
    const { code, stdout, stderr } = await mqlabInProcess(['diagnose', ...args])
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '', args.join(' '))
    t.match(stderr, words)
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
})
