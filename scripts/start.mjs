// npm start: sets up what is missing, then runs the demonstration. Arguments pass through: npm start -- --help
import { prepareToRun, runMain } from './setup.mjs'

await runMain(async () => {
  prepareToRun()
  process.argv.splice(2, 0, 'demo')
  process.setSourceMapsEnabled(true)
  // In this process rather than in a child: signals, exit code and terminal are then nobody's business but its own.
  await import('../build/cli/main.js')
})
