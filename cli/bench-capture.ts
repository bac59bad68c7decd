import { InvalidArgumentError } from 'commander'
import { DEFAULT_TRAFFIC, generateCapture } from '../benchmarks/capture-generator.js'
import { fail, writeJson } from './output.js'

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 }
const SIZE_MAX = 1e12

/** Bytes of such as `200MB` or `1.5GB`, decimal. */
export function captureSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KB|MB|GB)$/i.exec(text)
  const bytes = match === null ? 0 : Math.round(Number(match[1]) * UNITS[match[2]!.toUpperCase()]!)
  if (bytes < 1 || bytes > SIZE_MAX) throw new InvalidArgumentError('It must be such as 200MB or 4GB, at most 1000GB.')
  return bytes
}

/** Writes the capture that `mqlab bench diagnose` measures, and prints what is in it. */
export async function generateCaptureFile(path: string, bytes: number, seed: number): Promise<void> {
  const format = path.endsWith('.pcap') ? 'pcap' : path.endsWith('.pcapng') ? 'pcapng' : null
  if (format === null) return fail(`--generate ${path}: the name must end in .pcap or .pcapng`)
  await writeJson(generateCapture(path, { ...DEFAULT_TRAFFIC, format, bytes, seed }))
}
