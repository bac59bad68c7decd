import type { HostState } from '../planes/http-options.js'
import type { SourceMode } from '../planes/proxy-events.js'
import type { ServedPorts } from './services.js'

/** What configuration can be written for. */
export const RENDER_PRODUCTS = ['haproxy', 'nginx', 'nftables', 'ipvs', 'keepalived'] as const

export type RenderProduct = (typeof RENDER_PRODUCTS)[number]

/**
 * How kernel products bring a packet to its host. `nat`: the destination is rewritten, and answers come back through the
 * balancer. `direct`: only the frame is readdressed; hosts hold the cluster address and answer clients themselves.
 * `tunnel`: the same inside another IP packet (IPVS).
 */
export type Forwarding = 'nat' | 'direct' | 'tunnel'

/**
 * What tells whether a host is well. `msmq`: it answers the first packet of a session, an EstablishConnection request, with
 * its own; over HTTP and where a product cannot do that it is `connect`: it accepts a connection. `none`: nobody looks, as
 * with Windows NLB.
 */
export type RenderedCheck = 'msmq' | 'connect' | 'none'

export interface RenderOptions {
  /** Default: `translate` for haproxy and nginx, as they do when nobody says otherwise; `keep` for the others. */
  readonly source?: SourceMode
  /** Of nftables, ipvs and keepalived. Default `nat`. */
  readonly forwarding?: Forwarding
  /** Ports to serve. Default: those of the rules; of a rule for more than 16 ports those that MSMQ uses. */
  readonly ports?: ServedPorts
  /** Ports on the hosts that differ from the cluster's: `{1801: 1802}`. */
  readonly forward?: Readonly<Record<number, number>>
  /** TCP ports on which requests over HTTP are balanced, each by itself, in place of connections. Default: none. */
  readonly httpPorts?: readonly number[]
  /** Default `msmq`. */
  readonly check?: RenderedCheck
  /** Default 2,000 ms. */
  readonly checkIntervalMs?: number
  /**
   * How long nothing may move on a connection, seconds. Default 900: MSMQ closes an idle session by itself within 10
   * minutes, and a balancer that is quicker breaks sessions that MSMQ believes alive.
   */
  readonly idleTimeoutS?: number
  /** How long a host may take to accept. Default 5,000 ms. */
  readonly connectTimeoutMs?: number
  /** Of nftables: the seed of the kernel's hash, which decides who gets whom. Default 0. */
  readonly seed?: number
  /** Of one host under one rule (by its index, -1 for none): `draining` gets nothing new, `down` nothing at all. Default: all up. */
  stateOf?(host: string, rule: number): HostState
}

export interface Rendering {
  /** The configuration, comments included. Ends in a line feed. */
  readonly text: string
  /** What the product cannot do of what the cluster asks for, a sentence each. */
  readonly limits: readonly string[]
}

/** Seconds that are above MSMQ's own idle close in every case. */
export const IDLE_TIMEOUT_S = 900
export const CONNECT_TIMEOUT_MS = 5000
export const CHECK_INTERVAL_MS = 2000
