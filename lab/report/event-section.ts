import type { RunView } from '../finding.js'
import { eventsOf, type LabEvent } from '../history.js'
import { eventText } from './event-text.js'
import { html, type Markup } from './html.js'
import { packData, REPORT_EVENTS_MAX, type ReportData } from './report-data.js'
import { runFaults } from './run-faults.js'
import { timeText } from './time-text.js'

/** Listed without scripts, and in print: the first of each kind. */
const NOTABLE_OF_KIND_MAX = 6

/** The events of a run: what stands out in print, all of them to search on a screen, and the data itself. */
export function eventSection({ run, acks }: RunView, data: ReportData): Markup {
  const kinds: readonly (readonly LabEvent[])[] = [
    runFaults(run.events),
    eventsOf(run, 'disk-forgot'),
    acks.flatMap(({ astray }) => (astray === null ? [] : [astray])),
    eventsOf(run, 'discarded').filter(({ reason }) => reason !== 'duplicate'),
    eventsOf(run, 'dead-lettered'),
    eventsOf(run, 'resend'),
    eventsOf(run, 'qmid-cached').filter(({ change }) => change === 'kept-other'),
    eventsOf(run, 'cluster-map').slice(1),
  ]
  const notable = kinds.flatMap(events => events.slice(0, NOTABLE_OF_KIND_MAX)).sort((a, b) => a.atMs - b.atMs)
  const more = kinds.some(({ length }) => length > NOTABLE_OF_KIND_MAX)
  return html`<h3>Events that stand out</h3>
${
  notable.length === 0
    ? html`<p class="quiet small">None: no fault, no refusal, no resend, no receipt that went astray.</p>`
    : html`<ol class="hops small">${notable.map(event => html`<li><time>${timeText(event.atMs - run.startedMs)}</time><span><b>${event.node}</b> ${eventText(event)}</span></li>`)}</ol>${more ? html`<p class="quiet small">Of each kind the first ${NOTABLE_OF_KIND_MAX}.</p>` : null}`
}
<div class="events only-script"><h3>All events</h3>
<div class="choose"><label>Search <kbd>/</kbd> <input type="search" class="event-search" placeholder="words, addresses, numbers" autocomplete="off"></label>
<label>Machine <select class="machine"><option value="">all</option></select></label>
<label>Kind <select class="kind"><option value="">all</option></select></label>
<output class="event-count small quiet"></output> <button type="button" class="save">Save as JSON</button></div>
<div class="event-list" role="listbox" tabindex="0" aria-label="events; arrow keys choose, Enter shows the message"><div class="room"><div class="rows"></div></div></div>
<div class="event-detail" hidden><button type="button" class="show-message">Show its message in space and time</button><pre tabindex="0"></pre></div>
${data.eventsLeftOut > 0 ? html`<p class="small quiet">The first ${REPORT_EVENTS_MAX.toLocaleString('en-US')} events; ${data.eventsLeftOut.toLocaleString('en-US')} later ones are not in this file. Counts and charts are of all.</p>` : null}</div>
<p class="script-problem bad"></p>
<noscript><p class="quiet small">The list of all events, and the choice of other messages, want scripts.</p></noscript>
<script type="application/octet-stream" class="run-data">${packData(data)}</script>`
}
