import { relative } from 'node:path'
import { Command } from 'commander'
import { shippedScenarios } from '../lab/scenario-catalogue.js'
import { table, writeJson, writeText } from './output.js'

export function scenariosCommand(): Command {
  return new Command('scenarios')
    .description('list the scenarios and the behaviours each proves')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const all = shippedScenarios().map(({ file, scenario }) => ({
        scenario: scenario.scenario,
        behaviours: scenario.behaviours,
        about: scenario.about.trim(),
        file: relative(process.cwd(), file),
      }))
      if (json) await writeJson(all)
      else await writeText(listing(all))
    })
}

function listing(all: readonly { scenario: string; behaviours: readonly string[]; about: string }[]): string {
  const rows = all.map(({ scenario, behaviours }) => [scenario, behaviours.join(' ')])
  const lines = table(rows, ['scenario', 'shows'])
  return `${lines}\nmqlab run NAME runs one; its file in lab/scenarios/ says what it is about.\n`
}
