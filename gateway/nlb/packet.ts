/** What the filters look at. Nothing is ever rewritten in it. [D] */
export interface Packet {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly sourceAddress: string
  /** 0 for ICMP. */
  readonly sourcePort: number
  readonly destinationAddress: string
  readonly destinationPort: number
  /**
   * Of TCP: `open` is the SYN of a new connection, `established` anything later. UDP has no connections: each datagram
   * is drawn for itself. [D] Default `open`.
   */
  readonly stage?: 'open' | 'established'
  /** A later fragment of an IP packet: it carries no ports. Its ports above are ignored. */
  readonly fragment?: boolean
  /** Name of the cluster host that sends it; its own stack loops it back, and no other host sees it. [D] */
  readonly sentBy?: string
}

/** Why one host's filter took a packet or did not. */
export type FilterReason =
  /** Accepted: the packet is for the host's own (dedicated) address, which is not filtered. */
  | 'own-address'
  /** Accepted: sent by the host itself. */
  | 'looped-back'
  /** Accepted: every host takes ICMP. */
  | 'icmp'
  /** Accepted: of a connection that this host has. */
  | 'connection'
  /** Accepted: the client's bucket is the host's. */
  | 'bucket'
  /** Accepted: no rule covers it, and this is the default host. Dropped: it is not. */
  | 'default-host'
  /** Accepted: the rule's single host. Dropped: it is not. */
  | 'single-host'
  /** Accepted: extended affinity holds the client here although its bucket has moved. */
  | 'held-client'
  /** Dropped: the bucket is another host's. */
  | 'not-my-bucket'
  /** Dropped: the bucket is this host's, but the client is still held by another. */
  | 'exception'
  /** Dropped: of a connection that this host does not know, although the bucket is its. */
  | 'unknown-connection'
  /** Dropped: the rule is in mode disabled. */
  | 'rule-disabled'
  /** Dropped: the administrator disabled the rule on this host. */
  | 'port-disabled'
  /** Dropped: the host has not joined. */
  | 'not-joined'
  /** Dropped: the host is stopped or suspended. */
  | 'stopped'
  /** Dropped: all descriptors are taken. */
  | 'no-descriptor'
  /** Never seen: the host is down, or cut off from the sender. */
  | 'unreachable'
  /** Never seen: it went to another host alone, as where a switch has learned the cluster's MAC address. */
  | 'not-delivered'

/** One host's answer. */
export interface HostVerdict {
  readonly host: string
  readonly accepts: boolean
  readonly reason: FilterReason
}

/** `accepted`: by exactly one. `black-hole`: by none, so a SYN is never answered. `split-brain`: by several. */
export type Outcome = 'accepted' | 'black-hole' | 'split-brain'

/** What all filters together make of a packet. */
export interface ClusterVerdict {
  readonly outcome: Outcome
  /** Names of the hosts that accept, by priority. `icmp` is accepted by all without being split brain. */
  readonly acceptors: readonly string[]
  /** One for each host, in the order of the configuration. */
  readonly verdicts: readonly HostVerdict[]
  /** Index of the rule, or -1 where none covers it. */
  readonly rule: number
  /** Null where no bucket decides. */
  readonly bucket: number | null
}
