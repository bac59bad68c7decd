import { REPORT_SCRIPT, REPORT_SCRIPT_HASH } from './client-script.js'
import { html, Markup } from './html.js'
import { REPORT_STYLES } from './styles.js'

/** One HTML file that needs nothing else: no network, no fonts, no library. Its one script only adds to it. */
export function page(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '${new Markup(REPORT_SCRIPT_HASH)}'">
<title>${title}</title>
<style>${new Markup(REPORT_STYLES)}</style>
</head>
<body>
<header class="controls only-script"><div class="theme" role="group" aria-label="colours"><button type="button" data-theme="" aria-pressed="true">as the system</button><button type="button" data-theme="light" aria-pressed="false">light</button><button type="button" data-theme="dark" aria-pressed="false">dark</button></div></header>
<main>
<h1>${title}</h1>
${body}
</main>
<script>${new Markup(REPORT_SCRIPT)}</script>
</body>
</html>
`.text
}
