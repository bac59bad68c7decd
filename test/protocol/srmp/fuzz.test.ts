import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { DecodeError } from '../../../protocol/errors.js'
import { srmpFields } from '../../../protocol/srmp/fields.js'
import { decodeSrmpFragment } from '../../../protocol/srmp/fragment.js'
import { parseRawResponse } from '../../../protocol/srmp/http-head.js'
import {
  decodeSpelledRequest,
  decodeSrmpRequest,
  encodeSrmpRequest,
  kindOf,
  parseRawRequest,
  renderRawRequest,
} from '../../../protocol/srmp/request.js'
import { arbitrarySrmpMessage } from '../../fixtures/arbitrary-srmp.js'
import { createRandom, mutate } from '../../fixtures/mutations.js'
import { SRMP_VECTORS, vectorBytes } from '../../fixtures/srmp-vectors.js'
import { SUITE_SEED } from '../../fixtures/suite-seed.js'
import { mutateText } from '../../fixtures/text-mutations.js'

const options = { host: 'farm:8080', target: '/msmq/private$/Orders', boundary: 5 }

t.test('a message written is the message read, and is written the same again', async t => {
  fc.assert(
    fc.property(arbitrarySrmpMessage, message => {
      const raw = renderRawRequest({ method: 'POST', ...encodeSrmpRequest(message, options) })
      const { request, rest } = parseRawRequest(raw)
      const decoded = decodeSrmpRequest(request)
      const again = renderRawRequest({ method: 'POST', ...encodeSrmpRequest(decoded, options) })
      kindOf(decoded)
      return rest.length === 0 && isDeepStrictEqual(decoded, message) && again.equals(raw)
    }),
    { seed: SUITE_SEED, numRuns: 1000 },
  )
  t.pass('1000 messages')
})

const MUTANTS = Number(process.env.MQLAB_MUTANTS ?? 10_000)

/** Feeds mutants; whatever is thrown but DecodeError fails, with the seed. */
function feed(name: string, take: (random: (below: number) => number, round: number) => void): void {
  t.test(name, async t => {
    const random = createRandom(SUITE_SEED)
    let refused = 0
    let taken = 0
    for (let round = 0; round < MUTANTS; round++) {
      try {
        take(random, round)
        taken++
      } catch (error) {
        if (!(error instanceof DecodeError))
          throw new Error(`seed ${SUITE_SEED}, round ${round}: ${error}`, { cause: error })
        if (!error.code.startsWith('MSMQ_DECODE_SRMP_'))
          throw new Error(`seed ${SUITE_SEED}, round ${round}: ${error.code}`)
        refused++
      }
    }
    t.ok(refused > 0 && taken > 0, `seed ${SUITE_SEED}: ${taken} taken, ${refused} refused`)
  })
}

const requests = SRMP_VECTORS.filter(one => one.type === 'request').map(vectorBytes)

function damaged(source: Buffer, random: (below: number) => number): Buffer {
  if (random(2) === 0) return mutate(source, random)
  return Buffer.from(mutateText(source.toString('latin1'), random), 'latin1')
}

feed('mutated requests are messages or DecodeErrors', (random, round) => {
  const source = requests[random(requests.length)]!
  // The whole request, or its body with a head that fits.
  const whole = parseRawRequest(round % 4 === 0 ? damaged(source, random) : source).request
  const request = round % 4 === 0 ? whole : { ...whole, body: [damaged(Buffer.concat(whole.body), random)] }
  const { message, spelling } = decodeSpelledRequest(request)
  JSON.stringify(srmpFields(message, spelling))
  // What was taken can be written, and is taken again as the same.
  const again = renderRawRequest({ method: 'POST', ...encodeSrmpRequest(message, options) })
  const second = decodeSrmpRequest(parseRawRequest(again).request)
  const { signature: _, ...rest } = message
  if (!isDeepStrictEqual({ ...rest, signature: second.signature }, second)) {
    throw new Error(`${JSON.stringify(message)} became ${JSON.stringify(second)}`)
  }
})

feed('mutated envelopes', (random, round) => {
  const { request } = parseRawRequest(requests[random(requests.length)]!)
  const text = Buffer.concat(request.body).toString('latin1')
  const envelope = text.slice(text.indexOf('<se:'), text.indexOf('</se:Envelope>') + 14)
  const mutant = round % 3 === 0 ? mutate(Buffer.from(envelope), random) : Buffer.from(mutateText(envelope, random))
  JSON.stringify(decodeSrmpFragment(mutant))
})

feed('mutated heads', random => {
  const head = 'HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  parseRawResponse(Buffer.from(mutateText(head, random)))
})
