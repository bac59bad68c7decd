import { createRequire } from 'node:module'
import type { Client } from 'undici'

let loaded: typeof import('undici') | undefined

/**
 * undici's `Client`, loaded when it is first wanted: it takes longer than everything else that a queue manager loads, and most
 * commands and many machines never post anything. Those that will ask for it before they listen: loading is a pause.
 */
export function undiciClient(): typeof Client {
  loaded ??= createRequire(import.meta.url)('undici') as typeof import('undici')
  return loaded.Client
}
