import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { TOKEN_CHARACTERS_MIN } from '../control/control-server.js'
import { type ControlEndpoint, controlEndpointText, parseControlEndpoint } from '../control/endpoint.js'
import { MqlabError } from '../protocol/errors.js'
import { TransportError } from '../transport/errors.js'
import type { MetricsServer } from '../transport/metrics-server.js'
import { EXIT_AS_EXPECTED, fail } from './output.js'

/* What commands have in common that run until they are told to stop. */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** The first signal. Call it before anything is opened, so that a signal at any time closes what is. */
export function toldToStop(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let told = false
    for (const signal of SIGNALS)
      process.on(signal, () => {
        // Nothing that was promised depends on an orderly end.
        if (told) process.exit(EXIT_AS_EXPECTED)
        told = true
        resolve(signal)
      })
  })
}

/** Undoes in the opposite order what was done so far. */
export class Undo {
  readonly #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  async all(): Promise<void> {
    for (const step of this.#steps.reverse()) await step()
  }
}

/**
 * Starts something of several steps; where one fails, those before are undone.
 * @throws {CliError} one line: what is in the way
 */
export async function startOrUndo<Running>(start: (undo: Undo) => Promise<Running>): Promise<Running> {
  const undo = new Undo()
  try {
    return await start(undo)
  } catch (error) {
    await undo.all()
    // The system's own error names the address and what can be done.
    if (error instanceof TransportError && error.cause instanceof Error && 'syscall' in error.cause) throw error.cause
    if (error instanceof MqlabError) fail(error.message, { cause: error })
    throw error
  }
}

/** `off`; undefined for the place by default; else where clients reach it, and the token that they show on TCP. */
export type ControlPlace = 'off' | { readonly listen: ControlEndpoint; readonly token?: string } | undefined

/** @throws {CliError} for a token that is not there, or too short. */
export function controlPlace({
  control,
  controlToken,
}: {
  readonly control: string | undefined
  readonly controlToken: string | undefined
}): ControlPlace {
  if (control === undefined || control === 'off') return control
  const listen = parseControlEndpoint(control)
  const onTcp = 'host' in listen
  if (onTcp && controlToken === undefined)
    fail(
      `--control ${control}: a TCP port wants --control-token FILE, for every user of this machine can connect to it`,
    )
  if (controlToken === undefined) return { listen }
  const token = readFileSync(controlToken, 'utf8').trim()
  if (onTcp && token.length < TOKEN_CHARACTERS_MIN)
    fail(
      `--control-token ${controlToken}: its token has ${token.length} characters; allowed is ${TOKEN_CHARACTERS_MIN} or more`,
    )
  return { listen, token }
}

/** A path as others find it, wherever they are. */
export function endpointText(endpoint: ControlEndpoint): string {
  return 'path' in endpoint ? resolve(endpoint.path) : controlEndpointText(endpoint)
}

export function metricsUrl({ endpoint: { address, port } }: MetricsServer): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/metrics`
}
