import { createHash } from 'node:crypto'

/**
 * Text in the exposition format that Prometheus reads (version 0.0.4): families of samples, each with HELP and TYPE.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram'
export type Labels = Readonly<Record<string, string>>

/** Longer label values are cut: a peer may choose names of any length. */
const LABEL_CHARACTERS_MAX = 256

export class MetricsText {
  #text = ''

  /** Starts a family. Every sample that follows belongs to it. */
  family(name: string, type: MetricType, help: string): MetricFamily {
    this.#text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
    return {
      sample: (value, labels = {}, suffix = '') => {
        this.#text += `${name}${suffix}${labelsText(labels)} ${valueText(value)}\n`
      },
    }
  }

  /** A family of one sample without labels. */
  single(name: string, type: MetricType, help: string, value: number): void {
    this.family(name, type, help).sample(value)
  }

  toString(): string {
    return this.#text
  }
}

export interface MetricFamily {
  /** `suffix` such as `_sum` belongs to the name, as histograms have it. */
  sample(value: number, labels?: Labels, suffix?: string): void
}

/** Counts of what fell below each bound, as Prometheus has histograms. Bounds in the unit of what is observed, rising. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  observe(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > this.#bounds[index]!) index += 1
    this.#counts[index]! += 1
    this.#sum += value
  }

  writeTo(text: MetricsText, name: string, help: string): void {
    const family = text.family(name, 'histogram', help)
    let below = 0
    for (const [index, count] of this.#counts.entries()) {
      below += count
      family.sample(below, { le: valueText(this.#bounds[index] ?? Number.POSITIVE_INFINITY) }, '_bucket')
    }
    family.sample(this.#sum, {}, '_sum')
    family.sample(below, {}, '_count')
  }
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${labelValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function labelValue(value: string): string {
  return shortened(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Long values stay apart by a digest of the whole, for two equal series would spoil the answer. */
function shortened(value: string): string {
  if (value.length <= LABEL_CHARACTERS_MAX) return value
  const digest = createHash('sha256').update(value).digest('hex').slice(0, 16)
  return `${value.slice(0, LABEL_CHARACTERS_MAX - digest.length - 1)}~${digest}`
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
