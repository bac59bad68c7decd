import { crc32 } from 'node:zlib'
import { Decoder, Encoder } from '@msgpack/msgpack'

/* Values on disk are msgpack (https://msgpack.org) of what the queue manager gave. */

const encoder = new Encoder()
const decoder = new Decoder()

/** The bytes are overwritten by the next call: copy them at once. */
export function encodeShared(value: unknown): Uint8Array {
  return encoder.encodeSharedRef(value)
}

/** Bytes inside the value are views into `bytes`. */
export function decodeValue(bytes: Uint8Array): unknown {
  return decoder.decode(bytes)
}

/** Bytes of a checksum, at the start of everything that is stored. */
export const CHECKSUM_BYTES = 4

/** Puts the checksum of a record in its first four bytes. It covers the key too: a record in another's place is wrong. */
export function seal(key: Uint8Array, record: Buffer): Buffer {
  record.writeUInt32LE(checksum(key, record), 0)
  return record
}

/** Whether the record is the one that was sealed under that key. */
export function isIntact(key: Uint8Array, record: Buffer): boolean {
  return record.length >= CHECKSUM_BYTES && record.readUInt32LE(0) === checksum(key, record)
}

function checksum(key: Uint8Array, record: Buffer): number {
  return crc32(record.subarray(CHECKSUM_BYTES), crc32(key))
}
