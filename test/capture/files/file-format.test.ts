import t from 'tap'
import { fileFormat } from '../../../capture/files/file-format.js'
import { pcapHeader, readBytes, section } from '../../fixtures/capture-file-bytes.js'

const FOREIGN: readonly [string, Buffer, RegExp][] = [
  ['snoop', Buffer.from('snoop\0\0\0\0\0\0\x02\0\0\0\x04', 'latin1'), /Solaris snoop; convert it with: editcap/],
  ['Network Monitor 2', Buffer.from('GMBU\0\x02\x01\0', 'latin1'), /Network Monitor; convert it with: editcap/],
  ['Network Monitor 1', Buffer.from('RTSS\x01\x01\0\0', 'latin1'), /Network Monitor/],
  ['modified pcap', pcapHeader('little', 0xa1b2cd34), /"modified" classic capture/],
  ['modified pcap, big-endian', pcapHeader('big', 0xa1b2cd34), /"modified" classic capture/],
  ['HTML', Buffer.from('\n<!DOCTYPE html>\n<html>'), /an HTML page/],
  ['XML', Buffer.from('<?xml version="1.0"?><pdml/>'), /an XML document/],
  ['hex dump', Buffer.from('0000  00 0c 29 aa bb cc\n'), /text2pcap/],
  ['zip', Buffer.from('PK\x03\x04....'), /zip archive; unpack it first/],
  ['bzip2', Buffer.from('BZh91AY&SY'), /bzip2/],
  ['xz', Buffer.from('fd377a585a00', 'hex'), /xz/],
  ['lz4', Buffer.from('04224d18', 'hex'), /lz4/],
  ['cabinet', Buffer.from('MSCF\0\0\0\0'), /cabinet/],
  ['event log', Buffer.from('ElfFile\0....', 'latin1'), /event log/],
  ['noise', Buffer.from('00010203fffefdfc', 'hex'), /no format of captures that is known here/],
  ['one byte', Buffer.of(0xa1), /no format/],
]

for (const [name, bytes, what] of FOREIGN) {
  t.test(`it is said what a file of another format looks like: ${name}`, async t => {
    const { frames, report } = await readBytes(bytes, { pieceBytes: 3 })
    t.equal(frames.length, 0)
    t.equal(report.format, null)
    t.match(report.troubles, [{ kind: 'foreign', offset: 0, what: /^it looks like / }])
    t.match(report.troubles[0]?.what, what)
  })
}

t.test('an event trace of Windows', async t => {
  const head = Buffer.alloc(512)
  head.writeUInt32LE(0x10000, 0)
  head.writeUInt32LE(0x5f8, 4)
  head.writeUInt32LE(0x5f8, 8)
  head.set([0x01, 0xc0], 0x4a)
  t.match(fileFormat(head), { foreign: /etl2pcapng/ })
})

t.test('captures, by their first bytes alone', async t => {
  t.strictSame(fileFormat(pcapHeader('little')), { format: 'pcap' })
  t.strictSame(fileFormat(pcapHeader('big', 0xa1b23c4d)), { format: 'pcap' })
  t.strictSame(fileFormat(section('big')), { format: 'pcapng' })
})

t.test('nothing at all', async t => {
  const { report } = await readBytes(Buffer.alloc(0))
  t.match(report, { format: null, frames: 0, bytes: 0, troubles: [{ kind: 'empty', what: 'the file has no bytes' }] })
  const noPackets = await readBytes(section('little'))
  t.match(noPackets.report.troubles, [{ kind: 'empty', what: 'the capture has no packets' }])
})
