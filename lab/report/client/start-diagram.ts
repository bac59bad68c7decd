import { escapeHtml } from '../html.js'
import { indexEvents, sentMessages, type TracedMessage, traceMessage } from '../message-trace.js'
import type { ReportData } from '../report-data.js'
import { lifelinesOf, spaceTimeDiagram } from '../space-time-diagram.js'
import { timeText } from '../time-text.js'
import type { PageElement } from './page-types.js'

/** Shows a message in the diagram, if a sender is known to have sent it; says whether it did. */
export type ShowMessage = (sender: string | null, guid: string | null, messageId: number) => boolean

/** Lets the reader choose messages, kinds of steps and steps of a run's space-time diagram. Runs in the browser. */
export function startDiagram(run: PageElement, data: ReportData): ShowMessage {
  const [listedMax, shownMax, stepsMax] = [300, 8, 400]
  const part = run.querySelector('.follow')
  if (part === null) return () => false
  const find = (selector: string) => part.querySelector(selector)!
  const [search, list, drawing, said, told] = [
    find('.message-search'),
    find('.message-list'),
    find('.diagram'),
    find('.step-text'),
    find('.diagram-note'),
  ]
  const kinds = Array.from(part.querySelectorAll('.kinds input'))
  const messages = sentMessages(data)
  const index = indexEvents(data.events)
  const names = messages.map(
    ({ sender, number, messageId, sequence, atMs }) =>
      `${sender} ${number === null ? `message ${messageId}` : `number ${number}`} (${number === null ? '' : `message ${messageId}, sequence ${sequence}, `}${timeText(atMs - data.startedMs)})`,
  )
  const keys = new Map(messages.map(({ sender, messageId }, at) => [`${sender} ${messageId}`, at]))
  const hint = said.textContent
  let chosen: number[] = (drawing.dataset.messages ?? '')
    .split('|')
    .map(key => keys.get(key) ?? -1)
    .filter(at => at >= 0)

  function listMessages(): void {
    const words = search.value.toLowerCase().split(/\s+/)
    const found: number[] = []
    for (const [at, name] of names.entries()) {
      if (found.length >= listedMax) break
      const text = name.toLowerCase()
      if (words.every(word => text.includes(word))) found.push(at)
    }
    const listed = [...new Set([...chosen, ...found])]
    list.innerHTML = listed
      .map(at => `<option value="${at}"${chosen.includes(at) ? ' selected' : ''}>${escapeHtml(names[at]!)}</option>`)
      .join('')
  }

  function draw(): void {
    const shown = new Set(kinds.filter(({ checked }) => checked).map(({ value }) => value))
    const traces = chosen
      .map(at => messages[at]!)
      .map((message: TracedMessage) => ({
        message,
        steps: traceMessage(data, index, message, 100).filter(({ kind }) => shown.has(kind)),
      }))
    const all = traces
      .flatMap(({ message: { sender, number, messageId }, steps }) =>
        traces.length === 1
          ? steps
          : steps.map(step => ({ ...step, label: `${sender}/${number ?? messageId} ${step.label}` })),
      )
      .sort((a, b) => a.atMs - b.atMs)
    const steps = all.slice(0, stepsMax)
    const title = `Space-time diagram of ${chosen.map(at => names[at]).join(', ')}`
    drawing.innerHTML =
      steps.length === 0
        ? '<p class="quiet">Nothing to draw: choose a message, and kinds of steps.</p>'
        : spaceTimeDiagram({ title, lifelines: lifelinesOf(data.nodes, steps), steps, startedMs: data.startedMs })
    told.textContent = all.length > steps.length ? `${all.length - steps.length} later steps are left out.` : ''
    drawing.querySelector('.step')?.setAttribute('tabindex', '0')
    said.textContent = hint
  }

  function choose(ats: number[]): void {
    chosen = ats.slice(0, shownMax)
    listMessages()
    draw()
  }

  function say(step: PageElement | null): void {
    if (step !== null) said.textContent = step.getAttribute('aria-label')
  }

  search.addEventListener('input', listMessages)
  search.addEventListener('keydown', event => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    listMessages()
    const first = Array.from(list.querySelectorAll('option')).find(option => !chosen.includes(Number(option.value)))
    if (first !== undefined) choose([Number(first.value)])
  })
  list.addEventListener('change', () => {
    chosen = Array.from(list.selectedOptions, option => Number(option.value)).slice(0, shownMax)
    draw()
  })
  for (const kind of kinds) kind.addEventListener('change', draw)
  for (const example of part.querySelectorAll('.examples button')) {
    example.addEventListener('click', () => {
      const at = keys.get(example.dataset.message ?? '')
      if (at !== undefined) choose([at])
    })
  }
  drawing.addEventListener('pointerover', event => say(event.target?.closest('.step') ?? null))
  drawing.addEventListener('focusin', event => say(event.target?.closest('.step') ?? null))
  drawing.addEventListener('keydown', event => {
    const steps = Array.from(drawing.querySelectorAll('.step'))
    const at = event.target === null ? -1 : steps.indexOf(event.target)
    const next = {
      ArrowDown: Math.min(at + 1, steps.length - 1),
      ArrowRight: Math.min(at + 1, steps.length - 1),
      ArrowUp: Math.max(at - 1, 0),
      ArrowLeft: Math.max(at - 1, 0),
      Home: 0,
      End: steps.length - 1,
    }[event.key]
    if (next === undefined || steps.length === 0) return
    event.preventDefault()
    for (const [index, step] of steps.entries()) step.setAttribute('tabindex', index === next ? '0' : '-1')
    steps[next]!.focus({ preventScroll: true })
    steps[next]!.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  })
  choose(chosen.length > 0 || messages.length === 0 ? chosen : [0])

  return (sender, guid, messageId) => {
    const senders = sender === null ? data.nodes.filter(node => node.guid === guid).map(({ name }) => name) : [sender]
    const at = senders.map(name => keys.get(`${name} ${messageId}`)).find(found => found !== undefined)
    if (at === undefined) return false
    choose([at])
    return true
  }
}
