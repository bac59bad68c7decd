import type { ByteSource } from './byte-source.js'

/** The source itself, or what comes out of it, told by its first bytes, not by its name. */
export async function decompressed(source: ByteSource): Promise<ByteSource> {
  return source
}
