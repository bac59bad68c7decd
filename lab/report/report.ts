import { Glossary } from './glossary.js'
import { html } from './html.js'
import { page } from './page.js'
import { runSection } from './run-section.js'
import { comparison, protocolsOf, type ReportedRun } from './run-tables.js'

export { COUNT_LABELS, type ReportedRun } from './run-tables.js'

/** One HTML file that needs nothing else: no network, no fonts. Several runs stand side by side at the top. */
export function createReport(runs: readonly ReportedRun[], title: string): string {
  const asExpected = runs.every(({ verdict }) => verdict.asExpected)
  const glossary = new Glossary()
  return page(
    title,
    html`<p><span class="badge ${asExpected ? 'good' : 'bad'}">${asExpected ? 'as expected' : 'not as expected'}</span>
<span class="quiet">${protocolsOf(runs)}, ${whereOf(runs)}; ${runs.length === 1 ? 'one run' : `${runs.length} runs`}, seed ${runs[0]?.verdict.seed ?? 0}.</span></p>
${runs.length > 1 ? comparison(runs) : null}
${runs.map((run, index) => runSection(run, index, glossary))}`,
  )
}

function whereOf(runs: readonly ReportedRun[]): string {
  const worlds = new Set(runs.map(({ verdict }) => (verdict.world === 'sim' ? 'sim' : 'sockets')))
  if (worlds.size > 1) return 'on real sockets and in simulation'
  return worlds.has('sim') ? 'in simulation, where time is virtual' : 'on real sockets'
}
