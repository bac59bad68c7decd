import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Command } from 'commander'
import { OptionError } from '../protocol/errors.js'
import type { Endpoint } from '../queue-manager/actions.js'
import type { HttpOptions } from '../queue-manager/http/names.js'
import type { Redirections } from '../queue-manager/http/redirections.js'
import { isWildcard } from '../transport/plain-address.js'
import { several } from './client-values.js'
import { HTTP_ALLOWED, isHost, parseEndpoint } from './http-values.js'
import { fail } from './output.js'
import type { QmFile } from './qm-schema.js'

/** What of the command line of a queue manager is about HTTP, as commander gives it. */
export interface HttpFlags {
  readonly http?: string
  readonly https?: string
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
  readonly alias?: readonly string[]
  readonly httpName?: string
}

/** Where a queue manager is reached over HTTP, and by which names. */
export interface HttpConfig {
  readonly http: Endpoint | undefined
  /** With certificate and key as PEM text. */
  readonly https: (Endpoint & { readonly cert: string; readonly key: string }) | undefined
  /** PEM text: whose certificates are believed when others are reached by HTTPS. Default: the platform's. */
  readonly ca: string | undefined
  /** Host names and addresses that are this machine's too. */
  readonly aliases: readonly string[]
  /** Host in the addresses that receipts are asked to. Default: the computer name. */
  readonly name: string | undefined
  /** What a front end maps. */
  readonly redirections?: Redirections
}

/** What a file says of it, with the texts of certificates and keys read. */
export type HttpFile = Pick<QmFile, 'http' | 'https' | 'cert' | 'key' | 'ca' | 'aliases' | 'httpName'>

export function httpOptions(command: Command): Command {
  return command
    .option('--http <[address:]port>', 'take messages by HTTP there (MSMQ: port 80); the address of --address')
    .option('--https <[address:]port>', 'take messages by HTTPS there (MSMQ: port 443), with --cert and --key')
    .option('--cert <file>', 'PEM file with the certificate for --https, and what it is signed with')
    .option('--key <file>', 'PEM file with its private key')
    .option('--ca <file>', "PEM file: certificates to believe when sending by HTTPS (default: the platform's)")
    .option('--alias <name>', 'host name or address that is this machine too, for HTTP; repeatable', several)
    .option('--http-name <host>', 'how others reach this machine over HTTP, for receipts (default: the computer name)')
}

/**
 * Flags win over the file.
 * @param flags with `config`, the path of the file, where there is one.
 * @throws {CliError} one line: what is missing, cannot be read, or does not belong together.
 */
export function httpConfig(
  flags: HttpFlags & { readonly config?: string },
  file: HttpFile,
  address: string,
): HttpConfig {
  const cert = flagPem('--cert', flags.cert) ?? file.cert
  const key = flagPem('--key', flags.key) ?? file.key
  const ca = flagPem('--ca', flags.ca) ?? file.ca
  const https = endpointOf('--https', flags.https ?? file.https, address)
  /** As whoever said it knows it: a flag, or a field of the file. */
  const named = (...names: readonly ('https' | 'cert' | 'key' | 'ca')[]) =>
    names.some(name => flags[name] !== undefined)
      ? names.map(name => `--${name}`).join(', ')
      : `${flags.config} ${names.join(', ')}`
  if (https !== undefined && (cert === undefined || key === undefined)) {
    const isFlag = flags.https !== undefined
    const missing = [cert === undefined ? 'cert' : null, key === undefined ? 'key' : null].filter(name => name !== null)
    const wanted = missing.map(name => (isFlag ? `--${name} FILE` : name)).join(' and ')
    const given = `${named('https')}${isFlag ? ' ' : ': '}${flags.https ?? file.https}`
    fail(`${given}: HTTPS wants a certificate and its private key; give ${wanted}`)
  }
  if (https === undefined && (cert !== undefined || key !== undefined)) {
    const given = cert !== undefined ? 'cert' : 'key'
    const server = flags[given] !== undefined ? '--https [ADDRESS:]PORT' : 'https'
    fail(`${named(given)}: is for ${server}, which is missing`)
  }
  if (cert !== undefined && key !== undefined)
    checked(named('cert', 'key'), 'a PEM certificate, and the private key of it', () =>
      createSecureContext({ cert, key }),
    )
  if (ca !== undefined) checked(named('ca'), 'PEM certificates', () => new X509Certificate(ca))
  const name = flags.httpName ?? file.httpName
  return {
    http: endpointOf('--http', flags.http ?? file.http, address),
    https: https && { ...https, cert: cert!, key: key! },
    ca,
    aliases: [...file.aliases, ...(flags.alias ?? []).map(alias => flagHost('--alias', alias))],
    name: name === undefined ? undefined : flagHost('--http-name', name),
  }
}

/** What the engine is told. Every name and address by which messages come is this machine's own. */
export function engineHttp({ http, https, aliases, name, redirections }: HttpConfig): HttpOptions {
  const listening = [http, https].flatMap(endpoint => (endpoint === undefined ? [] : ownNames(endpoint.address)))
  return {
    aliases: [...new Set([...aliases, ...(name === undefined ? [] : [name]), ...listening])],
    ...(name !== undefined && { host: name }),
    ...(http !== undefined && { port: http.port }),
    ...(https !== undefined && { securePort: https.port }),
    ...(redirections !== undefined && { redirections }),
  }
}

/** What the driver is told. */
export function driverHttp({ http, https, ca }: HttpConfig) {
  return {
    ...(http !== undefined && { http }),
    ...(https !== undefined && { https }),
    ...(ca !== undefined && { httpClient: { ca } }),
  }
}

/** `http://host:port` by which others reach it, by HTTPS if by nothing else; null: by none. */
export function ownUrl({ http, https, name }: HttpConfig, computerName: string): string | null {
  const endpoint = http ?? https
  if (endpoint === undefined) return null
  const host = name ?? computerName
  return `${http === undefined ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${endpoint.port}`
}

/** Addresses that a socket bound to `address` is reached at. */
export function ownAddresses(address: string): string[] {
  if (!isWildcard(address)) return [address]
  return Object.values(networkInterfaces()).flatMap(found => (found ?? []).map(each => each.address))
}

/** Who is at this machine may call it localhost. */
function ownNames(address: string): string[] {
  const local = isWildcard(address) || address === '127.0.0.1' || address === '::1'
  return local ? ['localhost', ...ownAddresses(address)] : [address]
}

/** The same with the ports that the system chooses for 0: they are told to others before anything listens. */
export async function withFreePorts(config: HttpConfig): Promise<HttpConfig> {
  const { http, https } = config
  return {
    ...config,
    http: http?.port === 0 ? { ...http, port: await freePort(http.address) } : http,
    https: https?.port === 0 ? { ...https, port: await freePort(https.address) } : https,
  }
}

/** A port that nobody listens on. The system gives it to nobody else soon. @throws the system's error. */
export function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, address, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
    })
  })
}

/** PEM text is left as it is, and a file is read. @throws {OptionError} when it cannot be. */
export function pemText(text: string, option: string, folder = '.'): string {
  if (text.includes('-----BEGIN ')) return text
  const path = resolve(folder, text)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const allowed = `PEM text, or a file that can be read (${path}: ${code})`
    throw new OptionError('MSMQ_OPTION_INPUT', option, undefined, allowed)
  }
}

/** The text of a file that a flag names. @throws {CliError} */
export function flagPem(flag: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return fail(`${flag} ${path}: cannot be read (${code}); name a PEM file`, { cause: error })
  }
}

/** What OpenSSL makes of it, before anything is opened. */
function checked(named: string, allowed: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    const what = (error as Error).message.replace(/^error:[0-9A-F]*:/, '')
    fail(`${named}: allowed is ${allowed} (${what})`, { cause: error })
  }
}

function endpointOf(flag: string, given: string | number | undefined, address: string): Endpoint | undefined {
  if (given === undefined) return undefined
  return (
    parseEndpoint(String(given), address) ?? fail(`${flag} ${JSON.stringify(given)}: allowed is ${HTTP_ALLOWED.http}`)
  )
}

/** @throws {CliError} */
export function flagHost(flag: string, text: string): string {
  return isHost(text) ? text : fail(`${flag} ${JSON.stringify(text)}: allowed is ${HTTP_ALLOWED.httpName}`)
}
