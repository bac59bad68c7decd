import { type PackedData, type ReportData, unpackData } from '../report-data.js'
import type { Page } from './page-types.js'
import { startDiagram } from './start-diagram.js'
import { startEvents } from './start-events.js'

/** Brings a report's page to life: its theme, and each run's diagram and list of events. Runs in the browser. */
export async function startReport(page: Page): Promise<void> {
  page.documentElement.classList.add('scripted')
  startTheme(page)
  page.addEventListener('keydown', event => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target !== null && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return
    const own = event.target?.closest('.run') ?? page
    const search = own.querySelector('.event-search') ?? page.querySelector('.event-search')
    if (search === null) return
    event.preventDefault()
    search.focus()
  })
  for (const packed of page.querySelectorAll('script.run-data')) {
    const run = packed.closest('.run')!
    try {
      const data = await readData(packed.textContent ?? '')
      const show = startDiagram(run, data)
      startEvents(page, run, data, show)
      run.setAttribute('data-ready', 'yes')
    } catch (error) {
      const problem = run.querySelector('.script-problem')
      if (problem !== null) problem.textContent = `This browser cannot unpack the events: ${error}`
    }
  }
}

/** Light or dark as the system is, until the reader says otherwise. */
export function startTheme(page: Page): void {
  const root = page.documentElement
  const buttons = Array.from(page.querySelectorAll('.theme button'))
  for (const button of buttons) {
    button.addEventListener('click', () => {
      const theme = button.dataset.theme ?? ''
      if (theme === '') root.removeAttribute('data-theme')
      else root.setAttribute('data-theme', theme)
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === button))
    })
  }
}

export async function readData(base64: string): Promise<ReportData> {
  const bytes = Uint8Array.from(atob(base64.trim()), character => character.charCodeAt(0))
  const json = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')))
  return unpackData((await json.json()) as PackedData)
}
