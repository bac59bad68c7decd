/** What a host writes into its event log, source WLBS. Numbers are Windows' own [D]; the texts are ours. */
export interface NlbEvent {
  readonly atMs: number
  readonly host: string
  readonly kind: NlbEventKind
  /** Windows' number; null where none is public. */
  readonly id: number | null
  readonly text: string
}

const EVENTS = {
  'driver-started': [4, 'the driver has started'],
  'cluster-started': [5, 'cluster mode started'],
  'cluster-stopped': [6, 'cluster mode stopped'],
  'duplicate-subnets': [
    18,
    'another part of the cluster converged by itself: it was divided, or two clusters have one address',
  ],
  'rule-enabled': [23, 'port rule enabled'],
  'rule-disabled': [24, 'port rule disabled'],
  converged: [28, 'converged'],
  'converged-as-default': [29, 'converged as the default host'],
  reloaded: [36, 'parameters read again'],
  adjusted: [38, 'port rule adjusted'],
  'rule-draining': [39, 'port rule draining'],
  'all-rules-enabled': [41, 'all port rules enabled'],
  'all-rules-disabled': [42, 'all port rules disabled'],
  'all-rules-draining': [43, 'all port rules draining'],
  'drain-started': [44, 'drain started: no new connections'],
  'drain-interrupted': [45, 'drain interrupted'],
  converging: [null, 'converging'],
  suspended: [null, 'suspended'],
  resumed: [null, 'resumed'],
  'host-lost': [null, 'a host is no longer heard'],
  'host-heard': [null, 'a host is heard'],
  'duplicate-priority': [null, 'another host has the same priority: no convergence until one changes'],
  'rules-differ': [null, 'another host has other port rules: no convergence until they are the same'],
} as const satisfies Record<string, readonly [number | null, string]>

export type NlbEventKind = keyof typeof EVENTS

/** `detail` follows the text, such as who or which rule. */
export function nlbEvent(atMs: number, host: string, kind: NlbEventKind, detail = ''): NlbEvent {
  const [id, text] = EVENTS[kind]
  return { atMs, host, kind, id, text: detail === '' ? text : `${text}: ${detail}` }
}
