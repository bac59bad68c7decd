import { decodePacket, encodePacket } from '../protocol/binary/packet.js'
import { PacketFramer } from '../protocol/binary/packet-framer.js'
import { type Benchmark, type BenchmarkContext, interleave, sampleMs } from './benchmark.js'
import { createFigure, type Sample, type Verdict } from './figure.js'
import { monotonicUs } from './latency.js'
import { MIXES, type Mix, messagesOfMix } from './message-mix.js'

const MESSAGE_BYTES = 300
/** Different messages gone through in turns: 1.2 MB, more than the first caches hold. */
const MESSAGES = 4096
/** What a read from a socket brings. */
const CHUNK_BYTES = 65_536
const GOAL_PER_S = 1_500_000

/** Messages of one mix three ways: apart, one after another, and in chunks as a socket would give them. */
interface Material {
  readonly messages: readonly Buffer[]
  readonly chunks: readonly Buffer[]
  readonly messageIdSum: number
  readonly verdict: Verdict
}

/** Decoding of user messages of 300 bytes, every header and field of them, names and labels as strings, on one core.
 *  The ceiling is what any decoder must at least do: read every 32-bit word of the message once. */
export const decodeBenchmark: Benchmark = {
  name: 'decode',
  about: 'user messages of 300 bytes, headers complete, decoded on one core; ceiling: reading each word of them once',
  roles: [],
  run: async (context: BenchmarkContext) => {
    const durationMs = sampleMs(context, MIXES.length * 2 + 1)
    const figures = []
    for (const mix of MIXES) {
      context.note(`decode: ${mix.name}: ${mix.about}`)
      const material = prepare(mix, context.seed)
      // Everything runs once before it counts: the compiler must have seen each mix.
      for (const pass of [readWords, decodeEach, frameAndDecode]) pass(material)
      const samples = await interleave(context.repetitions, {
        words: async () => measure(material, readWords, durationMs),
        decode: async () => measure(material, decodeEach, durationMs),
        frame: async () => measure(material, frameAndDecode, durationMs),
      })
      const ceiling = { name: 'each word read', samples: samples.words }
      const unit = 'messages/s'
      const goal = { at: 'least', of: 'value', value: GOAL_PER_S } as const
      figures.push(
        createFigure({ benchmark: 'decode', name: mix.name, unit, samples: samples.decode, ceiling, goal }),
        createFigure({ benchmark: 'decode', name: `${mix.name}, framed`, unit, samples: samples.frame, ceiling }),
      )
    }
    return { figures, skipped: [] }
  },
}

function prepare(mix: Mix, seed: number): Material {
  const messages = messagesOfMix(mix, { count: MESSAGES, messageBytes: MESSAGE_BYTES, seed })
  const stream = Buffer.concat(messages)
  const views: Buffer[] = []
  let messageIdSum = 0
  let same = 0
  for (let index = 0; index < messages.length; index++) {
    const view = stream.subarray(index * MESSAGE_BYTES, (index + 1) * MESSAGE_BYTES)
    views.push(view)
    const packet = decodePacket(view)
    if (packet.packetType === 'UserMessage') messageIdSum += packet.user.messageId
    if (encodePacket(packet).equals(view)) same += 1
  }
  const chunks: Buffer[] = []
  for (let offset = 0; offset < stream.length; offset += CHUNK_BYTES) {
    chunks.push(stream.subarray(offset, offset + CHUNK_BYTES))
  }
  const ok = same === messages.length
  const says = ok ? 'encoded again, all the same bytes' : `${messages.length - same} messages encode to other bytes`
  return { messages: views, chunks, messageIdSum, verdict: { ok, says, counts: {} } }
}

/** One pass over all messages; returns the sum of their message ids, so that no work can be left out unnoticed. */
type Pass = (material: Material) => number

const decodeEach: Pass = ({ messages }) => {
  let sum = 0
  for (const message of messages) {
    const packet = decodePacket(message)
    if (packet.packetType === 'UserMessage') sum += packet.user.messageId
  }
  return sum
}

const frameAndDecode: Pass = ({ chunks }) => {
  const framer = new PacketFramer()
  let sum = 0
  const onPacket = (bytes: Buffer) => {
    const packet = decodePacket(bytes)
    if (packet.packetType === 'UserMessage') sum += packet.user.messageId
  }
  for (const chunk of chunks) framer.push(chunk, onPacket)
  return sum
}

/** UserHeader.MessageID, fixed in every user message. */
const MESSAGE_ID_OFFSET = 56
/** Where the word loop puts its sum, so that the loop has an effect. */
let wordSum = 0

const readWords: Pass = ({ messages }) => {
  let sum = 0
  let words = 0
  for (const message of messages) {
    for (let offset = 0; offset < MESSAGE_BYTES; offset += 4) {
      const word =
        message[offset]! | (message[offset + 1]! << 8) | (message[offset + 2]! << 16) | (message[offset + 3]! << 24)
      words = (words + word) | 0
      if (offset === MESSAGE_ID_OFFSET) sum += word >>> 0
    }
  }
  wordSum = (wordSum + words) | 0
  return sum
}

/** Messages per second of processor time. All threads of the process count, those of the garbage collector too, so this
 *  is never more than the wall clock would show on an idle machine, and no less on a busy one. */
function measure(material: Material, pass: Pass, durationMs: number): Sample {
  const endUs = monotonicUs() + durationMs * 1000
  const before = process.cpuUsage()
  let passes = 0
  let good = 0
  do {
    if (pass(material) === material.messageIdSum) good += 1
    passes += 1
  } while (monotonicUs() < endUs)
  const { user, system } = process.cpuUsage(before)
  const count = material.messages.length
  const { verdict } = material
  return {
    value: (passes * count * 1e6) / (user + system),
    verdict: {
      ok: verdict.ok && good === passes,
      says: good === passes ? verdict.says : `${passes - good} passes lost messages`,
      counts: { decoded: good * count },
    },
  }
}
