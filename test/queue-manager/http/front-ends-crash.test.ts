import t from 'tap'
import { HttpCampaign, type HttpCampaignOptions, type HttpCampaignRun } from '../../fixtures/http-campaign.js'
import { byteStage, requestStage } from '../../fixtures/http-stage.js'
import { forEachSeed, SEEDS_TIMEOUT_MS } from '../../fixtures/sim-tests.js'

/* NLB-5 and NLB-6 through crashes, lost requests and lost answers, for many seeds. */

t.setTimeout(SEEDS_TIMEOUT_MS)

function optionsOf(seed: number, configuration: HttpCampaignOptions['configuration']): HttpCampaignOptions {
  return {
    configuration,
    nodes: 2 + (seed % 3),
    by: seed % 2 === 0 ? 'connection' : 'request',
    loadMs: 120_000,
    isCrashing: seed % 7 !== 0,
  }
}

function faultsOf({ faults }: HttpCampaignRun): string[] {
  return Object.entries(faults).flatMap(([fault, found]) => found.slice(0, 5).map(what => `${fault}: ${what}`))
}

/** Six seeds have every number of nodes with either way of balancing; the seventh has no crashes. */
const STAGES = [
  ['requests and answers are lost', requestStage, 7, 4],
  ['connections break at any byte', byteStage, 6, 3],
] as const

for (const [what, stage, seedsOfNlb5, seedsOfNlb6] of STAGES) {
  t.test(`NLB-5, ${what}: nothing lost, nothing twice, order kept, everything acknowledged`, async t => {
    const total = { accepted: 0, unknown: 0, crashes: 0, resends: 0, failedPosts: 0 }
    const seeds = forEachSeed(seedsOfNlb5, seed => {
      const run = new HttpCampaign(stage(seed), optionsOf(seed, 'nlb-5')).run()
      const faults = faultsOf(run)
      if (faults.length > 0) throw new Error(faults.join('; '))
      total.accepted += run.accepted
      total.unknown += run.unknown
      total.crashes += run.crashes
      for (const { kind } of run.stage.nodes.flatMap(({ notes }) => notes))
        if (kind === 'resend') total.resends += 1
        else if (kind === 'session-closed') total.failedPosts += 1
    })
    t.comment(`${seeds} seeds: ${JSON.stringify(total)}`)
    t.ok(total.accepted > 40 * seeds, 'there was work')
    if (seeds < seedsOfNlb5) return
    t.ok(total.crashes > 4 * seeds && total.failedPosts > 5 * seeds && total.resends > seeds, 'and trouble')
  })

  t.test(`NLB-6, ${what}: with the queues on the nodes the same load and trouble show every failure`, async t => {
    const shown: Record<string, number> = {}
    const vacuous: number[] = []
    const seeds = forEachSeed(seedsOfNlb6, seed => {
      const { faults } = new HttpCampaign(stage(seed), optionsOf(seed, 'nlb-6')).run()
      for (const [fault, found] of Object.entries(faults)) if (found.length > 0) shown[fault] = (shown[fault] ?? 0) + 1
      if (Object.values(faults).every(found => found.length === 0)) vacuous.push(seed)
    })
    t.comment(`${seeds} seeds, of which so many showed: ${JSON.stringify(shown)}`)
    // now and then one node is enough for all that is sent: such a run shows nothing, and does not pass for one that does
    t.ok(vacuous.length <= seeds / 10, `seeds that showed nothing: ${vacuous.length === 0 ? 'none' : vacuous}`)
    if (seeds < seedsOfNlb6) return
    for (const fault of ['twice', 'torn', 'unacknowledged']) t.ok((shown[fault] ?? 0) > 0, `${fault}: ${shown[fault]}`)
  })
}
