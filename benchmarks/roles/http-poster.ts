import { Client } from 'undici'
import { processorUs } from '../processor.js'
import { type PostedRequest, srmpRequests } from '../srmp-requests.js'
import type { Address } from './address.js'

export interface PostRun {
  readonly to: Address
  readonly connections: number
  /** Requests under way on each connection. */
  readonly depth: number
}

export interface PostedTotals {
  readonly requests: number
  readonly bodyBytes: number
  /** Answers by status; what came to nothing counts as 0. */
  readonly statuses: Readonly<Record<number, number>>
}

export interface HttpPosterOptions {
  readonly address: string
  readonly bodyBytes: number
}

/** Different requests that are posted in turn. */
const REQUESTS = 1024

/** Posts requests of SRMP that were built before, with `undici` as it comes, as fast as they are answered. */
export function startHttpPoster({ address, bodyBytes }: HttpPosterOptions) {
  const requests = srmpRequests({ count: REQUESTS, bodyBytes, host: 'benchmark.example', transactional: true })
  const prepared = requests.map(({ target, headers, body }) => ({ path: target, headers: headers.flat(), body }))
  let posting: Posting | null = null
  return {
    start: (run: PostRun): void => {
      posting = new Posting(run, address, prepared)
    },
    processorUs,
    /** Posts no more; resolves when all that was posted is answered and the connections are closed. */
    finish: async (): Promise<PostedTotals> => {
      const totals = await posting?.finish()
      posting = null
      return totals ?? { requests: 0, bodyBytes: 0, statuses: {} }
    },
    close: async (): Promise<void> => {
      await posting?.destroy()
    },
  }
}

interface Prepared {
  readonly path: string
  readonly headers: string[]
  readonly body: PostedRequest['body']
}

class Posting {
  readonly #clients: readonly Client[]
  readonly #requests: readonly Prepared[]
  readonly #statuses: Record<number, number> = {}
  #posted = 0
  #bodyBytes = 0
  #underWay = 0
  #stopping = false
  #whenIdle: () => void = () => undefined

  constructor({ to, connections, depth }: PostRun, localAddress: string, requests: readonly Prepared[]) {
    this.#requests = requests
    const url = `http://${to.address}:${to.port}`
    this.#clients = Array.from({ length: connections }, () => new Client(url, { pipelining: depth, localAddress }))
    for (const client of this.#clients) for (let index = 0; index < depth; index++) this.#post(client)
  }

  async finish(): Promise<PostedTotals> {
    this.#stopping = true
    if (this.#underWay > 0) await new Promise<void>(resolve => (this.#whenIdle = resolve))
    await Promise.all(this.#clients.map(client => client.close()))
    return { requests: this.#posted, bodyBytes: this.#bodyBytes, statuses: this.#statuses }
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#clients.map(client => client.destroy()))
  }

  #post(client: Client): void {
    const request = this.#requests[this.#posted % this.#requests.length]!
    this.#posted += 1
    this.#bodyBytes += request.body.length
    this.#underWay += 1
    let status = 0
    client.dispatch(
      // idempotent: or undici would send one at a time
      { ...request, method: 'POST', idempotent: true, blocking: false },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_, statusCode) => {
          status = statusCode
        },
        onResponseData: () => undefined,
        onResponseEnd: () => this.#answered(client, status),
        onResponseError: () => this.#answered(client, 0),
      },
    )
  }

  #answered(client: Client, status: number): void {
    this.#underWay -= 1
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    // after a failure no more, or a server that is gone would be asked for ever
    if (!this.#stopping && status !== 0) this.#post(client)
    else if (this.#underWay === 0) this.#whenIdle()
  }
}
