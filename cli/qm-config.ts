import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { FileError, type PathProblem, parseYaml, settingProblems } from '../lab/yaml-file.js'
import { OptionError } from '../protocol/errors.js'
import type { Guid } from '../protocol/guid.js'
import type { Endpoint } from '../queue-manager/actions.js'
import type { QueueOptions } from '../queue-manager/queue-properties.js'
import {
  loadSecurityKeys,
  NO_KEYS,
  type SecurityKeys,
  type SecurityKeysConfig,
} from '../queue-manager/security/security-keys.js'
import { createSettings, type SettingName, settingName } from '../queue-manager/settings.js'
import { isLoopbackAddress } from '../transport/metrics-server.js'
import { checkDistinct } from './distinct-files.js'
import { parseEndpoint } from './http-values.js'
import type { LogLevel } from './log-levels.js'
import { fail } from './output.js'
import { type HttpConfig, type HttpFlags, httpConfig, pemText } from './qm-http.js'
import { ALLOWED, type QmFile, type QmSecurity, qmFields, qmSchema } from './qm-schema.js'

/** The command line of `mqlab qm`, as commander gives it. */
export interface QmFlags extends HttpFlags {
  readonly config?: string
  readonly name?: string
  readonly dnsName?: string
  readonly address?: string
  readonly port?: string
  readonly guid?: string
  readonly queue?: readonly string[]
  readonly set?: readonly string[]
  readonly data?: string
  readonly control?: string
  readonly controlToken?: string
  readonly metrics?: string
  readonly pcap?: string
  readonly logLevel?: string
}

/** Everything that `mqlab qm` is told, checked, with defaults filled in. */
export interface QmConfig {
  /** Default: that of the store. */
  readonly name: string | undefined
  readonly dnsName: string | undefined
  readonly address: string
  /** Default: the setting MsmqIpPort. */
  readonly port: number | undefined
  /** Default: that of the store, or a new one. */
  readonly guid: Guid | undefined
  readonly data: string | undefined
  /** Default: by the rules of control/endpoint.ts; `off`: none. */
  readonly control: string | undefined
  /** File that holds the token. */
  readonly controlToken: string | undefined
  readonly metrics: Endpoint | undefined
  /** File that all that crosses its network is written to. */
  readonly pcap: string | undefined
  readonly http: HttpConfig
  readonly logLevel: LogLevel
  /** Those that differ from the default or from what the store keeps. */
  readonly settings: Readonly<Partial<Record<SettingName, number>>>
  readonly queues: readonly QueueOptions[]
  readonly security: SecurityKeys
  readonly names: Readonly<Record<string, readonly string[]>>
  readonly queueManagers: Readonly<Record<Guid, readonly string[]>>
}

const TRANSACTIONAL = ':transactional'
const PEMS = ['cert', 'key', 'ca'] as const
const EMPTY_FILE: ReadFile = { settings: {}, queues: [], keys: NO_KEYS, names: {}, queueManagers: {}, aliases: [] }

/** Flags win over the file. Paths in the file are relative to it. @throws {CliError} one line: where, what, what is allowed. */
export function qmConfig(flags: QmFlags): QmConfig {
  checkDistinct([{ file: flags.config, what: 'the configuration' }], [{ file: flags.pcap, what: '--pcap' }])
  return qmConfigOf(
    flags,
    flags.config === undefined ? EMPTY_FILE : parseConfig(readConfig(flags.config), flags.config),
  )
}

/** The same with a file that was read. */
export function qmConfigOf(flags: QmFlags, file: ReadFile): QmConfig {
  const port = flags.port === undefined ? file.port : portOf(flags.port)
  const metrics = flags.metrics ?? file.metrics
  const address = flagValue('address', flags.address) ?? file.address ?? '127.0.0.1'
  const settings = Object.entries(file.settings).map(([setting, value]) => [settingName(setting), value] as const)
  return {
    name: flagValue('name', flags.name) ?? file.name,
    dnsName: flagValue('dnsName', flags.dnsName) ?? file.dnsName,
    address,
    port,
    guid: flagValue('guid', flags.guid) ?? file.guid,
    data: flagValue('data', flags.data) ?? file.data,
    control: flagValue('control', flags.control) ?? file.control,
    controlToken: flagValue('controlToken', flags.controlToken) ?? file.controlToken,
    metrics: metrics === undefined ? undefined : metricsEndpoint(String(metrics)),
    pcap: flags.pcap,
    http: httpConfig(flags, file, address),
    logLevel: flagValue('logLevel', flags.logLevel) ?? file.logLevel ?? 'info',
    settings: Object.fromEntries([...settings, ...(flags.set ?? []).map(settingOf)]),
    queues: withFlagQueues(file.queues, (flags.queue ?? []).map(queueOf)),
    security: file.keys,
    names: file.names,
    queueManagers: file.queueManagers,
  }
}

/** A file with its keys loaded. */
export type ReadFile = Omit<QmFile, 'security'> & { readonly keys: SecurityKeys }

/** The text of a file. @throws the system's error, which names it. */
export function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // What the system says of a directory lacks its name.
    throw Object.assign(error as NodeJS.ErrnoException, { path })
  }
}

/** @throws {CliError} with file, line, field and what is allowed. */
export function parseConfig(text: string, path: string): ReadFile {
  return parseConfigAs(qmSchema, text, path)
}

/** The same for a file that may say more than that of a queue manager. */
export function parseConfigAs<File extends QmFile>(
  schema: z.ZodType<File>,
  text: string,
  path: string,
): ReadFile & Omit<File, keyof QmFile> {
  const folder = dirname(path)
  let keys = NO_KEYS
  const pems: Partial<Record<(typeof PEMS)[number], string>> = {}
  try {
    const { security, ...file } = parseYaml(text, path, schema, file => [
      ...settingProblems(['settings'], file.settings),
      ...queueProblems(file),
      ...metricsProblems(file),
      ...problemOf(() => {
        if (file.security !== undefined) keys = loadSecurityKeys(withKeyFiles(file.security, folder))
      }),
      ...PEMS.flatMap(field =>
        problemOf(() => {
          const text = file[field]
          if (text !== undefined) pems[field] = pemText(text, field, folder)
        }),
      ),
    ])
    const { data, controlToken, control } = file
    const read: unknown = {
      ...file,
      ...pems,
      keys,
      ...(data !== undefined && { data: resolve(folder, data) }),
      ...(controlToken !== undefined && { controlToken: resolve(folder, controlToken) }),
      ...(control?.includes('/') && { control: resolve(folder, control) }),
    }
    // What the types lose: the keys that only this schema has are still there.
    return read as ReadFile & Omit<File, keyof QmFile>
  } catch (error) {
    if (error instanceof FileError) fail(error.message, { cause: error })
    throw error
  }
}

function queueProblems({ queues }: QmFile): PathProblem[] {
  const problems: PathProblem[] = []
  const seen = new Map<string, number>()
  for (const [index, { name, guid, number }] of queues.entries()) {
    const key = name.toLowerCase()
    const isPrivate = key.startsWith('private$\\')
    const before = seen.get(key)
    const at = (field: string, what: string) => problems.push({ path: ['queues', index, field], what, onKey: false })
    if (before !== undefined) at('name', `${name} is there twice: queues[${before}] has the same name`)
    if (isPrivate && guid !== undefined) at('guid', 'only a public queue has one (a name without private$\\)')
    if (!isPrivate && number !== undefined) at('number', 'only a private queue has one (a name with private$\\)')
    seen.set(key, index)
  }
  return problems
}

export function metricsProblems({ metrics }: Pick<QmFile, 'metrics'>): PathProblem[] {
  if (metrics === undefined || parseMetrics(String(metrics)) !== null) return []
  return [{ path: ['metrics'], what: `${metrics} is not allowed: ${ALLOWED.metrics}`, onKey: false }]
}

/** Keys given as files are read. What is no key, no blob and no file is left to the loading, which says what is allowed. */
function withKeyFiles(security: QmSecurity, folder: string): SecurityKeysConfig {
  const content = (text: string, option: string) => (isKeyText(text) ? text : pemText(text, option, folder))
  const { sid, signing, exchange, peers = {}, certificates = {} } = security
  return {
    sid,
    signing: signing && {
      privateKey: content(signing.privateKey, 'security.signing.privateKey'),
      certificate: content(signing.certificate, 'security.signing.certificate'),
    },
    exchange: exchange && { privateKey: content(exchange.privateKey, 'security.exchange.privateKey') },
    peers: Object.fromEntries(
      Object.entries(peers).map(([guid, text]) => [guid, content(text, `security.peers.${guid}`)]),
    ),
    certificates: Object.fromEntries(
      Object.entries(certificates).map(([owner, texts]) => [
        owner,
        texts.map(text => content(text, `security.certificates.${owner}`)),
      ]),
    ),
  }
}

/** A PUBLICKEYBLOB in hexadecimal. */
const isKeyText = (text: string) => /^[0-9a-f\s]{64,}$/i.test(text)

/** The option's name is the path of the field. */
function problemOf(body: () => void): PathProblem[] {
  try {
    body()
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const [field = ''] = error.option.split(' ')
    return [{ path: field.split('.'), what: `allowed is ${error.allowed}`, onKey: false }]
  }
}

type TextFlag = Exclude<keyof typeof qmFields, 'port' | 'metrics' | 'http' | 'https' | 'httpName'>

function flagValue<Flag extends TextFlag>(flag: Flag, text: string | undefined) {
  if (text === undefined) return undefined
  const parsed = qmFields[flag].safeParse(text)
  if (!parsed.success) fail(`${flagName(flag)} ${JSON.stringify(text)}: allowed is ${ALLOWED[flag]}`)
  return parsed.data as (typeof qmFields)[Flag]['_output']
}

const flagName = (flag: string) => `--${flag.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

/** The command line's queues, each in the place of the file's queue of that name, or after them. */
function withFlagQueues(queues: readonly QueueOptions[], flags: readonly QueueOptions[]): QueueOptions[] {
  const all = [...queues]
  const taken = new Set<string>()
  for (const flag of flags) {
    const key = flag.name.toLowerCase()
    if (taken.has(key)) fail(`--queue ${JSON.stringify(flag.name)}: is there twice; name each queue once`)
    taken.add(key)
    const index = all.findIndex(({ name }) => name.toLowerCase() === key)
    if (index < 0) all.push(flag)
    else all[index] = { ...all[index], ...flag }
  }
  return all
}

function queueOf(text: string): QueueOptions {
  const transactional = text.toLowerCase().endsWith(TRANSACTIONAL)
  const name = transactional ? text.slice(0, -TRANSACTIONAL.length) : text
  if (name.includes(':')) fail(`--queue ${JSON.stringify(text)}: after a colon only "transactional" is allowed`)
  return { name: /^private\$\\/i.test(name) ? name : `private$\\${name}`, transactional }
}

function settingOf(text: string): readonly [SettingName, number] {
  const [name = '', value = ''] = text.split(/=(.*)/s)
  if (name === '' || value.trim() === '' || Number.isNaN(Number(value)))
    fail(`--set ${JSON.stringify(text)}: allowed is Name=number, such as CleanupInterval=1000`)
  try {
    createSettings({ [name]: Number(value) })
    return [settingName(name), Number(value)]
  } catch (error) {
    if (error instanceof OptionError)
      fail(`--set ${error.message}; mqlab qm --settings explains them`, { cause: error })
    throw error
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) fail(`--port ${JSON.stringify(text)}: allowed is ${ALLOWED.port}`)
  return port
}

export function metricsEndpoint(text: string): Endpoint {
  return parseMetrics(text) ?? fail(`--metrics ${JSON.stringify(text)}: allowed is ${ALLOWED.metrics}`)
}

/** Of this machine only: what it tells is nobody else's business. */
function parseMetrics(text: string): Endpoint | null {
  const endpoint = parseEndpoint(text, '127.0.0.1')
  return endpoint !== null && isLoopbackAddress(endpoint.address) ? endpoint : null
}
