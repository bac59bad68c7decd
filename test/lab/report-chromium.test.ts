import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { createReport } from '../../lab/report/report.js'
import { createRunView, createVerdict } from '../../lab/verdict.js'
import { Chromium, findChromium } from '../fixtures/chromium.js'
import { largeRun } from '../fixtures/large-run.js'
import { reportedRun } from '../fixtures/reported-run.js'

const path = findChromium()
const skip =
  path === null ? 'no chromium, chromium-browser or google-chrome here: the report is not opened in a browser' : false
const folder = mkdtempSync(join(tmpdir(), 'mqlab-report-'))
const browser = path === null ? null : new Chromium(path)

t.teardown(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

function open(name: string, html: string, size?: { width: number; height: number }) {
  const file = join(folder, `${name}.html`)
  writeFileSync(file, html)
  return browser!.open(pathToFileURL(file).href, size)
}

const twoRuns = () => createReport([reportedRun('one'), reportedRun('two')], 'two runs')
const READY = "[...document.querySelectorAll('.run')].every(run => run.dataset.ready === 'yes')"
const TEXT = (selector: string) => `document.querySelector('${selector}').textContent`

t.test('it opens without a complaint, asks for nothing, and is never wider than the window', { skip }, async t => {
  const page = await open('widths', twoRuns())
  await page.until(READY)
  for (const width of [380, 900, 1600]) {
    await page.resize({ width, height: 800 })
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth')
    t.ok(wide <= width, `${wide} of ${width} pixels`)
  }
  t.strictSame(page.problems, [])
  t.equal(page.requests.length, 1, 'the file itself')
})

t.test('colours follow the system, and the reader before the system', { skip }, async t => {
  const page = await open('colours', twoRuns())
  await page.until(READY)
  const brightness = async () =>
    page.evaluate<number>(
      'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, value) => sum + Number(value), 0)',
    )
  await page.prefer('light')
  t.ok((await brightness()) > 600)
  await page.prefer('dark')
  t.ok((await brightness()) < 150)
  await page.evaluate("document.querySelector('.theme [data-theme=light]').click()")
  t.ok((await brightness()) > 600, 'light was asked for')
  await page.evaluate("document.querySelector('.theme [data-theme=dark]').click()")
  await page.prefer('light')
  t.ok((await brightness()) < 150, 'dark was asked for')
})

t.test('the diagram can be walked by keyboard, filtered, and shown for another message', { skip }, async t => {
  const page = await open('diagram', createReport([reportedRun('one')], 'a run'))
  await page.until(READY)
  const steps = () => page.evaluate<number>("document.querySelectorAll('.diagram .step').length")
  const all = await steps()
  t.ok(all >= 4, `${all} steps`)
  await page.evaluate("document.querySelector('.diagram').focus()")
  await page.press('ArrowDown')
  const first = await page.evaluate<string>(TEXT('.step-text'))
  t.match(first, /S1 sends message/)
  await page.press('ArrowDown')
  t.not(await page.evaluate(TEXT('.step-text')), first, 'the next step')
  await page.press('End')
  t.equal(await page.evaluate('document.activeElement.dataset.step'), String(all - 1))

  await page.evaluate("document.querySelector('.kinds input[value=ack]').click()")
  t.ok((await steps()) < all, 'without acks')
  await page.evaluate("document.querySelector('.kinds input[value=ack]').click()")
  t.equal(await steps(), all)

  await page.evaluate("document.querySelector('.message-search').focus()")
  await page.type('S2 number 3')
  await page.press('Enter')
  const label = "document.querySelector('.space-time').getAttribute('aria-label')"
  t.match(await page.evaluate(label), /^Space-time diagram of S2 number 3 /)
  await page.evaluate("document.querySelector('.examples button').click()")
  t.match(await page.evaluate(label), /^Space-time diagram of S1 number 6 /)
  t.strictSame(page.problems, [])
})

t.test('events are found by / and words, chosen by arrows, and lead to their message', { skip }, async t => {
  const page = await open('events', createReport([reportedRun('one')], 'a run'))
  await page.until(READY)
  t.match(await page.evaluate(TEXT('.event-count')), /^\d+ events$/)
  await page.press('/')
  t.equal(await page.evaluate('document.activeElement.className'), 'event-search')
  await page.type('S2 "sent" "messageid":3,')
  t.match(await page.evaluate(TEXT('.event-count')), /^1 of \d+ events$/)
  await page.press('ArrowDown')
  t.equal(await page.evaluate('document.activeElement.className'), 'event-list')
  t.match(await page.evaluate(TEXT('.event-detail pre')), /"kind": "sent"/)
  t.equal(
    await page.evaluate(
      "document.getElementById(document.querySelector('.event-list').getAttribute('aria-activedescendant')).getAttribute('aria-selected')",
    ),
    'true',
  )
  await page.press('Enter')
  t.match(
    await page.evaluate("document.querySelector('.space-time').getAttribute('aria-label')"),
    /S2 number 3/,
    'in the diagram',
  )
  await page.evaluate(
    "document.querySelector('.event-search').value = ''; document.querySelector('.event-search').dispatchEvent(new Event('input'))",
  )
  await page.evaluate(
    "const kind = document.querySelector('.kind'); kind.value = 'fault'; kind.dispatchEvent(new Event('change'))",
  )
  t.match(await page.evaluate(TEXT('.event-count')), /^1 of/)
  t.strictSame(page.problems, [])
})

t.test('a hundred thousand events: few rows are drawn, and the last is a key away', { skip }, async t => {
  const view = createRunView(largeRun(100_000))
  const page = await open('large', createReport([{ view, verdict: createVerdict(view) }], 'large'))
  await page.until(READY)
  t.equal(await page.evaluate(TEXT('.event-count')), '100,000 events')
  const rows = "document.querySelectorAll('.event-list [role=option]').length"
  t.ok((await page.evaluate<number>(rows)) < 60)
  await page.evaluate("document.querySelector('.event-list').focus()")
  await page.press('End')
  const last = "document.querySelector('.event-list [aria-selected=true]').getAttribute('aria-posinset')"
  t.equal(await page.evaluate(last), '100000')
  t.ok((await page.evaluate<number>(rows)) < 60)
  await page.press('/')
  await page.type('order-ack-received unknown-sequence')
  t.match(await page.evaluate(TEXT('.event-count')), /^[\d,]+ of 100,000 events$/)
  t.strictSame(page.problems, [])
})

t.test('it prints, and what matters is there without scripts', { skip }, async t => {
  const page = await open('print', twoRuns())
  await page.until(READY)
  const pdf = await page.pdf()
  t.equal(pdf.subarray(0, 5).toString('latin1'), '%PDF-')
  t.ok(pdf.length > 20_000, `${pdf.length} bytes`)
  await page.send('Emulation.setEmulatedMedia', { media: 'print' })
  const shown = (selector: string) =>
    page.evaluate<boolean>(`document.querySelector('${selector}').getBoundingClientRect().height > 0`)
  t.equal(await shown('.event-list'), false, 'controls stay on the screen')
  for (const part of ['.headline', '.topology', '.chart', '.heat', '.space-time', '.hops'])
    t.ok(await shown(part), part)

  await page.send('Emulation.setEmulatedMedia', { media: '' })
  await page.reloadWithoutScripts()
  for (const part of ['.headline', '.topology', '.chart', '.heat', '.space-time', '.hops'])
    t.ok(await shown(part), part)
  t.equal(await shown('.event-list'), false)
})
