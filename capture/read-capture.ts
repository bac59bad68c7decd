import type { Readable } from 'node:stream'
import { FrameReading } from './files/frame-reading.js'
import type { FileReport } from './files/reading-report.js'
import type { MessageCounts } from './messages/message-counts.js'
import { MessageStreams } from './messages/message-streams.js'
import type { SeenSink } from './messages/seen.js'
import type { PacketCounts } from './packets/packet-counts.js'
import { TcpStreams } from './tcp/tcp-streams.js'

/** Progress is told no more often than this. */
const PROGRESS_EVERY_MS = 100

export interface ReadCaptureOptions {
  /** What `-` stands for. By default the process's standard input. */
  readonly stdin?: Readable
  /** Packets with wrong checksums are read as if they were right; else those that were damaged are left out. */
  readonly ignoreChecksums?: boolean
  /** Bytes of the files, as they lie on disk; `bytesTotal` is null where nobody knows, as with standard input. */
  readonly onProgress?: (bytesRead: number, bytesTotal: number | null) => void
}

/** What was read, and what could not be. */
export interface CaptureReading {
  /** In the order given, with what is wrong with each. */
  readonly files: readonly FileReport[]
  /** Of the files, as they lie on disk. */
  readonly bytes: number
  /** Microseconds since 1970 of the earliest and the latest frame; null without one. */
  readonly period: { readonly firstUs: number; readonly lastUs: number } | null
  readonly packets: PacketCounts
  /** TCP connections of any kind. */
  readonly connections: number
  readonly messages: MessageCounts
}

/**
 * Reads captures from the first frame to the last, in the order of time over all files, and tells `sink` everything in
 * them that has to do with MSMQ. Nothing in a file makes it throw: what could not be read is in the result.
 * @param inputs names of files; `-` is standard input
 */
export async function readCapture(
  inputs: readonly string[],
  sink: SeenSink,
  { stdin, ignoreChecksums = false, onProgress }: ReadCaptureOptions = {},
): Promise<CaptureReading> {
  const names = (address: string, known: readonly string[]) => sink.names(address, known)
  const reading = new FrameReading(inputs, { names, ...(stdin && { stdin }) })
  const messages = new MessageStreams(sink)
  const streams = new TcpStreams(messages, (from, to, bytes, frame) => messages.datagram(from, to, bytes, frame), {
    ignoreChecksums,
    onDamaged: frame => sink.damaged(frame),
  })
  const bytesTotal = onProgress === undefined ? null : await reading.bytesTotal()
  let toldMs = performance.now()
  let firstUs = Number.POSITIVE_INFINITY
  let lastUs = Number.NEGATIVE_INFINITY
  for await (const batch of reading) {
    for (const frame of batch) {
      const { timeUs } = frame.ref
      if (timeUs < firstUs) firstUs = timeUs
      if (timeUs > lastUs) lastUs = timeUs
      streams.frame(frame)
    }
    if (onProgress === undefined || performance.now() - toldMs < PROGRESS_EVERY_MS) continue
    onProgress(reading.bytesRead, bytesTotal)
    toldMs = performance.now()
  }
  streams.finish()
  return {
    files: reading.report.files,
    bytes: reading.bytesRead,
    period: firstUs > lastUs ? null : { firstUs, lastUs },
    packets: streams.counts,
    connections: streams.connectionCount,
    messages: messages.counts,
  }
}
