// npm run build: installs what is missing and compiles everything with type checks. Exit code 1 on type errors.
import { prepareToTest, runMain } from './setup.mjs'

await runMain(() => {
  if (!prepareToTest()) process.exitCode = 1
})
