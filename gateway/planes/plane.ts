import { MqlabError } from '../../protocol/errors.js'

/**
 * Moves bytes by the verdicts of one `NlbCluster`. Whoever owns the cluster passes its `onChange` on to `changed()`; the
 * plane asks the model, and never tells it but by `open` and `close`.
 */
export interface ClusterPlane {
  /** Comes up with the model as it stands. Rejects with a {@link PlaneError}, and then nothing of it is left behind. */
  start(): Promise<void>
  /** Takes everything away that `start` made. Resolves at once when nothing runs; never rejects for what is gone already. */
  stop(): Promise<void>
  /**
   * The model has changed: maps, states, or who is reached. What follows from it is applied as one: no packet meets half
   * of it. May be called often, and before `start`.
   */
  changed(): void
  /** At once where the plane counts by itself, later where it must ask the kernel or a balancer. */
  counters(): PlaneCounters | Promise<PlaneCounters>
}

/** What a plane has done since `start`. */
export interface PlaneCounters {
  /** By the host's name; each host of the cluster is there. */
  readonly hosts: Readonly<Record<string, PlaneHostCounters>>
  /** New connections and datagrams that no host took: their clients hear nothing, and no reset. Null where it is unknown. */
  readonly silences: number | null
  /** New connections and datagrams that several hosts took. Null where it is unknown. */
  readonly splitBrains: number | null
  /** Failures to bring bytes to a host that should have had them, by the system's word (`ECONNREFUSED`). */
  readonly failures: Readonly<Record<string, number>>
}

export interface PlaneHostCounters {
  /** Given to it: TCP connections, or where only these can be counted, SYNs. */
  readonly connections: number
  /** Of these, how many are open now. Null where it is unknown. */
  readonly active: number | null
  /** UDP datagrams given to it. */
  readonly datagrams: number
  /** Payload, or where only these can be counted, whole packets. Null where it is unknown. */
  readonly bytesToHost: number | null
  readonly bytesToClient: number | null
}

/** What a plane needs is missing or was refused; `message` is one line with the remedy. `cause` is the system's error. */
export class PlaneError extends MqlabError {
  /** `proxy`, `kernel`, `haproxy`, `nginx`. */
  readonly plane: string

  /** `definite`: whether the machine certainly is as it was before. */
  constructor(
    code: `MSMQ_PLANE_${string}`,
    plane: string,
    what: string,
    { definite = true, ...options }: ErrorOptions & { readonly definite?: boolean } = {},
  ) {
    super(code, `${plane} plane: ${what}`, definite, options)
    this.plane = plane
  }
}
