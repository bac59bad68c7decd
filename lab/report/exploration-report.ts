import { vacuousText } from '../exercises.js'
import type { AnomalyRow, Exploration } from '../explore/exploration.js'
import { firstTimesChart } from './first-times-chart.js'
import { Glossary } from './glossary.js'
import { html, type Markup } from './html.js'
import { findingText, troubleText } from './outcome.js'
import { page } from './page.js'
import { runSection } from './run-section.js'
import type { ReportedRun } from './run-tables.js'
import { timeText } from './time-text.js'

/** A failing seed made small: its run, and the scenario file that shows it again. */
export interface ReportedShrunk extends ReportedRun {
  readonly seed: number
  /** How it fails, for people. */
  readonly way: string
  /** The scenario file. */
  readonly text: string
  readonly file: string
}

/**
 * One HTML file about the many runs of an exploration, as self-contained as that of a run: what went wrong in how many
 * seeds and after how long, what was expected otherwise, and each shrunk seed with its scenario and its diagram.
 */
export function createExplorationReport(exploration: Exploration, shrunk: readonly ReportedShrunk[] = []): string {
  const { scenario, wanted, seeds, asExpected, seedsAsExpected, anomalies, unmet, vacuous, failing } = exploration
  const glossary = new Glossary()
  const ran = seeds === wanted.to - wanted.from + 1 ? '' : `, of which ${number(seeds)} ran`
  const { resent, waitsMs } = exploration
  const timed = [
    ...anomalies.map(({ kind, firstMs }) => ({ name: kind, times: firstMs })),
    { name: 'first resend', times: resent.firstMs },
  ].flatMap(({ name, times }) => (times === null ? [] : [{ name, times }]))
  const body = html`<section><h2>Verdict</h2>
<div class="outcome ${anomalies.length === 0 ? 'works' : 'fails'}">
<p class="headline">${headline(exploration)}</p>
<p><span class="badge ${asExpected ? 'good' : 'bad'}">${asExpected ? 'as expected' : 'not as expected'}</span> ${number(seedsAsExpected)} of ${number(seeds)} seeds went as the scenario expects.</p>
${unmet.map(({ count, expected, least, most, seeds: missed, firstSeed }) => html`<p class="bad">Expected ${count} ${expected}, saw ${least === most ? least : `${least} to ${most}`} in ${number(missed)} seeds, first in seed ${firstSeed}.</p>`)}
${vacuous.map(entry => html`<p class="warn">In no seed; ${vacuousText(entry)}.</p>`)}
</div>
<p class="about">${scenario.about}</p>
<p class="small quiet">Seeds ${wanted.from} to ${wanted.to}${ran}. ${number(exploration.sent)} messages sent, ${number(exploration.delivered)} delivered, in ${timeText(exploration.simulatedMs)} of virtual time.${resent.seeds === 0 ? '' : ` In ${number(resent.seeds)} seeds messages had to be sent again for want of an order ack.`}${waitsMs === null || waitsMs.max === 0 ? '' : ` The longest that a message waited for its order ack was ${timeText(waitsMs.median)} in the median seed, ${timeText(waitsMs.max)} in the worst.`} Each seed draws arrival times, identities, ports and faults anew; the same seed gives the same run.</p></section>
<section><h2>What went wrong</h2>
${
  anomalies.length === 0
    ? html`<p>Nothing, in any seed.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="anomalies"><table><tr><th>anomaly</th><th class="number">seeds</th><th class="number">%</th><th class="number">first after: least</th><th class="number">median</th><th class="number">most</th><th class="number">first seed</th></tr>
${anomalies.map(row => anomalyRow(row, seeds))}</table></div>`
}
${timed.length === 0 ? null : html`<h3>After how long</h3>${firstTimesChart(timed)}`}
${failing.length === 0 ? null : html`<h3>Seeds that did not go as expected</h3><p class="small">${failing.join(', ')}${seeds - seedsAsExpected > failing.length ? ` and ${number(seeds - seedsAsExpected - failing.length)} more` : ''}. One of them again: <code>mqlab run FILE --world sim --seed ${failing[0]!}</code></p>`}
</section>`
  return page(
    `${scenario.scenario}: ${number(seeds)} seeds`,
    html`${body}${glossary.explain(body)}
${shrunk.map((one, index) => html`<section><h2>Seed ${one.seed} made small: ${one.way}</h2><p>As few messages, machines and faults as still show it. <code>mqlab run ${one.file} --world sim</code> runs it again.</p><pre tabindex="0">${one.text}</pre></section>${runSection(one, index, glossary)}`)}`,
  )
}

function headline({ seeds, anomalies }: Exploration): string {
  const [worst] = anomalies
  if (worst === undefined) return `In ${number(seeds)} seeds nothing went wrong.`
  const share = Math.round((100 * worst.seeds) / seeds)
  const first = worst.firstMs === null ? '' : `, first after ${timeText(worst.firstMs.min)}`
  const others =
    anomalies.length === 1
      ? ''
      : `; ${anomalies.length === 2 ? '1 other kind of trouble was' : `${anomalies.length - 1} other kinds of trouble were`} seen`
  return `In ${number(worst.seeds)} of ${number(seeds)} seeds (${share} %) ${troubleText(worst.kind)}${first}${others}.`
}

function anomalyRow({ kind, behaviour, seeds, count, firstMs, firstSeed, text }: AnomalyRow, all: number): Markup {
  const times = firstMs === null ? ['', '', ''] : [firstMs.min, firstMs.median, firstMs.max].map(timeText)
  return html`<tr><td><b>${kind}</b>${behaviour === null ? null : ` (${behaviour})`}<div class="small">${findingText(kind, count)} (over all seeds)</div><div class="evidence small">Seed ${firstSeed}: ${text}</div></td><td class="number">${number(seeds)}</td><td class="number">${((100 * seeds) / all).toFixed(1)}</td>${times.map(time => html`<td class="number nowrap">${time}</td>`)}<td class="number">${firstSeed}</td></tr>`
}

const number = (value: number) => value.toLocaleString('en-US')
