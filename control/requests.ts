import { z } from 'zod'
import { CORRELATION_ID_SIZE, MP_FLAGS } from '../protocol/binary/message-properties-header.js'
import { ENCRYPTION_NAMES, HASH_NAMES } from '../queue-manager/security/security-request.js'
import { BODY_BYTES_MAX, LISTED_MESSAGES_MAX, RECEIVED_MESSAGES_MAX, TRANSACTION_MESSAGES_MAX } from './bounds.js'

/* What goes over a control connection, each thing one frame:
 *
 *   client  [0, 'hello', {version, token?}]     first, once
 *   server  [0, 'ok', {version, what, name, …}] or [0, 'error', …] and the end; guid of a queue manager
 *   client  [id, method, parameters]            ids are the client's, from 1
 *   server  [id, 'ok', result]                  in any order
 *           [id, 'part', rows]                  some messages, or rows of a list, and more to come
 *           [id, 'error', {code, message, mqError, definite}]
 *
 * `cancel` has no answer of its own: what it cancels is answered. */

const TEXT_CHARACTERS_MAX = 65_536
const DAY_MS = 86_400_000
const U32_MAX = 0xffffffff

const whole = (min: number, max: number) => z.number().int().min(min).max(max)
const u32 = whole(0, U32_MAX)
const safe = whole(0, Number.MAX_SAFE_INTEGER)
const bytesOf = (allowed: (length: number) => boolean, what: string) =>
  z
    .instanceof(Uint8Array)
    .refine(value => allowed(value.length), what)
    .transform(value => Buffer.from(value.buffer, value.byteOffset, value.byteLength))
const bytes = bytesOf(length => length <= BODY_BYTES_MAX, 'bytes, at most 4 MiB')
const correlationId = bytesOf(length => length === CORRELATION_ID_SIZE, '20 bytes')
const text = z.string().max(TEXT_CHARACTERS_MAX)
const queue = z.string().min(1).max(512)
const seconds = z.number().min(0).max(U32_MAX)
const transaction = safe.exactOptional()

const ALL_ACKNOWLEDGEMENTS = MP_FLAGS.PA | MP_FLAGS.PR | MP_FLAGS.NA | MP_FLAGS.NR

const signing = z.strictObject({
  version: z.literal([1, 2, 3]).exactOptional(),
  hash: z.enum(HASH_NAMES).exactOptional(),
})
const encryption = z.strictObject({ algorithm: z.enum(ENCRYPTION_NAMES).exactOptional() })

const message = z.strictObject({
  destination: text.min(1),
  body: bytes,
  label: z.string().max(1000).exactOptional(),
  delivery: z.enum(['express', 'recoverable']).exactOptional(),
  priority: whole(0, 7).exactOptional(),
  timeToReachQueueS: seconds.exactOptional(),
  timeToBeReceivedS: seconds.exactOptional(),
  acknowledgements: whole(0, ALL_ACKNOWLEDGEMENTS).exactOptional(),
  adminQueue: text.exactOptional(),
  responseQueue: text.exactOptional(),
  reportQueue: text.exactOptional(),
  deadLetterQueue: text.exactOptional(),
  journalNegative: z.boolean().exactOptional(),
  journalPositive: z.boolean().exactOptional(),
  correlationId: correlationId.exactOptional(),
  applicationTag: u32.exactOptional(),
  bodyType: u32.exactOptional(),
  extension: bytes.exactOptional(),
  trace: z.boolean().exactOptional(),
  sign: z.union([z.boolean(), signing]).exactOptional(),
  encrypt: z.union([z.boolean(), encryption]).exactOptional(),
  identify: z.boolean().exactOptional(),
})

const by = z.union([
  z.strictObject({ lookupId: safe, which: z.enum(['this', 'next', 'previous']).exactOptional() }),
  z.strictObject({ which: z.enum(['first', 'last']) }),
  z.strictObject({ messageId: z.string().max(64) }),
  z.strictObject({ correlationId }),
])

const right = z.enum(['send', 'receive', 'peek', 'journal', 'manage'])
const accessRule = z.strictObject({
  who: z.string().min(1).max(256),
  allow: z.array(right).max(16).exactOptional(),
  deny: z.array(right).max(16).exactOptional(),
})

const queueProperties = {
  label: z.string().max(124).exactOptional(),
  quotaKB: whole(0, U32_MAX).nullable().exactOptional(),
  journal: z.boolean().exactOptional(),
  journalQuotaKB: whole(0, U32_MAX).nullable().exactOptional(),
  privacy: z.enum(['none', 'optional', 'body']).exactOptional(),
  authenticate: z.boolean().exactOptional(),
  basePriority: whole(-32_768, 32_767).exactOptional(),
  type: z.string().max(38).exactOptional(),
  access: z.array(accessRule).max(256).exactOptional(),
}

/** The parameters of every method. Strict, so that a misspelt option is an error and not ignored. */
export const METHODS = {
  send: z.strictObject({ message, transaction }),
  sendTransaction: z.strictObject({ messages: z.array(message).min(1).max(TRANSACTION_MESSAGES_MAX) }),
  receive: z.strictObject({
    queue,
    max: whole(1, RECEIVED_MESSAGES_MAX).exactOptional(),
    peek: z.boolean().exactOptional(),
    /** null waits for ever. */
    timeoutMs: z
      .number()
      .min(0)
      .max(365 * DAY_MS)
      .nullable()
      .exactOptional(),
    transaction,
    /** SID text, or null for an anonymous one; absent: with every right. */
    as: z.string().max(256).nullable().exactOptional(),
    by: by.exactOptional(),
  }),
  cancel: z.strictObject({ request: u32 }),
  list: z.strictObject({ queue, max: whole(1, LISTED_MESSAGES_MAX) }),
  begin: z.strictObject({}),
  commit: z.strictObject({ transaction: safe }),
  abort: z.strictObject({ transaction: safe }),
  move: z.strictObject({ queue, lookupId: safe, subqueue: z.string().min(1).max(32).nullable(), transaction }),
  reject: z.strictObject({ queue, lookupId: safe, transaction: safe }),
  queues: z.strictObject({}),
  createQueue: z.strictObject({
    name: queue,
    transactional: z.boolean().exactOptional(),
    number: whole(1, U32_MAX).exactOptional(),
    guid: z.string().max(38).exactOptional(),
    ...queueProperties,
  }),
  setQueue: z.strictObject({ queue, changes: z.strictObject(queueProperties) }),
  deleteQueue: z.strictObject({ queue }),
  purge: z.strictObject({ queue }),
  outgoing: z.strictObject({}),
  pauseOutgoing: z.strictObject({ formatName: text }),
  resumeOutgoing: z.strictObject({ formatName: text }),
  purgeOutgoing: z.strictObject({ formatName: text }),
  settings: z.strictObject({}),
  status: z.strictObject({}),
} as const satisfies Record<string, z.ZodType>

export type Method = keyof typeof METHODS
export type Parameters<M extends Method> = z.infer<(typeof METHODS)[M]>

const hello = z.tuple([
  z.literal(0),
  z.literal('hello'),
  z.strictObject({ version: z.number(), token: z.string().max(512).exactOptional() }),
])

/** A client's first frame, or null when it is none. */
export function readHello(frame: unknown): { version: number; token?: string | undefined } | null {
  const read = hello.safeParse(frame)
  return read.success ? read.data[2] : null
}

/** The parameters of every method that a service has, by its name. */
export type MethodTable = Readonly<Record<string, z.ZodType>>

export type ReadRequest =
  | { readonly id: number; readonly method: string; readonly parameters: unknown }
  /** Not to be carried out, but there is an id to answer to. */
  | { readonly id: number; readonly fault: string }

/** A later frame, its parameters checked; null when it is not even a request. */
export function readRequest(frame: unknown, methods: MethodTable): ReadRequest | null {
  if (!Array.isArray(frame) || frame.length !== 3) return null
  const [id, method, parameters] = frame as [unknown, unknown, unknown]
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > U32_MAX) return null
  if (typeof method !== 'string') return null
  if (!Object.hasOwn(methods, method)) return { id, fault: `there is no method ${JSON.stringify(method.slice(0, 40))}` }
  const read = methods[method]!.safeParse(parameters)
  if (read.success) return { id, method, parameters: read.data }
  return { id, fault: `${method}: ${issueText(read.error.issues[0])}` }
}

function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'not understood'
  const path = issue.path.map(String).join('.')
  return `${path === '' ? '' : `${path}: `}${issue.message}`.slice(0, 300)
}
