import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { Endpoint } from '../queue-manager/actions.js'
import { systemCode, TransportError } from './errors.js'

export interface MetricsServer {
  readonly endpoint: Endpoint
  close(): Promise<void>
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const CONNECTIONS_MAX = 16
const HEADER_BYTES_MAX = 8_192
const REQUEST_MS_MAX = 5_000

/** Whether an address can only be reached from this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

/**
 * Serves what `render` gives at `GET /metrics`, to anyone on this machine. Port 0 takes any free one.
 * @throws TransportError MSMQ_TRANSPORT_LISTEN when the address cannot be had.
 */
export async function startMetricsServer(
  listen: Endpoint,
  render: () => string | Promise<string>,
): Promise<MetricsServer> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: REQUEST_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: REQUEST_MS_MAX / 5,
    },
    (request, response) => void answer(request, response, render),
  )
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => {
      const where = `${listen.address}:${listen.port}`
      reject(new TransportError('MSMQ_TRANSPORT_LISTEN', 'listen', where, systemCode(error), { cause: error }))
    })
    server.listen(listen.port, listen.address, resolve)
  })
  server.removeAllListeners('error')
  // A connection that could not be accepted (no descriptors): the next scrape may be.
  server.on('error', () => undefined)
  const bound = server.address()
  return {
    endpoint: bound === null || typeof bound === 'string' ? listen : { address: bound.address, port: bound.port },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  render: () => string | Promise<string>,
): Promise<void> {
  // A body has no business here, and is not waited for.
  request.resume()
  const [path] = (request.url ?? '').split('?', 1)
  if (path !== '/metrics') {
    end(response, 404, 'text/plain; charset=utf-8', 'only /metrics is here\n')
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    end(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n')
  } else {
    try {
      end(response, 200, CONTENT_TYPE, request.method === 'HEAD' ? null : await render())
    } catch (error) {
      end(response, 500, 'text/plain; charset=utf-8', `${(error as Error).message}\n`)
    }
  }
}

function end(response: ServerResponse, status: number, contentType: string, body: string | null): void {
  response.statusCode = status
  response.setHeader('content-type', contentType)
  // What we hold is read by programs, not by pages of a browser.
  response.setHeader('x-content-type-options', 'nosniff')
  response.end(body ?? undefined)
}
