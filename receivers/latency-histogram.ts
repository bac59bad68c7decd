import type { Histogram } from 'hdr-histogram-js'
// the package's entry also brings compression and WebAssembly: a quarter of a second for each process that starts
import int32 from 'hdr-histogram-js/dist/Int32Histogram.js'

/** An HdrHistogram of three significant digits for values from 1 to `highest`; its memory is fixed whatever is recorded. */
export function latencyHistogram(highest: number): Histogram {
  return new int32.default(1, highest, 3)
}
