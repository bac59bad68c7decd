import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Command, Option } from 'commander'
import { fieldRows, formatFieldRows } from '../protocol/binary/field-table.js'
import { flatFields, flatPing, nestFields } from '../protocol/binary/flat.js'
import type { FlatFields } from '../protocol/binary/flat-fields.js'
import { decodePacket } from '../protocol/binary/packet.js'
import { PacketFramer } from '../protocol/binary/packet-framer.js'
import { decodePing } from '../protocol/binary/ping.js'
import { DecodeError } from '../protocol/errors.js'
import { decodeSrmp } from './decode-srmp.js'
import { EXIT_COULD_NOT_RUN, fail, writeText } from './output.js'

/* `mqlab decode`: bytes in, one result per packet out, in the order of the input. A malformed packet becomes an error
 * object in its place and the rest goes on; the exit code then is 2. */

interface DecodeOptions {
  flat?: true
  table?: true
  ping?: true
  stream?: true
  srmp?: true
  json?: true
}

interface InputOptions extends DecodeOptions {
  /** What errors name: the file that this is one of several. */
  readonly file?: string
}

export function decodeCommand(): Command {
  return new Command('decode')
    .description(
      'decode MSMQ packets, one line of hexadecimal text each, or HTTP messages: one JSON object for each out',
    )
    .argument('[file...]', 'text files, - for standard input', ['-'])
    .addOption(new Option('--flat', 'dotted field names in one flat object').conflicts('table'))
    .addOption(new Option('--table', 'a listing of offset, size, field and value'))
    .addOption(new Option('--ping', 'the lines are UDP ping datagrams').conflicts('stream'))
    .addOption(new Option('--stream', 'the input is one TCP direction: hexadecimal text or raw bytes'))
    .addOption(
      new Option('--srmp', 'the files hold SRMP: raw HTTP requests and responses, or XML of an envelope').conflicts([
        'flat',
        'table',
        'ping',
        'stream',
      ]),
    )
    .option('--json', 'JSON output: the default, and with --table its rows')
    .addHelpText(
      'after',
      '\nBlank lines and lines that start with # are skipped; blanks inside a line are ignored. Of several files, errors name theirs.',
    )
    .addHelpText('after', 'Exit code 0: all decoded. 2: a line was malformed, or the file cannot be read.')
    .action(decode)
}

async function decode(files: readonly string[], options: DecodeOptions): Promise<void> {
  for (const file of files) await decodeFile(file, { ...options, ...(files.length > 1 && { file }) })
}

async function decodeFile(file: string, options: InputOptions): Promise<void> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    const malformed = await decodeInput(input, options)
    if (malformed > 0) process.exitCode = EXIT_COULD_NOT_RUN
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    fail(`cannot read ${file}: ${(error as Error).message}; name a readable file, or - for standard input`)
  }
}

/** How many packets or messages were malformed. */
async function decodeInput(input: Readable, options: InputOptions): Promise<number> {
  if (options.srmp) return await decodeHttp(await bytesOf(input), options)
  return options.stream ? await decodeStream(await readAll(input), options) : await decodeLines(input, options)
}

async function decodeHttp(bytes: Buffer, { file }: InputOptions): Promise<number> {
  let malformed = 0
  for (const result of decodeSrmp(bytes)) {
    const isMalformed = result instanceof DecodeError
    if (isMalformed) malformed++
    await writeText(`${isMalformed ? errorText(result, { file }) : JSON.stringify(result)}\n`)
  }
  return malformed
}

async function decodeLines(input: Readable, options: InputOptions): Promise<number> {
  let malformed = 0
  let lineNumber = 0
  const failed = failureOf(input)
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    lineNumber++
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    let result: string
    try {
      result = render(parseHexLine(text, lineNumber), options)
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof HexError)) throw error
      malformed++
      result = errorText(error, { file: options.file })
    }
    await writeText(`${result}\n`)
  }
  // readline ends quietly when its input fails.
  const failure = failed()
  if (failure !== null) throw failure
  return malformed
}

function failureOf(input: Readable): () => Error | null {
  let failure: Error | null = null
  input.once('error', error => {
    failure = error
  })
  return () => failure
}

async function decodeStream(bytes: Buffer, options: InputOptions): Promise<number> {
  const packets: Buffer[] = []
  const framer = new PacketFramer()
  let fault: DecodeError | null = null
  try {
    framer.push(bytes, packet => packets.push(packet))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    fault = error
  }
  let malformed = 0
  let offset = 0
  for (const packet of packets) {
    let result: string
    try {
      result = render(packet, options, offset)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      malformed++
      result = errorText(error, { file: options.file, Offset: offset })
    }
    offset += packet.length
    await writeText(`${result}\n`)
  }
  if (fault === null && framer.bytesHeld > 0) {
    const what = `the stream ends ${framer.bytesHeld} bytes into a packet`
    fault = new DecodeError('MSMQ_DECODE_TRUNCATED', 'BaseHeader', 'PacketSize', 8, '[MS-MQMQ] 2.2.19.1', what)
  }
  if (fault !== null) {
    malformed++
    await writeText(`${errorText(fault, { file: options.file, Offset: offset })}\n`)
  }
  return malformed
}

function render(bytes: Buffer, options: DecodeOptions, offset?: number): string {
  if (options.table) {
    const rows = fieldRows(bytes, options.ping)
    if (!options.json) return `${formatFieldRows(rows)}\n`
    return JSON.stringify(
      rows.map(row => ({ ...row, value: Buffer.isBuffer(row.value) ? row.value.toString('hex') : row.value })),
    )
  }
  const flat: FlatFields = options.ping ? flatPing(decodePing(bytes)) : flatFields(decodePacket(bytes))
  if (offset !== undefined) flat.Offset = offset
  return JSON.stringify(options.flat ? flat : nestFields(flat))
}

// A line that is no hexadecimal text never reaches a decoder.
class HexError extends Error {
  readonly code = 'MSMQ_DECODE_HEX'
}

function parseHexLine(text: string, lineNumber: number): Buffer {
  const digits = text.replace(/\s+/g, '')
  if (!/^[0-9a-f]*$/i.test(digits)) throw new HexError(`line ${lineNumber}: not hexadecimal text`)
  if (digits.length % 2 !== 0) throw new HexError(`line ${lineNumber}: an odd number of hexadecimal digits`)
  return Buffer.from(digits, 'hex')
}

/** @param at where: the file, if there are several; `Offset` in a stream. */
function errorText(error: DecodeError | HexError, at: { file?: string | undefined; Offset?: number }): string {
  const { code, message } = error
  const place =
    error instanceof DecodeError
      ? { structure: error.structure, field: error.field, offset: error.offset, section: error.section }
      : { structure: null, field: null, offset: null, section: null }
  return JSON.stringify({ ...at, error: { code, ...place, message } })
}

async function readAll(input: Readable): Promise<Buffer> {
  const bytes = await bytesOf(input)
  return hexTextBytes(bytes) ?? bytes
}

async function bytesOf(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of input) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
}

// A packet's first byte is 0x10, which no text holds, so a stream cannot be taken for hexadecimal text.
function hexTextBytes(bytes: Buffer): Buffer | null {
  if (bytes[0] === 0x10) return null
  const digits = bytes
    .toString('latin1')
    .split('\n')
    .filter(line => !line.trimStart().startsWith('#'))
    .join('')
    .replace(/\s+/g, '')
  return /^(?:[0-9a-f]{2})*$/i.test(digits) ? Buffer.from(digits, 'hex') : null
}
