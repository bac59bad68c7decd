import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Tcpdump } from '../../../lab/captures/tcpdump.js'
import { dumpSkip } from '../../fixtures/dumped-run.js'

const DATAGRAMS = 200
const FILE_HEADER = 24

/** Of the process that writes this file. */
function pidOf(file: string): number {
  const holds = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(file)
    } catch {
      return false
    }
  }
  return Number(readdirSync('/proc').find(name => /^\d+$/.test(name) && holds(name)))
}

t.test('what came while it stood still is in the file before its network may go', { skip: dumpSkip }, async t => {
  const network = `mqlab-test-${process.pid}`
  const inside = ['ip', 'netns', 'exec', network]
  execFileSync('ip', ['netns', 'add', network])
  t.teardown(() => execFileSync('ip', ['netns', 'delete', network]))
  const run = (...words: string[]) => execFileSync('ip', ['netns', 'exec', network, ...words])
  run('ip', 'link', 'set', 'lo', 'up')
  const file = join(t.testdir(), 'lo.pcap')
  const dump = new Tcpdump(inside, ['-i', 'lo', '-B', '65536', '-w', file, 'udp dst port 9'])
  await dump.listening
  const pid = pidOf(file)
  process.kill(pid, 'SIGSTOP')
  const send = `const socket = require('node:dgram').createSocket('udp4')
    let left = ${DATAGRAMS}
    const next = () => left-- > 0 ? socket.send('x', 9, '127.0.0.1', next) : socket.close()
    next()`
  run(process.execPath, '-e', send)
  let isSettled = false
  const settled = dump.settled().then(() => {
    isSettled = true
  })
  await sleep(200)
  t.notOk(isSettled, 'it has not read anything')
  process.kill(pid, 'SIGCONT')
  await settled
  const bytes = readFileSync(file)
  let packets = 0
  for (let at = FILE_HEADER; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) packets++
  t.equal(packets, DATAGRAMS)
  await dump.stop()
  t.equal(dump.dropped, 0)
})

t.test('one that cannot capture says why', { skip: dumpSkip }, async t => {
  const dump = new Tcpdump([], ['-i', 'nothing-of-the-kind', '-w', join(t.testdir(), 'none.pcap')])
  await t.rejects(dump.listening, /No such device/)
  await dump.stop()
})
