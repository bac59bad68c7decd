import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { htmlReport } from '../../../diagnosis/output/html-report.js'
import { JourneyFinder } from '../../../diagnosis/output/journey.js'
import { journeyDiagram } from '../../../diagnosis/output/journey-diagram.js'
import { Traffic } from '../../../diagnosis/output/traffic.js'
import { Chromium, findChromium } from '../../fixtures/chromium.js'
import { handMadeCapture, MISROUTED, ofSeverity } from '../../fixtures/diagnosed-capture.js'
import { SeenTraffic } from '../../fixtures/seen-traffic.js'

const S1 = { qmId: 'aaaaaaaa-0000-0000-0000-000000000001', address: '10.0.1.1', uptimeMs: 86_400_000 }
const R1 = { qmId: 'bbbbbbbb-0000-0000-0000-000000000001', address: '10.0.2.1', uptimeMs: 7_200_000 }
const HOSTILE = '<script>document.title = "taken"</script><img src="http://192.0.2.1/x">'

function report(): string {
  const finder = new JourneyFinder({ by: 'id', source: null, messageId: 1 })
  const traffic = new Traffic()
  const diagnosis = new Diagnosis({ finders: [finder, traffic] })
  const seen = new SeenTraffic(diagnosis)
  const out = seen.session(S1, R1)
  for (let number = 1; number <= 5; number += 1) out.transactional({ number })
  seen.wait(5)
  seen.session(R1, S1).orderAck(5, S1.address)
  const [journey] = finder.journeys
  const startUs = journey!.steps[0]!.ways[0]!.at.timeUs
  const names = { of: ({ address }: { address: string }) => address, short: () => null }
  const diagram = journeyDiagram(journey!, 'the first', startUs, names)
  const hostile = { ...MISROUTED.first, text: HOSTILE }
  const findings = [
    { ...MISROUTED, first: hostile, instances: [hostile, ...MISROUTED.instances] },
    ofSeverity('notice'),
  ]
  return htmlReport(handMadeCapture({ findings, limits: ['one side of 1 connection'] }), {
    traffic,
    story: { title: 'the first, in space and time', diagram },
  })
}

t.test('what the network wrote is text', async t => {
  const html = report()
  t.notMatch(html, /<img|<script>document/)
  t.match(html, /&lt;script&gt;document/)
  t.match(html, /default-src 'none'/)
})

t.test('a page without findings, traffic and story', async t => {
  const html = htmlReport(handMadeCapture({ findings: [], machines: [], translations: [] }), {
    traffic: null,
    story: null,
  })
  t.match(html, /<span class="badge good">clean<\/span>/)
  t.match(html, /No queue manager said who it is/)
  t.notOk(/<section class="(?:story|timeline|finding)"/.test(html))
})

const path = findChromium()
const skip =
  path === null ? 'no chromium, chromium-browser or google-chrome here: the report is not opened in a browser' : false

t.test('it opens without a complaint, asks for nothing, and is never wider than the window', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'mqlab-diagnosis-'))
  const browser = new Chromium(path!)
  t.teardown(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const file = join(folder, 'report.html')
  writeFileSync(file, report())
  const page = await browser.open(pathToFileURL(file).href)
  await page.until("document.documentElement.classList.contains('scripted')")
  for (const width of [380, 900, 1600]) {
    await page.resize({ width, height: 800 })
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth')
    t.ok(wide <= width, `${wide} of ${width} pixels`)
  }
  t.match(await page.evaluate<string>('document.title'), /^a\.pcapng: diagnosis$/)
  for (const part of [
    '.headline',
    '.finding-times',
    '.space-time',
    '.hops',
    '.machines table',
    '#order-ack-misrouted',
  ]) {
    const height = await page.evaluate<number>(`document.querySelector('${part}').getBoundingClientRect().height`)
    t.ok(height > 0, part)
  }
  t.equal(await page.evaluate('document.querySelectorAll(".space-time .step").length > 1'), true)
  t.strictSame(page.problems, [])
  t.equal(page.requests.length, 1, 'the file itself')
})
