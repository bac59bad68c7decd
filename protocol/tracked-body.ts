/* mqlab's own application payload, at the start of a message body. It is no part of MSMQ: the ledgers recognise by it
 * which message of which sender arrived where. Little-endian.
 *    0  4  magic "mqlb"           20  2  queueIndex
 *    4  1  version 1              22  2  reserved
 *    5  1  reserved               24  8  intendedSendUs, IEEE double
 *    6  2  sender                 32  4  bodySize, whole body in bytes
 *    8  4  number, 1..            36  4  check, FNV-1a of bytes 0..35
 *   12  4  transaction, 0 = none  40     filler
 *   16  2  indexInTransaction
 *   18  2  transactionSize */

export const TRACKED_BODY_SIZE = 40
const MAGIC = 0x626c716d
const VERSION = 1
const CHECK_OFFSET = 36

export interface TrackedBody {
  sender: number
  /** 1.. within the sender. */
  number: number
  /** 1.. within the sender; 0 outside transactions. */
  transaction: number
  /** From 0. */
  indexInTransaction: number
  transactionSize: number
  /** Which of the workload's queues it was sent to. */
  queueIndex: number
  /** When the workload meant to send it: microseconds of the monotonic clock all processes of the machine share. */
  intendedSendUs: number
  /** Bytes of the whole body, this part and the filler. */
  bodySize: number
}

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)

/** Writes {@link TRACKED_BODY_SIZE} bytes at `offset`. */
export function writeTrackedBody(bytes: Buffer, offset: number, value: TrackedBody): void {
  put32(bytes, offset, MAGIC)
  bytes[offset + 4] = VERSION
  bytes[offset + 5] = 0
  put16(bytes, offset + 6, value.sender)
  put32(bytes, offset + 8, value.number)
  put32(bytes, offset + 12, value.transaction)
  put16(bytes, offset + 16, value.indexInTransaction)
  put16(bytes, offset + 18, value.transactionSize)
  put16(bytes, offset + 20, value.queueIndex)
  put16(bytes, offset + 22, 0)
  double[0] = value.intendedSendUs
  for (let i = 0; i < 8; i++) bytes[offset + 24 + i] = doubleBytes[i]!
  put32(bytes, offset + 32, value.bodySize)
  put32(bytes, offset + CHECK_OFFSET, checkOf(bytes, offset))
}

/** What a body says of a message that belongs to no transaction, and to no queue and no time in particular. */
const ALONE = { transaction: 0, indexInTransaction: 0, transactionSize: 1, queueIndex: 0, intendedSendUs: 0 }

/** A whole body, `bodySize` bytes (at least {@link TRACKED_BODY_SIZE}), with its filler. */
export function createTrackedBody(
  identity: Pick<TrackedBody, 'sender' | 'number' | 'bodySize'> & Partial<TrackedBody>,
): Buffer {
  const body = Buffer.allocUnsafe(identity.bodySize)
  writeTrackedBody(body, 0, { ...ALONE, ...identity })
  fillTrackedFiller(body, TRACKED_BODY_SIZE, identity.number)
  return body
}

/** Null when the body is not ours: too short, another magic or version, or the check fails. */
export function readTrackedBody(body: Buffer): TrackedBody | null {
  if (body.length < TRACKED_BODY_SIZE || get32(body, 0) !== MAGIC || body[4] !== VERSION) return null
  if (get32(body, CHECK_OFFSET) !== checkOf(body, 0)) return null
  for (let i = 0; i < 8; i++) doubleBytes[i] = body[24 + i]!
  return {
    sender: get16(body, 6),
    number: get32(body, 8),
    transaction: get32(body, 12),
    indexInTransaction: get16(body, 16),
    transactionSize: get16(body, 18),
    queueIndex: get16(body, 20),
    intendedSendUs: double[0]!,
    bodySize: get32(body, 32),
  }
}

// Filler is cut from one table at a place that depends on the message, so a body that was mixed up with another's or
// torn shows, at the cost of a memory copy.
const FILLER_STEP = 4096
const FILLER = makeFiller(FILLER_STEP * 16)

function makeFiller(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let state = 0x2545f491
  for (let i = 0; i < size; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return bytes
}

/** Fills `bytes` from `from` to its end with bytes that follow from `number`. */
export function fillTrackedFiller(bytes: Buffer, from: number, number: number): void {
  let source = fillerStart(number)
  let at = from
  while (at < bytes.length) {
    at += FILLER.copy(bytes, at, source)
    source = 0
  }
}

/** Are the bytes from `from` on those that {@link fillTrackedFiller} wrote? */
export function verifyFiller(bytes: Buffer, from: number, number: number): boolean {
  let source = fillerStart(number)
  let at = from
  while (at < bytes.length) {
    const size = Math.min(bytes.length - at, FILLER.length - source)
    if (FILLER.compare(bytes, at, at + size, source, source + size) !== 0) return false
    at += size
    source = 0
  }
  return true
}

function fillerStart(number: number): number {
  return (Math.imul(number, 0x9e3779b1) >>> 8) % FILLER_STEP
}

function checkOf(bytes: Buffer, offset: number): number {
  let hash = 0x811c9dc5
  for (let i = offset; i < offset + CHECK_OFFSET; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}

function put16(bytes: Buffer, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
}

function put32(bytes: Buffer, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
}

function get16(bytes: Buffer, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8)
}

function get32(bytes: Buffer, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}
