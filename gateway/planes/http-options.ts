/** What the HTTP plane can be told beyond what it shares with the TCP plane. Plain data, so that it can travel. */

/**
 * What the balancer gives to a host. `connection`: a client's connection with all its requests, as Windows NLB and every
 * balancer below HTTP. `request`: each request, as an appliance that reads HTTP.
 */
export type Balance = 'connection' | 'request'

/**
 * Which host gets the next request under balance `request`. `round-robin`: in turn, by weight. `random`: by weight, from
 * a seed. `affinity`: the bucket map decides, as it does for connections.
 */
export type Spread = 'round-robin' | 'random' | 'affinity'

/** How the plane finds out whether a host is well. Absent: it does not, as Windows NLB, which does not look at services. */
export interface HealthCheck {
  /** Asks for this path with GET and wants an answer. Absent: a TCP connection that is accepted is enough. */
  readonly path?: string
  /** An answer with this status or a higher one is bad. Default 500: what refuses GET lives. */
  readonly badStatusMin?: number
  /** From the end of one check to the next. Default 2,000 ms. */
  readonly intervalMs?: number
  /** How long a host may take to answer a check. Default 1,000 ms. */
  readonly timeoutMs?: number
  /** So many bad checks in a row take a host out. Default 3. */
  readonly fall?: number
  /** So many good checks in a row bring it back. Default 2. */
  readonly rise?: number
}

/** Fault: the request reaches the host and is carried out, but its answer never reaches the client. */
export interface DropAnswers {
  /** Only of requests whose target contains this, in letters of either case. Default: of all. */
  readonly targetContains?: string
  /** The first of them that suffers, from 1. Default 1. */
  readonly first?: number
  /** How many suffer. Default: all from there on. */
  readonly requestsMax?: number
  /** `reset` (the default): the client's connection breaks in place of the answer. `silence`: nothing ever comes. */
  readonly manner?: 'reset' | 'silence'
}

/**
 * `up`: takes new work. `draining`: keeps the connections (balance `connection`) or the requests (balance `request`) that
 * it has, and gets no more. `down`: out, by a health check or by order; what it was busy with is broken off.
 */
export type HostState = 'up' | 'draining' | 'down'

/** Requests of one connection that may be with hosts at a time. One by one is what appliances do that read HTTP. */
export const PIPELINE_MAX = { connection: 64, request: 1 } as const satisfies Record<Balance, number>
