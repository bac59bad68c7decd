import type { AccessRule } from './access-control.js'

/** What a queue demands of the messages that come in. */
export interface GuardedQueue {
  readonly authenticate: boolean
  readonly privacy: 'none' | 'optional' | 'body'
  readonly access: readonly AccessRule[]
}
