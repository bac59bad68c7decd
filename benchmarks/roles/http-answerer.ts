import { createServer } from 'node:http'
import { monotonicUs } from '../latency.js'
import { processorUs } from '../processor.js'
import { type Address, closeServer, listen } from './address.js'

export interface HttpAnswererOptions {
  readonly address: string
}

/** Requests that were read to their end and answered, since the start. */
export interface AnsweredCount {
  readonly atUs: number
  readonly processorUs: number
  readonly requests: number
  readonly bodyBytes: number
}

const NO_BODY = { 'Content-Length': 0 }

/** A bare `node:http` server that reads each request to its end, answers 200, and does nothing else. */
export async function startHttpAnswerer({ address }: HttpAnswererOptions) {
  let requests = 0
  let bodyBytes = 0
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length
    })
    request.on('end', () => {
      requests += 1
      response.writeHead(200, NO_BODY)
      response.end()
    })
  })
  const listening = await listen(server, { address, port: 0 })
  return {
    listening: (): Address => listening,
    count: (): AnsweredCount => ({ atUs: monotonicUs(), processorUs: processorUs(), requests, bodyBytes }),
    close: (): Promise<void> => {
      server.closeAllConnections()
      return closeServer(server)
    },
  }
}
