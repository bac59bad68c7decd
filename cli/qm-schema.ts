import { isIP } from 'node:net'
import { z } from 'zod'
import { oneOrMany } from '../lab/yaml-file.js'
import { OptionError } from '../protocol/errors.js'
import { isGuid, parseGuid } from '../protocol/guid.js'
import { parseAccessRule } from '../queue-manager/security/access-control.js'
import { HTTP_ALLOWED, isHost, parseEndpoint } from './http-values.js'
import { LOG_LEVELS } from './log-levels.js'

/**
 * What the file of `mqlab qm --config` may say. The same rules hold for the flags of the command line, so that a value
 * that is wrong is refused in the same words.
 */

const NAME_CHARACTERS_MAX = 15
const QUEUES_MAX = 65_536
const KB_MAX = 0xffffffff
const LABEL_CHARACTERS_MAX = 124

/** What is allowed for the fields that are flags too, in words. */
export const ALLOWED = {
  name: `1 to ${NAME_CHARACTERS_MAX} characters, no blanks nor \\ / : * ? " < > |`,
  dnsName: 'a host name of at most 255 characters',
  address: 'an IP address of this machine, or 0.0.0.0',
  port: 'a whole number from 0 to 65535',
  guid: 'a GUID, 8-4-4-4-12 hexadecimal digits',
  data: 'a directory',
  control: 'the path of a Unix socket, HOST:PORT, or off',
  controlToken: 'a file that holds the token',
  metrics: 'PORT, or ADDRESS:PORT with a loopback address',
  ...HTTP_ALLOWED,
  logLevel: LOG_LEVELS.join(', '),
} as const

const ip = z.string().refine(text => isIP(text) !== 0, 'an IP address')
const guid = z.string().refine(isAnyGuid, ALLOWED.guid).transform(parseGuid)
const port = z.number().int().min(0).max(65_535)
const endpoint = z.union([port, z.string().refine(text => parseEndpoint(text, '::') !== null, ALLOWED.http)])
const host = z.string().refine(isHost, ALLOWED.httpName)
const path = z.string().min(1).max(4096)
const whole = (min: number, max: number) => z.number().int().min(min).max(max)
/** null is without limit, as a key without a value is. */
const quota = whole(0, KB_MAX).nullable()

/** `everyone:send,receive`, `S-1-5-21-…:all,!manage` */
const accessRule = z.string().transform((text, context) => {
  try {
    return parseAccessRule(text)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    context.addIssue({ code: 'custom', message: error.allowed })
    return z.NEVER
  }
})

export const queueSchema = z.strictObject({
  /** `private$\NAME`, or `NAME` for a public queue. */
  name: z.string().regex(/^(private\$\\)?[^\\;+,"\p{Cc}]{1,124}$/iu, 'private$\\NAME or NAME, without \\ ; + , "'),
  transactional: z.boolean().exactOptional(),
  /** Of a private queue, as PRIVATE=guid\number names carry it (there in hex). Default: the next free one from 100. */
  number: whole(16, 0xffff_ffff).exactOptional(),
  /** Of a public queue, as PUBLIC=guid names carry it. */
  guid: guid.exactOptional(),
  label: z.string().max(LABEL_CHARACTERS_MAX).exactOptional(),
  quotaKB: quota.exactOptional(),
  journal: z.boolean().exactOptional(),
  journalQuotaKB: quota.exactOptional(),
  privacy: z.enum(['none', 'optional', 'body']).exactOptional(),
  authenticate: z.boolean().exactOptional(),
  basePriority: whole(-32_768, 32_767).exactOptional(),
  /** The application's own kind of service. */
  type: guid.exactOptional(),
  access: oneOrMany(accessRule, 256).exactOptional(),
})

export const qmFields = {
  name: z.string().regex(/^[^\s\\/:*?"<>|]{1,15}$/, ALLOWED.name),
  dnsName: z.string().regex(/^[^\s\\/:*?"<>|,;=]{1,255}$/, ALLOWED.dnsName),
  address: z.string().refine(text => isIP(text) !== 0, ALLOWED.address),
  port,
  guid,
  data: path,
  control: path,
  controlToken: path,
  metrics: z.union([port, z.string()], ALLOWED.metrics),
  logLevel: z.enum(LOG_LEVELS),
  http: endpoint,
  https: endpoint,
  httpName: host,
} as const

/** A key or certificate: PEM text (or a PUBLICKEYBLOB in hexadecimal, for a public key), or the file that holds it. */
const keyText = z.string().min(1).max(65_536)

const securitySchema = z.strictObject({
  /** Whom messages are said to be from. */
  sid: z.string().exactOptional(),
  /** What messages are signed with. */
  signing: z.strictObject({ privateKey: keyText, certificate: keyText }).exactOptional(),
  /** RSA key that opens the keys of encrypted messages. */
  exchange: z.strictObject({ privateKey: keyText }).exactOptional(),
  /** Public keys of queue managers that messages can be encrypted for, by GUID. */
  peers: z.record(z.string(), keyText).exactOptional(),
  /** Certificates that senders are known by, by SID or by GUID. */
  certificates: z.record(z.string(), oneOrMany(keyText)).exactOptional(),
})

export type QmSecurity = z.output<typeof securitySchema>

export const qmSchema = z.strictObject({
  ...(Object.fromEntries(Object.entries(qmFields).map(([field, schema]) => [field, schema.exactOptional()])) as {
    [Field in keyof typeof qmFields]: z.ZodExactOptional<(typeof qmFields)[Field]>
  }),
  settings: z.record(z.string(), z.number()).default({}),
  queues: oneOrMany(queueSchema, QUEUES_MAX).default([]),
  security: securitySchema.exactOptional(),
  /** For HTTPS, as PEM text or files: own certificate and key, and whose certificates are believed. */
  cert: keyText.exactOptional(),
  key: keyText.exactOptional(),
  ca: keyText.exactOptional(),
  /** Host names and addresses that are this machine's too, for HTTP. */
  aliases: oneOrMany(host, 1024).default([]),
  /** Addresses of machines by name, for DIRECT=OS names; other names are asked of the system. */
  names: z.record(z.string().min(1), oneOrMany(ip)).default({}),
  /** Addresses of queue managers by GUID, for PRIVATE= and PUBLIC= names. */
  queueManagers: z.record(guid, oneOrMany(ip)).default({}),
})

export type QmFile = z.output<typeof qmSchema>

function isAnyGuid(text: string): boolean {
  try {
    return isGuid(parseGuid(text))
  } catch {
    return false
  }
}
