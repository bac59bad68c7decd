import type { ChildReply, ChildRequest } from './processes.js'
import { type AnyCommands, startRoleHere } from './roles.js'

/** What a forked process of a benchmark runs: one role, commanded over the fork's channel, gone when the channel is. */

let commands: AnyCommands | null = null

async function carryOut(request: ChildRequest): Promise<unknown> {
  if ('role' in request) {
    commands = await startRoleHere(request.role, request.options)
    return null
  }
  const command = commands?.[request.command]
  if (command === undefined) throw new Error(`no command ${request.command}`)
  return await command(request.argument)
}

function reply(message: ChildReply): void {
  if (process.connected) process.send?.(message)
}

process.on('message', (request: ChildRequest) => {
  carryOut(request).then(
    result => reply({ id: request.id, result }),
    (error: unknown) =>
      reply({ id: request.id, error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
  )
})
process.on('disconnect', () => process.exit(0))
