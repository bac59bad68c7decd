const LIGHT = `--paper: #fbfaf7; --card: #ffffff; --ink: #1d2327; --quiet: #5d666d; --rule: #dcd9d1; --shade: #f2f0ea;
  --good: #1a7f4b; --bad: #c02d2d; --warn: #8f5b00; --message: #2563a8; --on: #ffffff;
  --hue-1: #2563a8; --hue-2: #b0560f; --hue-3: #6d4fc4; --hue-4: #0e7c7b; --hue-5: #9c2f72; --hue-6: #6b6b2a; --hue-7: #3d3d8f; --hue-8: #7a5a44;`
const DARK = `--paper: #14181b; --card: #1c2226; --ink: #e6e8e9; --quiet: #9aa5ac; --rule: #343c42; --shade: #252c31;
  --good: #4cc38a; --bad: #ff7b72; --warn: #e3b341; --message: #79b8ff; --on: #14181b;
  --hue-1: #79b8ff; --hue-2: #f0a35e; --hue-3: #b39df3; --hue-4: #56c9c7; --hue-5: #e58cc0; --hue-6: #c5c56d; --hue-7: #9fa8ff; --hue-8: #cfae97;`

const HUES = Array.from({ length: 8 }, (_, index) => index + 1)

/** The report's looks: light or dark as the reader's system is, or as the reader says. No font or image comes from elsewhere. */
export const REPORT_STYLES = `
:root { color-scheme: light; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; ${DARK} } }
:root[data-theme=dark] { color-scheme: dark; ${DARK} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 6px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 4px; overflow-wrap: anywhere; } h3 { font-size: 14px; margin: 26px 0 8px; color: var(--quiet); font-weight: 600; }
p { margin: 6px 0 12px; max-width: 76ch; } .quiet { color: var(--quiet); } .small { font-size: 13px; } a { color: var(--message); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 20px 22px; margin: 22px 0; }
.badge { display: inline-block; border-radius: 5px; padding: 1px 9px; font-size: 13px; font-weight: 600; border: 1px solid currentColor; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; } th { color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; } tr:last-child td { border-bottom: 0; } .nowrap { white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 8px 30px; } .columns > * { min-width: 0; } .columns > :empty { display: none; }
figure { margin: 0; overflow-x: auto; } figure.later { margin-top: 12px; } svg { display: block; max-width: none; } svg.chart { width: 100%; height: auto; max-width: 660px; min-width: 460px; } figcaption { color: var(--quiet); font-size: 13px; margin-top: 4px; max-width: 82ch; }
.key { white-space: nowrap; margin-right: 10px; } .key svg { display: inline-block; width: 22px; height: 8px; vertical-align: middle; }
.outcome { border-left: 5px solid var(--good); padding: 2px 0 2px 16px; margin: 14px 0; } .outcome.fails { border-color: var(--bad); }
.headline { font-size: 18px; line-height: 1.4; font-weight: 600; margin: 4px 0 8px; } .outcome h3 { margin: 14px 0 4px; }
.reasons { padding-left: 18px; margin: 0; } .reasons li { margin: 0 0 8px; max-width: 90ch; } .evidence { color: var(--quiet); overflow-wrap: anywhere; }
.glossary { margin: 14px 0 4px; padding: 8px 14px; background: var(--shade); border-radius: 8px; font-size: 13px; } .glossary div { margin: 2px 0; max-width: 100ch; } .glossary dt { font-weight: 600; display: inline; } .glossary dt::after { content: ": "; } .glossary dd { display: inline; margin: 0; }
ol.hops { max-width: 920px; padding-left: 0; list-style: none; margin: 10px 0 0; } ol.hops li { display: grid; grid-template-columns: 78px minmax(0, 1fr); gap: 10px; padding: 4px 0; overflow-wrap: anywhere; }
ol.hops time { color: var(--quiet); font-variant-numeric: tabular-nums; text-align: right; } ol.hops li.wrong { color: var(--bad); font-weight: 600; }
text { fill: var(--ink); font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; } text.tick, text.facts { fill: var(--quiet); font-size: 11px; } text.name { font-weight: 600; } text.facts.bad { fill: var(--bad); }
.grid { stroke: var(--rule); } line.fault { stroke: var(--bad); stroke-dasharray: 4 3; } line.healed { stroke: var(--good); stroke-dasharray: 4 3; }
.machine { fill: var(--paper); stroke: var(--quiet); } .machine.troubled { stroke: var(--bad); stroke-width: 1.6; }
svg.topology { width: 100%; height: auto; max-width: 860px; min-width: 560px; } .path { stroke: var(--message); stroke-width: 1.4; opacity: .75; } .path.wrong { stroke: var(--bad); }
.depth { fill: none; stroke-width: 2; stroke: var(--hue-1); stroke-linejoin: round; } .depth-1 { stroke: var(--hue-2); stroke-dasharray: 7 3; } .depth-2 { stroke: var(--hue-3); stroke-dasharray: 2 3; }
.depth-3 { stroke: var(--hue-4); } .depth-4 { stroke: var(--hue-5); stroke-dasharray: 7 3; } .depth-5 { stroke: var(--hue-6); stroke-dasharray: 2 3; }
.bar { fill: var(--message); } .bar.wrong { fill: var(--bad); } svg.chart.shares { max-width: 520px; min-width: 340px; }
svg.chart.first-times { max-width: 860px; min-width: 560px; } .range { stroke: var(--quiet); stroke-width: 1.5; } .middle { fill: var(--message); fill-opacity: .45; } .median { stroke: var(--message); stroke-width: 3; } code { font-size: 12.5px; overflow-wrap: anywhere; }
.rings { display: flex; flex-wrap: wrap; gap: 16px; } .ring { width: 168px; } .ring svg { width: 168px; height: 168px; }
${HUES.map(hue => `.bucket.host-${hue - 1} { fill: var(--hue-${hue}); } .swatch.host-${hue - 1} { background: var(--hue-${hue}); }`).join(' ')}
.bucket.nobody { fill: var(--shade); stroke: var(--bad); } .bucket.several { fill: var(--bad); } .swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; vertical-align: -1px; print-color-adjust: exact; -webkit-print-color-adjust: exact; } .swatch.nobody { background: var(--shade); border: 1px solid var(--bad); } .swatch.several { background: var(--bad); }
.cell.home { fill: var(--good); stroke: var(--good); stroke-opacity: 1; } .cell.away { fill: var(--bad); stroke: var(--rule); } text.count { font-size: 12px; } text.count.on { fill: var(--on); font-weight: 600; }
.lifeline { stroke: var(--quiet); stroke-dasharray: 3 4; } .break { fill: none; stroke: var(--quiet); } .idle { stroke: var(--rule); stroke-dasharray: 8 6; } text.idle-text { font-style: italic; }
.step { --tone: var(--message); outline: none; } .step.ack, .step.session, .step.application { --tone: var(--good); } .step.resend, .step.refusal { --tone: var(--warn); } .step.wrong, .step.fault { --tone: var(--bad); }
.packet { fill: none; stroke: var(--tone); stroke-width: 2; } .step.resend .packet { stroke-dasharray: 9 3; } .step.wrong .packet { stroke-dasharray: 6 4; } .packet.lost { stroke-dasharray: 3 3; } .hit { fill: none; stroke: transparent; stroke-width: 14; }
.tip, .mark, .through { fill: var(--tone); } .step text.label { paint-order: stroke; stroke: var(--card); stroke-width: 4px; font-size: 12px; fill: var(--tone); } .step text.gone { fill: var(--tone); font-weight: 700; } .step.wrong text.label { font-weight: 600; }
.step:hover .packet, .step:focus .packet { stroke-width: 4; } .step:hover text.label, .step:focus text.label { text-decoration: underline; } .step:focus .mark { stroke: var(--ink); stroke-width: 2; }
.diagram { border: 1px solid var(--rule); border-radius: 8px; padding: 6px; max-height: 78vh; overflow: auto; } .lane-heads { position: sticky; top: -6px; background: var(--card); z-index: 1; }
.only-script { display: none; } .scripted .only-script { display: block; } .step-text { min-height: 3.2em; margin: 8px 0; font-size: 13px; max-width: 100ch; overflow-wrap: anywhere; }
.controls { max-width: 1120px; margin: 0 auto; padding: 10px 20px 0; } .theme { text-align: right; }
button, input, select { font: inherit; font-size: 13px; color: var(--ink); background: var(--paper); border: 1px solid var(--quiet); border-radius: 6px; padding: 3px 9px; max-width: 100%; } button { cursor: pointer; } button[aria-pressed=true] { border-color: var(--message); color: var(--message); font-weight: 600; }
:focus-visible { outline: 2px solid var(--message); outline-offset: 2px; } .step:focus-visible { outline: none; }
.choose { font-size: 13px; margin: 6px 0 10px; } .choose label { display: inline-block; margin: 0 12px 6px 0; vertical-align: top; } .follow .choose > label > input { display: block; margin-top: 3px; } .examples { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 8px; }
.message-list { display: block; width: min(620px, 100%); margin-top: 3px; } .kinds { border: 0; padding: 0; margin: 0; min-width: 0; } .kinds legend { float: left; padding: 0 12px 0 0; color: var(--quiet); } .kinds input { vertical-align: -2px; }
.event-list { height: 420px; overflow: auto; border: 1px solid var(--rule); border-radius: 8px; font-size: 13px; position: relative; } .room { overflow: hidden; position: relative; min-width: 640px; }
.event-list [role=option] { height: 26px; line-height: 26px; display: grid; grid-template-columns: 92px 84px 148px minmax(0, 1fr); gap: 10px; padding: 0 10px; white-space: nowrap; cursor: default; } .event-list [role=option] > * { overflow: hidden; text-overflow: ellipsis; }
.event-list [aria-selected=true] { background: var(--shade); box-shadow: inset 3px 0 var(--message); } .event-list time { text-align: right; color: var(--quiet); font-variant-numeric: tabular-nums; } .event-list i { font-style: normal; color: var(--quiet); }
.event-detail { margin-top: 8px; } pre { background: var(--shade); border-radius: 8px; padding: 10px 12px; overflow: auto; font-size: 12px; } .event-detail pre { max-height: 300px; } kbd { border: 1px solid var(--rule); border-radius: 4px; padding: 0 5px; font-size: 12px; }
@media (max-width: 620px) { main { padding: 16px 10px 40px; } section { padding: 14px 12px; } .event-list [role=option] { grid-template-columns: 78px 60px 110px minmax(0, 1fr); } }
@media print { :root, :root[data-theme=dark] { color-scheme: light; ${LIGHT} --paper: #ffffff; } body { font-size: 12px; } main { max-width: none; padding: 0; } section { border: 0; padding: 0; break-before: page; } section:first-of-type { break-before: auto; }
  .only-script, .scripted .only-script { display: none; } .scroll, .diagram { overflow: visible; max-height: none; border: 0; padding: 0; } .diagram svg, svg.heat { max-width: 100%; height: auto; min-width: 0 !important; } .lane-heads { position: static; }
  figure { overflow: visible; } svg.chart, svg.topology { min-width: 0; } figure, .outcome, tr, ol.hops li, .glossary { break-inside: avoid; } h2, h3 { break-after: avoid; } svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`
