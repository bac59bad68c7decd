import { type ByteSource, ResumedSource } from './byte-source.js'
import { GzipSource } from './gzip-source.js'
import { ZstdSource } from './zstd-source.js'

const GZIP_MAGIC = 0x1f8b
const ZSTD_MAGIC = 0x28b52ffd
/** Frames of zstd that carry something else may come first; `?` is four free bits: `?x` 2A 4D 18. */
const SKIPPABLE = 0x502a4d18

/** The source itself, or what comes out of it: told by its first bytes, not by its name. */
export async function decompressed(source: ByteSource): Promise<ByteSource> {
  const head = Buffer.alloc(4)
  let length = 0
  while (length < head.length) {
    const size = await source.read(head.subarray(0, head.length), length)
    if (size === 0) break
    length += size
  }
  const whole = new ResumedSource(source, head.subarray(0, length))
  if (length >= 2 && head.readUInt16BE(0) === GZIP_MAGIC) return new GzipSource(whole)
  const magic = head.readUInt32BE(0)
  if (magic === ZSTD_MAGIC || (magic & 0xf0ffffff) >>> 0 === SKIPPABLE) return new ZstdSource(whole)
  return whole
}
