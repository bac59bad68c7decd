import type { CaptureFormat } from './reading-report.js'

/** Bytes that tell what a file is. */
export const FORMAT_BYTES = 512

/** What a file begins as: a capture, or a clause that says what it looks like and what to do. */
export function fileFormat(head: Buffer): { format: CaptureFormat } | { foreign: string } {
  const magic = head.length >= 4 ? head.readUInt32BE(0) : 0
  switch (magic) {
    case 0xa1b2c3d4:
    case 0xd4c3b2a1:
    case 0xa1b23c4d:
    case 0x4d3cb2a1:
      return { format: 'pcap' }
    case 0x0a0d0d0a:
      return { format: 'pcapng' }
    case 0xa1b2cd34:
    case 0x34cdb2a1:
      return { foreign: `a "modified" classic capture of an old patched libpcap; ${EDITCAP}` }
  }
  for (const { begins, what } of SIGNATURES) {
    if (head.subarray(0, begins.length).equals(begins)) return { foreign: what }
  }
  return { foreign: looksLike(head) }
}

const EDITCAP = 'convert it with: editcap -F pcapng IN OUT'
const UNPACK = 'unpack it first'

const SIGNATURES = [
  sign('snoop\0\0\0', `a capture of Solaris snoop; ${EDITCAP}`),
  sign('GMBU', `a capture of Microsoft Network Monitor; ${EDITCAP}`),
  sign('RTSS', `a capture of Microsoft Network Monitor; ${EDITCAP}`),
  sign('XCP\0', `a capture of NetXRay or Sniffer; ${EDITCAP}`),
  sign('TRSNIFF data', `a capture of Sniffer; ${EDITCAP}`),
  sign('\x7fver', `a capture of Savvius or AiroPeek; ${EDITCAP}`),
  sign('\x1f\x8b', `data compressed by gzip more than once; ${UNPACK}`),
  sign('\x28\xb5\x2f\xfd', `data compressed by zstd more than once; ${UNPACK}`),
  sign('\x04\x22\x4d\x18', `data compressed by lz4; ${UNPACK}`),
  sign('\xfd7zXZ\0', `data compressed by xz; ${UNPACK}`),
  sign('BZh', `data compressed by bzip2; ${UNPACK}`),
  sign('PK\x03\x04', `a zip archive; ${UNPACK}`),
  sign('7z\xbc\xaf\x27\x1c', `a 7-Zip archive; ${UNPACK}`),
  sign('MSCF', `a Windows cabinet (netsh trace keeps its capture in an .etl file within); ${UNPACK}`),
  sign('ElfFile\0', 'a Windows event log, which holds no packets'),
  sign('%PDF', 'a PDF document'),
]

/** @param begins characters up to 0xff, each a byte */
function sign(begins: string, what: string): { begins: Buffer; what: string } {
  return { begins: Buffer.from(begins, 'latin1'), what }
}

function looksLike(head: Buffer): string {
  if (isEventTrace(head)) return 'a Windows event trace (.etl); convert it with: etl2pcapng IN.etl OUT.pcapng'
  // Not all of it is ASCII, perhaps; most of what people write is.
  const isText =
    head.every(byte => byte >= 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) &&
    head.filter(byte => byte < 0x7f).length >= head.length * 0.75
  if (!isText) return 'no format of captures that is known here'
  const text = head.toString('latin1').trimStart().toLowerCase()
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'an HTML page, perhaps of a failed download'
  if (text.startsWith('<?xml')) return 'an XML document; packets exported as XML cannot be read, the capture itself can'
  return 'text; a hex dump becomes a capture with: text2pcap IN OUT'
}

/** WMI_BUFFER_HEADER: the buffer's size twice, and the reserved words of a trace header that follow it. */
function isEventTrace(head: Buffer): boolean {
  if (head.length < 0x50) return false
  const size = head.readUInt32LE(0)
  const saved = head.readUInt32LE(4)
  return (
    size >= 0x400 &&
    size <= 0x1000000 &&
    size % 0x400 === 0 &&
    saved > 0x48 &&
    saved <= size &&
    head[0x4a] === 0x01 &&
    head[0x4b] === 0xc0
  )
}
