import type { Findings } from './finder.js'
import { type CaptureFinding, type Evidence, INSTANCES_MAX } from './finding.js'
import { FINDING_KINDS, type FindingKindId } from './finding-kinds.js'

interface Entry {
  count: number
  proven: number
  worst: Evidence
  readonly instances: Evidence[]
}

/** Keeps of each kind of finding how often it was seen, the first instances, and the worst. */
export class FindingBook implements Findings {
  readonly #entries = new Map<FindingKindId, Entry>()
  readonly #onFinding: ((kind: FindingKindId, evidence: Evidence) => void) | undefined

  /** @param onFinding told each instance when it is found, which may be long after its frames. */
  constructor(onFinding?: (kind: FindingKindId, evidence: Evidence) => void) {
    this.#onFinding = onFinding
  }

  add(kind: FindingKindId, partial: Partial<Evidence> & Pick<Evidence, 'frames' | 'text'>): void {
    const evidence: Evidence = { ...NOTHING_KNOWN, ...partial }
    const isProven = evidence.reservations.length === 0 ? 1 : 0
    const entry = this.#entries.get(kind)
    if (entry === undefined) {
      this.#entries.set(kind, { count: 1, proven: isProven, worst: evidence, instances: [evidence] })
    } else {
      entry.count += 1
      entry.proven += isProven
      if (evidence.weight > entry.worst.weight) entry.worst = evidence
      if (entry.instances.length < INSTANCES_MAX) entry.instances.push(evidence)
    }
    this.#onFinding?.(kind, evidence)
  }

  /** An instance that was added before has become worse: it counts no further. */
  worsen(kind: FindingKindId, partial: Partial<Evidence> & Pick<Evidence, 'frames' | 'text'>): void {
    const entry = this.#entries.get(kind)
    const evidence: Evidence = { ...NOTHING_KNOWN, ...partial }
    if (entry === undefined) return
    if (evidence.weight > entry.worst.weight) entry.worst = evidence
    const at = entry.instances.findIndex(each => isAboutTheSame(each, evidence))
    if (at >= 0) entry.instances[at] = evidence
  }

  count(kind: FindingKindId): number {
    return this.#entries.get(kind)?.count ?? 0
  }

  /** In the order of the table of kinds. The first is the one whose first frame is the earliest. */
  list(): CaptureFinding[] {
    const kinds = Object.keys(FINDING_KINDS) as FindingKindId[]
    return kinds.flatMap(id => {
      const entry = this.#entries.get(id)
      if (entry === undefined) return []
      const instances = entry.instances.toSorted((a, b) => startUs(a) - startUs(b))
      return [{ id, ...FINDING_KINDS[id], ...entry, first: instances[0]!, instances }]
    })
  }
}

function isAboutTheSame(a: Evidence, b: Evidence): boolean {
  return (
    a.message === b.message && a.sequence === b.sequence && a.number === b.number && a.machines[0] === b.machines[0]
  )
}

const NOTHING_KNOWN: Omit<Evidence, 'frames' | 'text'> = {
  from: null,
  to: null,
  message: null,
  sequence: null,
  number: null,
  machines: [],
  weight: 0,
  reservations: [],
}

const startUs = ({ frames }: Evidence) => frames[0]?.timeUs ?? 0
