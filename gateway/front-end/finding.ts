import type { FaultId, Place } from './mapping.js'

/** `error`: messages are lost, refused or misled. `warning`: they may be, or the rule is in vain. */
export type Severity = 'error' | 'warning'

interface Kind {
  readonly severity: Severity
  /** Behaviour that it leads to, or that forbids it; see docs/scenarios.md. */
  readonly behaviour: string | null
}

const error = (behaviour: string | null = null): Kind => ({ severity: 'error', behaviour })
const warning = (behaviour: string | null = null): Kind => ({ severity: 'warning', behaviour })

/** Everything that can be found, by identifiers that stay. */
export const FINDINGS = {
  // The file
  unreadable: error(),
  'not-xml': error(),
  'root-unknown': error(),
  'namespace-wrong': error(),
  'element-case': error(),
  'element-unknown': error(),
  'element-missing': error(),
  'element-repeated': error(),
  'text-misplaced': error(),
  'address-missing': error(),
  'shape-unknown': error(),
  // One address
  'direct-prefix': error(),
  'not-http': error(),
  'blank-inside': error(),
  fragment: error(),
  query: warning(),
  'wildcard-inside': error(),
  'wildcard-in-to': error(),
  'wildcard-host': warning(),
  'no-msmq': error(),
  'no-queue': error(),
  'not-private': error(),
  'trailing-slash': error(),
  escaped: warning(),
  'public-queue': warning('NLB-7'),
  'no-such-queue': error(),
  // Rules beside each other
  'from-repeated': error(),
  'from-shadowed': error(),
  'names-nearly-same': warning(),
  'alias-without-rule': warning(),
  'to-itself': error(),
  loop: error(),
  chained: warning(),
  'to-virtual-name': error('NLB-6'),
  'outbound-to-itself': error(),
  'exception-unused': warning(),
  // Front ends beside each other
  'several-back-ends': error('NLB-6'),
  'not-on-every-front-end': error('NLB-5'),
  'path-differs': warning('NLB-5'),
  // Receipts
  'receipts-lost': error('NLB-12'),
  'receipts-shared': error('NLB-12'),
  'receipts-not-order-queue': error('NLB-12'),
  'receipts-elsewhere': warning('NLB-12'),
  'receipts-scheme': warning('NLB-12'),
  'receipts-default-repeated': warning(),
} as const satisfies Record<string, Kind> & Record<FaultId, Kind>

export type FindingId = keyof typeof FINDINGS

export interface Finding extends Place {
  readonly id: FindingId
  readonly severity: Severity
  /** What happens, and why. */
  readonly reason: string
  readonly remedy: string
  readonly behaviour: string | null
  /** The other rule that it is about. */
  readonly related: Place | null
}

export function finding(
  id: FindingId,
  { file, line, column }: Place,
  reason: string,
  remedy: string,
  { related = null, severity = FINDINGS[id].severity }: { related?: Place | null; severity?: Severity } = {},
): Finding {
  const place = related && { file: related.file, line: related.line, column: related.column }
  return { id, severity, file, line, column, reason, remedy, behaviour: FINDINGS[id].behaviour, related: place }
}
