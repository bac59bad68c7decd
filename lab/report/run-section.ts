import { bucketRings } from './bucket-ring.js'
import { depthCharts } from './depth-chart.js'
import { eventSection } from './event-section.js'
import type { Glossary } from './glossary.js'
import { ackHeatMap } from './heat-map.js'
import { hostShares } from './host-shares.js'
import { html, type Markup } from './html.js'
import { messageSection } from './message-section.js'
import { outcome } from './outcome.js'
import { reportData } from './report-data.js'
import { countsTable, machinesTable, type ReportedRun, titleOf, zeroCounts } from './run-tables.js'
import { timeText } from './time-text.js'
import { topologyDrawing } from './topology-drawing.js'

/** Everything about one run. Words that the page has not explained yet are explained where they are first read. */
export function runSection(reported: ReportedRun, index: number, glossary: Glossary): Markup {
  const { view, verdict } = reported
  const { run } = view
  const { about, reading } = run.scenario
  const data = reportData(view, verdict)
  const acks = ackHeatMap(view)
  return html`<section class="run" id="run-${index}">
<h2>${titleOf(reported)}</h2>
<p class="small quiet">${verdict.scenario}${verdict.behaviours.length > 0 ? ` · shows ${verdict.behaviours.join(', ')}` : ''} · ${timeText(verdict.durationMs)} · seed ${verdict.seed}</p>
${explained(html`${outcome(verdict, run.scenario.expect)}<p class="about">${about}</p>${reading === undefined ? null : html`<p class="about">Reading: ${reading}</p>`}`)}
${explained(html`<h3>Topology</h3>${topologyDrawing(view, verdict)}`)}
<div class="columns">
<div><h3>Counts</h3>${explained(countsTable(verdict))}${zeroCounts(verdict)}</div>
<div><h3>Outgoing queues and resends</h3>${explained(depthCharts(run))}</div>
</div>
${explained(html`<div class="columns"><div>${acks === null ? null : html`<h3>Where order acks went</h3>${acks}`}</div><div>${hostShares(run)}</div></div>`)}
${explained(bucketRings(run))}
${explained(messageSection(view, data))}
${explained(html`<h3>Machines</h3>${machinesTable(reported)}`)}
${eventSection(view, data)}
</section>`

  function explained(part: Markup | null): Markup | null {
    return part === null ? null : html`${part}${glossary.explain(part)}`
  }
}
