import { sleep } from './benchmark.js'
import type { Sample, Verdict } from './figure.js'
import type { StartRole } from './processes.js'
import type { Address } from './roles/address.js'
import type { AnsweredCount } from './roles/http-answerer.js'
import type { PostedTotals } from './roles/http-poster.js'

/** What HTTP itself costs in Node: `undici` posts requests of SRMP that were built before, a bare `node:http` server reads
 *  each to its end and answers 200. As many connections and as many requests under way on each as the subject has. */
export interface HttpCeiling {
  readonly answererAt: Address
  /** Straight, or with whatever listens at `via` between. */
  sample(durationMs: number, depth: number, via?: Address): Promise<Sample>
}

export interface HttpCeilingOptions {
  readonly posterAddress: string
  readonly answererAddress: string
  readonly bodyBytes: number
  readonly connections: number
}

/** Head of each sample that is not counted. */
const WARM_UP_SHARE = 0.15

export async function startHttpCeiling(start: StartRole, options: HttpCeilingOptions): Promise<HttpCeiling> {
  const { posterAddress, answererAddress, bodyBytes, connections } = options
  const answerer = await start('http-answerer', { address: answererAddress })
  const poster = await start('http-poster', { address: posterAddress, bodyBytes })
  const answererAt = await answerer.call('listening')
  return {
    answererAt,
    sample: async (durationMs, depth, via = answererAt) => {
      const before = await answerer.call('count')
      await poster.call('start', { to: via, connections, depth })
      await sleep(durationMs * WARM_UP_SHARE)
      const [from, fromUs] = await Promise.all([answerer.call('count'), poster.call('processorUs')])
      await sleep(durationMs)
      const [to, toUs] = await Promise.all([answerer.call('count'), poster.call('processorUs')])
      const posted = await poster.call('finish')
      const after = await answerer.call('count')
      const requests = to.requests - from.requests
      return {
        value: (requests * 1e6) / (to.atUs - from.atUs),
        cost: { sendUs: (toUs - fromUs) / requests, receiveUs: (to.processorUs - from.processorUs) / requests },
        verdict: judgeAnswers(posted, before, after),
      }
    },
  }
}

/** Every post answered 200, every request whole, no byte of a body missing. */
function judgeAnswers(posted: PostedTotals, before: AnsweredCount, after: AnsweredCount): Verdict {
  const delivered = after.requests - before.requests
  const bodyBytes = after.bodyBytes - before.bodyBytes
  const ok =
    posted.requests > 0 &&
    posted.statuses[200] === posted.requests &&
    delivered === posted.requests &&
    bodyBytes === posted.bodyBytes
  const says = ok
    ? 'every request arrived whole and was answered 200'
    : `${posted.requests} posted, statuses ${JSON.stringify(posted.statuses)}, ${delivered} arrived, ` +
      `${bodyBytes} of ${posted.bodyBytes} bytes`
  return { ok, says, counts: { sent: posted.requests, delivered } }
}
