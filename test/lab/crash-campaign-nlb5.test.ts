import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runCrashCampaign } from '../../lab/crash/crash-campaign.js'

const DURATION_MS = 5_000
/** A slow machine takes its time for so much; the rest of the time limit is for draining and judging. */
const WORK = { kills: 6, accepted: 30, taken: 30, withinMs: 120_000 }
/** A message needs four machines that live at one time. */
const LIFE_MS = 3_000

t.setTimeout(240_000)

t.test(
  'NLB-5 with real processes, sockets and disks: all of them killed, nothing promised is lost or comes twice',
  async t => {
    const directory = mkdtempSync(join(tmpdir(), 'mqlab-crash-nlb5-'))
    const seed = Number.parseInt(process.env.MQLAB_SEEDS ?? '', 10) || 1 + (Date.now() % 1_000_000)
    const options = { seed, durationMs: DURATION_MS, lifeMs: LIFE_MS, atLeast: WORK, directory }
    const report = await runCrashCampaign({ ...options, over: 'http' })
    const { findings, tally, ...kills } = report
    t.comment(JSON.stringify({ ...kills, ...tally }))
    t.strictSame(findings, [], `again: MQLAB_SEEDS=${seed}; stores and ledgers: ${directory}`)
    t.ok(report.kills >= WORK.kills, 'processes were killed')
    t.ok(tally.accepted >= WORK.accepted && tally.taken >= WORK.taken, 'and work was done')
    if (findings.length === 0) rmSync(directory, { recursive: true })
    t.equal(existsSync(directory), findings.length > 0)
  },
)
