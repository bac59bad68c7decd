import { relative } from 'node:path'
import { Command } from 'commander'
import { type BehaviourEntry, behaviourIndex, worldsOf } from '../lab/behaviour-index.js'
import { shippedScenarios } from '../lab/scenario-catalogue.js'
import { table, writeJson, writeText } from './output.js'

interface ScenariosCommandOptions {
  readonly behaviours?: boolean
  readonly json?: boolean
}

export function scenariosCommand(): Command {
  return new Command('scenarios')
    .description('list the scenarios and the behaviours each proves')
    .option('--behaviours', 'by behaviour: the scenarios that prove it, and the worlds in which they do')
    .option('--json', 'print JSON')
    .action(async ({ behaviours, json }: ScenariosCommandOptions) => {
      const shipped = shippedScenarios()
      if (behaviours) {
        const index = behaviourIndex(shipped.map(({ scenario }) => scenario))
        if (json) await writeJson(index)
        else await writeText(behaviourListing(index))
        return
      }
      const all = shipped.map(({ file, scenario }) => ({
        scenario: scenario.scenario,
        behaviours: scenario.behaviours,
        worlds: worldsOf(scenario),
        about: scenario.about.trim(),
        ...(scenario.reading === undefined ? {} : { reading: scenario.reading.trim() }),
        file: relative(process.cwd(), file),
      }))
      if (json) await writeJson(all)
      else await writeText(listing(all))
    })
}

function listing(all: readonly { scenario: string; behaviours: readonly string[] }[]): string {
  const rows = all.map(({ scenario, behaviours }) => [scenario, behaviours.join(' ')])
  const lines = table(rows, ['scenario', 'shows'])
  return `${lines}\nmqlab run NAME runs one; its file in lab/scenarios/ says what it is about.\n`
}

function behaviourListing(index: readonly BehaviourEntry[]): string {
  const rows = index.flatMap(({ behaviour, scenarios }) =>
    scenarios.map(({ scenario, worlds }, place) => [place === 0 ? behaviour : '', scenario, worlds.join(' ')]),
  )
  const missing = index.flatMap(({ behaviour, notShown }) =>
    notShown === null ? [] : [`${behaviour}: ${notShown}.\n`],
  )
  return [
    table(rows, ['behaviour', 'scenario', 'worlds']),
    '\nmqlab run NAME runs one on sockets (loopback), mqlab run NAME --world sim on virtual time.\n',
    ...missing,
  ].join('')
}
