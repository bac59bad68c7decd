import type { SrmpMessage } from '../protocol/srmp/message.js'
import { decodeSrmpRequest, encodeSrmpRequest } from '../protocol/srmp/request.js'
import { type Benchmark, interleave, sampleMs } from './benchmark.js'
import { createFigure, type Sample, type Verdict } from './figure.js'
import { monotonicUs } from './latency.js'
import { processorUs } from './processor.js'
import { type PostedRequest, srmpMessages, srmpRequests } from './srmp-requests.js'

const BODY_BYTES = 1024
/** Different messages gone through in turns: some 2 MB of requests. */
const MESSAGES = 1024
const HOST = 'benchmark.example'
const CEILING = 'bytes looked through'

interface Material {
  readonly messages: readonly SrmpMessage[]
  readonly requests: readonly PostedRequest[]
  readonly verdict: Verdict
}

/** SRMP requests of a body of 1 KB, decoded and encoded on one core. The ceiling is what any decoder must at least do:
 *  look through the request's bytes once, here with the runtime's own search for what is not there. */
export const srmpCodecBenchmark: Benchmark = {
  name: 'srmp-codec',
  about: 'SRMP requests with a body of 1 KB decoded and encoded on one core; ceiling: looking through their bytes',
  roles: [],
  run: async context => {
    const figures = []
    for (const transactional of [false, true]) {
      const material = prepare(transactional)
      const durationMs = sampleMs(context, 6)
      for (const pass of [search, decode, encode]) pass(material)
      const samples = await interleave(context.repetitions, {
        search: async () => measure(material, search, durationMs),
        decode: async () => measure(material, decode, durationMs),
        encode: async () => measure(material, encode, durationMs),
      })
      const ceiling = { name: CEILING, samples: samples.search }
      const kind = transactional ? 'stream message' : 'recoverable message'
      const about = { benchmark: 'srmp-codec', unit: 'requests/s', ceiling }
      figures.push(
        createFigure({ ...about, name: `decoding a ${kind}`, samples: samples.decode }),
        createFigure({ ...about, name: `encoding a ${kind}`, samples: samples.encode }),
      )
    }
    return { figures, skipped: [], remarks: ['rates per second of processor time, as those of decode'] }
  },
}

/** Decoded and encoded again, a request must be the same bytes. */
function prepare(transactional: boolean): Material {
  const shape = { count: MESSAGES, bodyBytes: BODY_BYTES, host: HOST, transactional }
  const messages = srmpMessages(shape)
  const requests = srmpRequests(shape)
  let same = 0
  for (const [index, { target, headers, body }] of requests.entries()) {
    const message = decodeSrmpRequest({ method: 'POST', target, headers, body: [body] })
    const again = encodeSrmpRequest(message, { host: HOST, target, boundary: index + 1 })
    if (Buffer.concat(again.body).equals(body)) same += 1
  }
  const ok = same === MESSAGES
  const says = ok ? 'encoded again, all the same bytes' : `${MESSAGES - same} requests encode to other bytes`
  return { messages, requests, verdict: { ok, says, counts: {} } }
}

/** One pass over all; returns the sum of the body bytes seen, so that no work can be left out unnoticed. */
type Pass = (material: Material) => number

const search: Pass = ({ requests }) => {
  let sum = 0
  for (const { body } of requests) if (body.indexOf('\u0000mqlab') < 0) sum += BODY_BYTES
  return sum
}

const decode: Pass = ({ requests }) => {
  let sum = 0
  for (const { target, headers, body } of requests)
    sum += decodeSrmpRequest({ method: 'POST', target, headers, body: [body] }).body?.bytes.length ?? 0
  return sum
}

const encode: Pass = ({ messages }) => {
  let sum = 0
  for (const [index, message] of messages.entries())
    sum += encodeSrmpRequest(message, {
      host: HOST,
      target: '/msmq/private$/benchmark',
      boundary: index + 1,
    }).bodyLength
  return sum
}

function measure(material: Material, pass: Pass, durationMs: number): Sample {
  const endUs = monotonicUs() + durationMs * 1000
  const fromUs = processorUs()
  let passes = 0
  let good = 0
  do {
    if (pass(material) === MESSAGES * BODY_BYTES) good += 1
    passes += 1
  } while (monotonicUs() < endUs)
  const { verdict } = material
  return {
    value: (passes * MESSAGES * 1e6) / (processorUs() - fromUs),
    verdict: {
      ok: verdict.ok && good === passes,
      says: good === passes ? verdict.says : `${passes - good} passes lost bodies`,
      counts: { requests: good * MESSAGES },
    },
  }
}
