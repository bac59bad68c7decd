import { eventText } from '../event-text.js'
import { escapeHtml } from '../html.js'
import type { ReportData } from '../report-data.js'
import { timeText } from '../time-text.js'
import type { Page, PageElement } from './page-types.js'
import type { ShowMessage } from './start-diagram.js'

/**
 * The list of a run's events: searched, filtered, and drawn only where the reader looks, so that a hundred thousand are
 * no burden. Runs in the browser.
 */
export function startEvents(page: Page, run: PageElement, data: ReportData, show: ShowMessage): void {
  const rowPx = 26
  const part = run.querySelector('.events')
  if (part === null) return
  const find = (selector: string) => part.querySelector(selector)!
  const [search, machine, kind, count] = [find('.event-search'), find('.machine'), find('.kind'), find('.event-count')]
  const [list, room, rows, detail] = [find('.event-list'), find('.room'), find('.rows'), find('.event-detail')]
  const { events, startedMs } = data
  const texts: string[] = []
  let found: number[] = []
  let selected = -1

  const options = (element: PageElement, values: Iterable<string>) => {
    element.innerHTML += Array.from(new Set(values))
      .sort()
      .map(value => `<option>${escapeHtml(value)}</option>`)
      .join('')
  }
  options(
    machine,
    events.map(({ node }) => node),
  )
  options(
    kind,
    events.map(event => event.kind),
  )

  /** Everything about an event that a reader may search for, in lower case. Made once, when it is first asked for. */
  function searched(at: number): string {
    const event = events[at]!
    texts[at] ??= `${event.node} ${eventText(event)} ${JSON.stringify(event)}`.toLowerCase()
    return texts[at]
  }

  function filter(): void {
    const words = search.value
      .toLowerCase()
      .split(/\s+/)
      .filter(word => word !== '')
    found = []
    for (const [at, event] of events.entries()) {
      if (machine.value !== '' && event.node !== machine.value) continue
      if (kind.value !== '' && event.kind !== kind.value) continue
      if (words.length === 0 || words.every(word => searched(at).includes(word))) found.push(at)
    }
    selected = -1
    detail.hidden = true
    list.scrollTop = 0
    room.style.height = `${found.length * rowPx}px`
    const whole = events.length.toLocaleString('en-US')
    count.textContent =
      found.length === events.length ? `${whole} events` : `${found.length.toLocaleString('en-US')} of ${whole} events`
    draw()
  }

  function draw(): void {
    const first = Math.max(0, Math.floor(list.scrollTop / rowPx) - 10)
    const visible = found.slice(first, first + Math.ceil(list.clientHeight / rowPx) + 20)
    rows.style.transform = `translateY(${first * rowPx}px)`
    rows.innerHTML = visible
      .map((at, index) => {
        const event = events[at]!
        const place = first + index
        return `<div role="option" id="${run.id}-event-${place}" data-place="${place}" aria-setsize="${found.length}" aria-posinset="${place + 1}" aria-selected="${place === selected}"><time>${timeText(event.atMs - startedMs)}</time><b>${escapeHtml(event.node)}</b><i>${escapeHtml(event.kind)}</i><span>${escapeHtml(eventText(event))}</span></div>`
      })
      .join('')
    if (selected < 0) list.removeAttribute('aria-activedescendant')
    else list.setAttribute('aria-activedescendant', `${run.id}-event-${selected}`)
  }

  function select(place: number): void {
    if (found.length === 0) return
    selected = Math.max(0, Math.min(found.length - 1, place))
    const top = selected * rowPx
    if (top < list.scrollTop) list.scrollTop = top
    if (top + rowPx > list.scrollTop + list.clientHeight) list.scrollTop = top + rowPx - list.clientHeight
    draw()
    const event = events[found[selected]!]!
    detail.hidden = false
    find('.event-detail pre').textContent = JSON.stringify(event, null, 2)
    find('.event-detail .show-message').hidden = !('messageId' in event)
  }

  function follow(): void {
    const event = events[found[selected] ?? -1]
    if (event === undefined || !('messageId' in event)) return
    // an ack's own number is of the machine that sent it, as any message's
    const guid = 'source' in event ? event.source : null
    if (!show(guid === null ? event.node : null, guid, event.messageId)) return
    run.querySelector('.follow')?.scrollIntoView({ block: 'start' })
    run.querySelector('.diagram .step')?.focus({ preventScroll: true })
  }

  search.addEventListener('input', filter)
  search.addEventListener('keydown', event => {
    if (event.key !== 'ArrowDown') return
    event.preventDefault()
    list.focus()
    select(Math.max(0, selected))
  })
  machine.addEventListener('change', filter)
  kind.addEventListener('change', filter)
  list.addEventListener('scroll', draw)
  list.addEventListener('click', event => {
    const place = event.target?.closest('[data-place]')?.dataset.place
    if (place !== undefined) select(Number(place))
  })
  list.addEventListener('keydown', event => {
    const page = Math.max(1, Math.floor(list.clientHeight / rowPx) - 1)
    const next = {
      ArrowDown: selected + 1,
      ArrowUp: selected - 1,
      PageDown: selected + page,
      PageUp: selected - page,
      Home: 0,
      End: found.length - 1,
    }[event.key]
    if (event.key === 'Enter') follow()
    if (next === undefined) return
    event.preventDefault()
    select(next)
  })
  find('.event-detail .show-message').addEventListener('click', follow)
  find('.save').addEventListener('click', () => saveFile(page, `${data.scenario}.json`, JSON.stringify(data, null, 1)))
  filter()
}

/** A file for the reader, made in the page. */
export function saveFile(page: Page, name: string, text: string): void {
  const link = page.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
