#!/usr/bin/env node
// The command `mqlab`: sets up what is missing in this clone, then runs build/cli/main.js in this same process.
import { prepareToRun, runMain } from '../scripts/setup.mjs'

await runMain(async () => {
  prepareToRun()
  process.setSourceMapsEnabled(true)
  await import('../build/cli/main.js')
})
