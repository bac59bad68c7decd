import { sidFault } from '../sid.js'
import type { ByteReader } from './byte-reader.js'
import { align4, type ByteWriter } from './byte-writer.js'
import { type Expression, type Rule, refuse, type Structure } from './layout.js'
import { cachedWideText } from './wide-text.js'

/* SecurityHeader, with UserHeader.Flags.SH. Source: [MS-MQMQ] 2.2.20.6.
 *    0  2  Flags              SECURITY_FLAGS
 *    2  2  SenderIdSize
 *    4  2  EncryptionKeySize
 *    6  2  SignatureSize
 *    8  4  SenderCertSize     at most 65 535
 *   12  4  ProviderInfoSize
 *   16     SecurityID, EncryptionKey, Signature, SenderCert, ProviderInfo: each padded to 4, nothing for size 0
 * Flags.AI is of no use for parsing: the published example carries data with AI clear ([MS-MQQB] 4.1.7). */

export const SECURITY_HEADER_SIZE = 16

export const SECURITY_FLAGS = {
  /** Type of the sender identifier, {@link SENDER_ID_TYPE}. */
  ST: 0x000f,
  /** Authenticated; 0 on the wire. */
  AU: 0x0010,
  /** Body encrypted. */
  EB: 0x0020,
  /** Default cryptographic provider. */
  DE: 0x0040,
  /** SecurityData present. */
  AI: 0x0080,
  /** Signature version; 0 on the wire. */
  AS: 0x0f00,
  AS_SHIFT: 8,
} as const

export const SENDER_ID_TYPE = { NONE: 0, SID: 1, QUEUE_MANAGER: 2 } as const

const SECTION = '[MS-MQMQ] 2.2.20.6'
const TYPE = 'SecurityHeader.Flags.ST'
const ID_SIZE = 'SecurityHeader.SenderIdSize'
const CERT_SIZE = 'SecurityHeader.SenderCertSize'
const PROVIDER_SIZE = 'SecurityHeader.ProviderInfoSize'
const PROVIDER_NAME = 'SecurityHeader.SecurityData.ProviderInfo.ProviderName'
const PROVIDER_NAME_SIZE: Expression = ['nullWithin', ['-', PROVIDER_SIZE, 4]]

export const SECURITY_LAYOUT: Structure = {
  structure: 'SecurityHeader',
  section: SECTION,
  parts: [
    {
      field: 'Flags',
      type: 'u16',
      flags: SECURITY_FLAGS,
      about: {
        ST: 'type of the sender identifier',
        AU: 'authenticated',
        EB: 'body encrypted',
        DE: 'default cryptographic provider',
        AI: 'SecurityData present',
        AS: 'signature version',
      },
      flagValues: { ST: SENDER_ID_TYPE },
    },
    { field: 'SenderIdSize', type: 'u16', unit: 'bytes' },
    { field: 'EncryptionKeySize', type: 'u16', unit: 'bytes' },
    { field: 'SignatureSize', type: 'u16', unit: 'bytes' },
    { field: 'SenderCertSize', type: 'u32', unit: 'bytes' },
    { field: 'ProviderInfoSize', type: 'u32', unit: 'bytes' },
    ...['SenderIdSize', 'EncryptionKeySize', 'SignatureSize'].map(sizeRule),
    refuse('SECURITY_SIZE', CERT_SIZE, ['>', CERT_SIZE, 0xffff], 'at most 65535'),
    ...['SenderCertSize', 'ProviderInfoSize'].map(sizeRule),
    refuse('SENDER_ID', TYPE, ['>', TYPE, SENDER_ID_TYPE.QUEUE_MANAGER], 'must be 0, 1 or 2'),
    refuse('SENDER_ID', ID_SIZE, ['and', ['=', TYPE, SENDER_ID_TYPE.NONE], ID_SIZE], 'must be 0 with ST 0'),
    refuse(
      'SENDER_ID',
      ID_SIZE,
      ['and', ['=', TYPE, SENDER_ID_TYPE.QUEUE_MANAGER], ['not', ['=', ID_SIZE, 16]]],
      'must be 16 with ST 2',
    ),
    refuse(
      'SENDER_ID',
      'SecurityHeader.SecurityData.SecurityID',
      ['and', ['=', TYPE, SENDER_ID_TYPE.SID], ['not', ['sid', ID_SIZE]]],
      'is no SID',
    ),
    { field: 'SecurityData.SecurityID', type: 'bytes', size: ID_SIZE },
    { padding: 4 },
    { field: 'SecurityData.EncryptionKey', type: 'bytes', size: 'SecurityHeader.EncryptionKeySize' },
    { padding: 4 },
    { field: 'SecurityData.Signature', type: 'bytes', size: 'SecurityHeader.SignatureSize' },
    { padding: 4 },
    { field: 'SecurityData.SenderCert', type: 'bytes', size: CERT_SIZE },
    { padding: 4 },
    {
      when: PROVIDER_SIZE,
      parts: [
        refuse('PROVIDER_INFO', PROVIDER_SIZE, ['<', PROVIDER_SIZE, 6], 'at least 6'),
        sizeRule('ProviderInfoSize'),
        { field: 'SecurityData.ProviderInfo.ProviderType', type: 'u32' },
        refuse('PROVIDER_INFO', PROVIDER_NAME, ['=', PROVIDER_NAME_SIZE, 0], 'not terminated'),
        { field: 'SecurityData.ProviderInfo.ProviderName', type: 'text', size: PROVIDER_NAME_SIZE },
        {
          field: 'SecurityData.ProviderInfo.Rest',
          type: 'bytes',
          size: ['-', PROVIDER_SIZE, ['+', 4, ['size', PROVIDER_NAME]]],
        },
      ],
    },
    { padding: 4 },
  ],
}

function sizeRule(size: string): Rule {
  const name = `SecurityHeader.${size}`
  return refuse('SECURITY_SIZE', name, ['>', name, ['left']], 'more than the packet has left')
}

/** What SecurityID means with ST 2. */
export const SENDER_QUEUE_MANAGER_LAYOUT: Structure = {
  structure: 'SecurityHeader',
  section: SECTION,
  inside: 'SecurityHeader.SecurityData.SecurityID',
  parts: [{ field: 'SecurityData.SecurityID.GUID', type: 'guid' }],
}

export interface ProviderInfo {
  providerType: number
  providerName: string
  /** Bytes inside ProviderInfoSize after the name's terminator. */
  rest: Buffer
}

export interface SecurityHeader {
  /** Raw, see {@link SECURITY_FLAGS}. */
  flags: number
  /** SID or GUID bytes by {@link SECURITY_FLAGS}.ST; empty when absent, as are the next three. Views. */
  securityId: Buffer
  encryptionKey: Buffer
  signature: Buffer
  senderCert: Buffer
  providerInfo: ProviderInfo | null
  /** Padding after each of the five items, little-endian; null when all zero. */
  paddings: readonly number[] | null
}

/** `MSMQ_DECODE_SECURITY_SIZE`, `MSMQ_DECODE_SENDER_ID`, `MSMQ_DECODE_PROVIDER_INFO`. */
export function decodeSecurityHeader(reader: ByteReader): SecurityHeader {
  reader.enter('SecurityHeader', SECTION)
  const start = reader.offset
  const flags = reader.u16('Flags')
  const senderIdSize = reader.u16('SenderIdSize')
  const encryptionKeySize = reader.u16('EncryptionKeySize')
  const signatureSize = reader.u16('SignatureSize')
  const senderCertSize = reader.u32('SenderCertSize')
  const providerInfoSize = reader.u32('ProviderInfoSize')
  checkSize(reader, 'SenderIdSize', senderIdSize, start + 2)
  checkSize(reader, 'EncryptionKeySize', encryptionKeySize, start + 4)
  checkSize(reader, 'SignatureSize', signatureSize, start + 6)
  if (senderCertSize > 0xffff) {
    reader.fail('MSMQ_DECODE_SECURITY_SIZE', 'SenderCertSize', `${senderCertSize}, at most 65535`, start + 8)
  }
  checkSize(reader, 'SenderCertSize', senderCertSize, start + 8)
  checkSize(reader, 'ProviderInfoSize', providerInfoSize, start + 12)
  checkSenderId(reader, flags, senderIdSize, start)

  const securityId = reader.view('SecurityData.SecurityID', senderIdSize)
  if ((flags & SECURITY_FLAGS.ST) === SENDER_ID_TYPE.SID) {
    const fault = sidFault(securityId)
    if (fault !== null) {
      reader.fail('MSMQ_DECODE_SENDER_ID', 'SecurityData.SecurityID', fault, start + SECURITY_HEADER_SIZE)
    }
  }
  const padding0 = reader.padding()
  const encryptionKey = reader.view('SecurityData.EncryptionKey', encryptionKeySize)
  const padding1 = reader.padding()
  const signature = reader.view('SecurityData.Signature', signatureSize)
  const padding2 = reader.padding()
  const senderCert = reader.view('SecurityData.SenderCert', senderCertSize)
  const padding3 = reader.padding()
  const providerInfo = providerInfoSize === 0 ? null : decodeProviderInfo(reader, providerInfoSize)
  const padding4 = reader.padding()
  return {
    flags,
    securityId,
    encryptionKey,
    signature,
    senderCert,
    providerInfo,
    paddings:
      (padding0 | padding1 | padding2 | padding3 | padding4) === 0
        ? null
        : [padding0, padding1, padding2, padding3, padding4],
  }
}

function checkSize(reader: ByteReader, field: string, size: number, offset: number): void {
  if (size > reader.remaining) {
    reader.fail('MSMQ_DECODE_SECURITY_SIZE', field, `${size} bytes needed, ${reader.remaining} left`, offset)
  }
}

function checkSenderId(reader: ByteReader, flags: number, senderIdSize: number, start: number): void {
  const type = flags & SECURITY_FLAGS.ST
  if (type > SENDER_ID_TYPE.QUEUE_MANAGER) {
    reader.fail('MSMQ_DECODE_SENDER_ID', 'Flags.ST', `${type}, must be 0, 1 or 2`, start)
  }
  if (type === SENDER_ID_TYPE.NONE && senderIdSize !== 0) {
    reader.fail('MSMQ_DECODE_SENDER_ID', 'SenderIdSize', `${senderIdSize}, must be 0 with ST 0`, start + 2)
  }
  if (type === SENDER_ID_TYPE.QUEUE_MANAGER && senderIdSize !== 16) {
    reader.fail('MSMQ_DECODE_SENDER_ID', 'SenderIdSize', `${senderIdSize}, must be 16 with ST 2`, start + 2)
  }
}

// The name ends at the first null; what follows it inside ProviderInfoSize is kept.
function decodeProviderInfo(reader: ByteReader, size: number): ProviderInfo {
  const start = reader.offset
  if (size < 6) {
    reader.fail('MSMQ_DECODE_PROVIDER_INFO', 'ProviderInfoSize', `${size} bytes, at least 6 needed`, start)
  }
  if (size > reader.remaining) {
    reader.fail('MSMQ_DECODE_SECURITY_SIZE', 'ProviderInfoSize', `${size} needed, ${reader.remaining} left`, start)
  }
  const providerType = reader.u32('SecurityData.ProviderInfo.ProviderType')
  const nameOffset = reader.offset
  const nameSize = wideTextSizeWithin(reader.bytes, nameOffset, size - 4)
  if (nameSize === 0 || cachedWideText(reader.bytes, nameOffset, nameSize) === null) {
    reader.fail('MSMQ_DECODE_PROVIDER_INFO', 'SecurityData.ProviderInfo.ProviderName', 'not terminated', nameOffset)
  }
  const providerName = reader.wideText('SecurityData.ProviderInfo.ProviderName', nameSize)
  return { providerType, providerName, rest: reader.view('SecurityData.ProviderInfo.Rest', size - 4 - nameSize) }
}

/** Bytes up to and with the first null character within `size` bytes; 0 when there is none. */
export function wideTextSizeWithin(bytes: Uint8Array, offset: number, size: number): number {
  for (let at = 0; at + 2 <= size; at += 2) {
    if ((bytes[offset + at]! | bytes[offset + at + 1]!) === 0) return at + 2
  }
  return 0
}

function sizeOfProviderInfo(info: ProviderInfo | null): number {
  return info === null ? 0 : 4 + 2 * (info.providerName.length + 1) + info.rest.length
}

export function sizeOfSecurityHeader(header: SecurityHeader): number {
  return (
    SECURITY_HEADER_SIZE +
    align4(header.securityId.length) +
    align4(header.encryptionKey.length) +
    align4(header.signature.length) +
    align4(header.senderCert.length) +
    align4(sizeOfProviderInfo(header.providerInfo))
  )
}

export function encodeSecurityHeader(writer: ByteWriter, header: SecurityHeader): void {
  writer.enter('SecurityHeader')
  writer.u16('Flags', header.flags)
  writer.u16('SenderIdSize', header.securityId.length)
  writer.u16('EncryptionKeySize', header.encryptionKey.length)
  writer.u16('SignatureSize', header.signature.length)
  if (header.senderCert.length > 0xffff) writer.refuse('SenderCertSize', `${header.senderCert.length}, at most 65535`)
  writer.u32('SenderCertSize', header.senderCert.length)
  writer.u32('ProviderInfoSize', sizeOfProviderInfo(header.providerInfo))
  const items = [header.securityId, header.encryptionKey, header.signature, header.senderCert]
  items.forEach((item, index) => {
    writer.view(item)
    writer.padding(header.paddings?.[index] ?? 0)
  })
  if (header.providerInfo !== null) {
    writer.u32('SecurityData.ProviderInfo.ProviderType', header.providerInfo.providerType)
    writer.wideText('SecurityData.ProviderInfo.ProviderName', header.providerInfo.providerName)
    writer.view(header.providerInfo.rest)
    writer.padding(header.paddings?.[4] ?? 0)
  }
}
