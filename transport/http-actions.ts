import type { Action, ConnectionId, ExchangeId, HttpRequest } from '../queue-manager/actions.js'

/** What an engine wants done over HTTP. */
export type HttpAction = Extract<Action, { do: 'http-open' | 'http-post' | 'http-close' | 'http-answer' }>

/** Gives a request that came in its status. */
export type GiveStatus = (status: number) => void

/** Connections that an engine posts on. */
interface PostingClient {
  open(action: Extract<Action, { do: 'http-open' }>): void
  post(id: ConnectionId, exchange: ExchangeId, request: HttpRequest): void
  close(id: ConnectionId, how: 'graceful' | 'abort'): void
}

/** @param unanswered requests that wait for their status; one that gets it here is taken out. */
export function carryOutHttp(action: HttpAction, client: PostingClient, unanswered: Map<ExchangeId, GiveStatus>): void {
  switch (action.do) {
    case 'http-open':
      client.open(action)
      break
    case 'http-post':
      client.post(action.connection, action.exchange, action.request)
      break
    case 'http-close':
      client.close(action.connection, action.how)
      break
    case 'http-answer': {
      const giveStatus = unanswered.get(action.exchange)
      unanswered.delete(action.exchange)
      giveStatus?.(action.status)
    }
  }
}
