import { OptionError } from '../protocol/errors.js'
import { type Guid, isGuid, NIL_GUID } from '../protocol/guid.js'
import type { StoredField, StoredValue } from './actions.js'
import { type AccessRule, checkedAccessRules } from './security/access-control.js'
import type { StoredRow } from './stored-row.js'

/** Which messages a queue takes with regard to encryption ([MS-MQDMPR] 3.1.1.2). */
export type PrivacyLevel = 'none' | 'optional' | 'body'

/** What can be changed of a queue ([MS-MQDMPR] 3.1.1.2, defaults of 3.1.7.1.33). Sizes in KB; null is without limit. */
export interface QueueProperties {
  /** At most 124 characters. */
  readonly label: string
  readonly quotaKB: number | null
  /** Target journaling: messages received from the queue are copied to its journal (MQ-7). */
  readonly journal: boolean
  readonly journalQuotaKB: number | null
  readonly privacy: PrivacyLevel
  /** Takes signed messages only. */
  readonly authenticate: boolean
  /** -32768..32767, of public queues (MQ-6). */
  readonly basePriority: number
  /** The application's own kind of service; not interpreted. */
  readonly type: Guid
  /** Empty: everybody may send, and who reaches this machine's applications may do the rest. */
  readonly access: readonly AccessRule[]
}

export type QueueChanges = Partial<QueueProperties>

export interface QueueOptions extends QueueChanges {
  /** `private$\NAME`, or NAME for a public queue. */
  readonly name: string
  readonly transactional?: boolean
  /** Private queue number, as in PRIVATE=guid\number; default the next free one. */
  readonly number?: number
  /** Of a public queue, as in PUBLIC=guid. */
  readonly guid?: Guid
}

export const QUEUE_DEFAULTS: QueueProperties = {
  label: '',
  quotaKB: null,
  journal: false,
  journalQuotaKB: null,
  privacy: 'optional',
  authenticate: false,
  basePriority: 0,
  type: NIL_GUID,
  access: [],
}

const LABEL_MAX = 124
const KB_MAX = 0xffffffff
const PRIVACY_LEVELS: readonly string[] = ['none', 'optional', 'body']

/**
 * `before` with `changes` applied; properties that are undefined stay.
 * @throws OptionError MSMQ_OPTION_RANGE, MSMQ_OPTION_UNKNOWN naming the property and what is allowed.
 */
export function changedProperties(before: QueueProperties, changes: QueueChanges): QueueProperties {
  const after: Record<string, unknown> = { ...before }
  for (const name of Object.keys(QUEUE_DEFAULTS) as (keyof QueueProperties)[])
    if (changes[name] !== undefined) after[name] = changes[name]
  if (changes.access !== undefined) after.access = checkedAccessRules(changes.access)
  const properties = after as unknown as QueueProperties
  check('label', properties.label, properties.label.length <= LABEL_MAX, `at most ${LABEL_MAX} characters`)
  check('quotaKB', properties.quotaKB, isSize(properties.quotaKB), `0 to ${KB_MAX} KB, or null for no limit`)
  check(
    'journalQuotaKB',
    properties.journalQuotaKB,
    isSize(properties.journalQuotaKB),
    `0 to ${KB_MAX} KB, or null for no limit`,
  )
  check('privacy', properties.privacy, PRIVACY_LEVELS.includes(properties.privacy), PRIVACY_LEVELS.join(', '))
  check(
    'basePriority',
    properties.basePriority,
    Number.isInteger(properties.basePriority) && Math.abs(properties.basePriority + 0.5) <= 32_767.5,
    'a whole number from -32768 to 32767',
  )
  check('type', properties.type, isGuid(properties.type), 'a GUID')
  return properties
}

/** Properties as the store keeps them. */
export function storedProperties(properties: QueueProperties): StoredValue {
  const { access, ...rest } = properties
  const rules = access.map(({ who, allow = [], deny = [] }) => ({ who, allow: [...allow], deny: [...deny] }))
  return { ...rest, access: rules as readonly StoredField[] }
}

export function restoredProperties(row: StoredRow): QueueProperties {
  return {
    label: row.text('label'),
    quotaKB: row.optional('quotaKB', row.number),
    journal: row.flag('journal'),
    journalQuotaKB: row.optional('journalQuotaKB', row.number),
    privacy: oneOf(row, 'privacy', PRIVACY_LEVELS) as PrivacyLevel,
    authenticate: row.flag('authenticate'),
    basePriority: row.whole('basePriority', -32_768, 32_767),
    type: row.text('type'),
    access: row.list('access') as unknown as readonly AccessRule[],
  }
}

function oneOf(row: StoredRow, field: string, allowed: readonly string[]): string {
  const value = row.text(field)
  if (!allowed.includes(value)) throw row.wrong(field, `one of ${allowed.join(', ')}`)
  return value
}

function isSize(value: number | null): boolean {
  return value === null || (value >= 0 && value <= KB_MAX)
}

function check(property: string, value: unknown, right: boolean, allowed: string): void {
  if (!right) throw new OptionError('MSMQ_OPTION_RANGE', property, value, allowed)
}
