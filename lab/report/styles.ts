/** The report's looks, light and dark by the reader's own setting. No font or image comes from elsewhere. */
export const REPORT_STYLES = `
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #1d2327; --quiet: #5d666d; --rule: #dcd9d1;
  --good: #1a7f4b; --bad: #c02d2d; --warn: #9a6200; --message: #2563a8; --line-2: #b0560f; --line-3: #6d4fc4; --line-4: #0e7c7b; --line-5: #9c2f72; --line-6: #6b6b2a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181b; --card: #1c2226; --ink: #e6e8e9; --quiet: #9aa5ac; --rule: #343c42;
  --good: #4cc38a; --bad: #ff7b72; --warn: #e3b341; --message: #79b8ff; --line-2: #f0a35e; --line-3: #b39df3; --line-4: #56c9c7; --line-5: #e58cc0; --line-6: #c5c56d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 0 0 4px; overflow-wrap: anywhere; } h3 { font-size: 14px; margin: 26px 0 8px; color: var(--quiet); font-weight: 600; }
p { margin: 6px 0 12px; max-width: 76ch; } .quiet { color: var(--quiet); } .small { font-size: 13px; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 20px 22px; margin: 22px 0; }
.badge { display: inline-block; border-radius: 5px; padding: 1px 9px; font-size: 13px; font-weight: 600; border: 1px solid currentColor; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; } th { color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; } tr:last-child td { border-bottom: 0; } .nowrap { white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr)); gap: 8px 30px; } .columns > * { min-width: 0; }
figure { margin: 0; } svg { display: block; width: 100%; height: auto; } figcaption { color: var(--quiet); font-size: 13px; margin-top: 4px; }
.key { white-space: nowrap; margin-right: 10px; } .key svg { display: inline-block; width: 22px; height: 8px; vertical-align: middle; }
ol.hops { max-width: 860px; padding-left: 0; list-style: none; margin: 10px 0 0; } ol.hops li { display: grid; grid-template-columns: 74px 1fr; gap: 10px; padding: 4px 0; overflow-wrap: anywhere; }
ol.hops time { color: var(--quiet); font-variant-numeric: tabular-nums; text-align: right; } ol.hops li.wrong { color: var(--bad); font-weight: 600; }
text { fill: var(--ink); font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; } text.tick, text.facts { fill: var(--quiet); font-size: 11px; } text.name { font-weight: 600; } text.facts.bad { fill: var(--bad); }
.grid { stroke: var(--rule); } .lifeline { stroke: var(--quiet); stroke-dasharray: 3 4; } .fault { stroke: var(--bad); stroke-dasharray: 4 3; }
.resend { stroke: var(--warn); stroke-width: 2; }
.machine { fill: var(--paper); stroke: var(--quiet); } .machine.troubled { stroke: var(--bad); stroke-width: 1.6; }
.path { stroke: var(--message); stroke-width: 1.4; opacity: .75; } .path.wrong { stroke: var(--bad); }
.packet { stroke-width: 2; stroke: var(--message); } .packet.ack { stroke: var(--good); } .packet.wrong { stroke: var(--bad); stroke-dasharray: 6 4; }
.tip, .event { fill: var(--message); } .tip.ack, .event.ack { fill: var(--good); } .tip.wrong, .event.wrong { fill: var(--bad); }
text.label { paint-order: stroke; stroke: var(--card); stroke-width: 4px; font-size: 12px; fill: var(--message); } text.label.ack { fill: var(--good); } text.label.wrong { fill: var(--bad); font-weight: 600; }
.depth { fill: none; stroke-width: 2; stroke: var(--message); } .depth-1 { stroke: var(--line-2); stroke-dasharray: 7 3; } .depth-2 { stroke: var(--line-3); stroke-dasharray: 2 3; }
.depth-3 { stroke: var(--line-4); } .depth-4 { stroke: var(--line-5); stroke-dasharray: 7 3; } .depth-5 { stroke: var(--line-6); stroke-dasharray: 2 3; }
`
