import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runCrashCampaign } from '../../lab/crash/crash-campaign.js'

const DURATION_MS = 5_000
/** A slow machine takes its time for so much; the rest of the time limit is for draining and judging. */
const WORK = { kills: 6, accepted: 101, taken: 101, withinMs: 120_000 }

t.setTimeout(240_000)

t.test('processes killed again and again: nothing promised is lost, comes twice, in part or out of order', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'mqlab-crash-'))
  const seed = Number.parseInt(process.env.MQLAB_SEEDS ?? '', 10) || 1 + (Date.now() % 1_000_000)
  const report = await runCrashCampaign({ seed, durationMs: DURATION_MS, atLeast: WORK, directory })
  const { findings, tally, ...kills } = report
  t.comment(JSON.stringify({ ...kills, ...tally }))
  const again = `again: MQLAB_SEEDS=${seed}; stores and ledgers: ${directory}`
  t.strictSame(findings, [], again)
  t.ok(report.kills >= 6, 'processes were killed')
  t.ok(tally.accepted > 100 && tally.taken > 100, 'and work was done')
  if (findings.length === 0) rmSync(directory, { recursive: true })
  t.equal(existsSync(directory), findings.length > 0)
})
