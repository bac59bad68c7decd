import { OptionError } from '../../protocol/errors.js'
import { sidBytes, sidText } from '../../protocol/sid.js'

/* Who may do what with a queue. A directory's security descriptors and group memberships are out of reach, so rules name
 * a SID, everyone, or the anonymous user. Source: [MS-MQQB] 3.1.5.8.3, [MS-MQMQ] 2.2.24; decision 0016. */

/** `send` is MQSEC_WRITE_MESSAGE, `receive` MQSEC_RECEIVE_MESSAGE, `peek` MQSEC_PEEK_MESSAGE, `journal`
 *  MQSEC_RECEIVE_JOURNAL_MESSAGE; `manage` stands for purging, changing and deleting the queue. */
export type Right = 'send' | 'receive' | 'peek' | 'journal' | 'manage'

export const RIGHTS: readonly Right[] = ['send', 'receive', 'peek', 'journal', 'manage']

/** What one subject may do and may not. A denial beats every permission, whatever the order of the rules. */
export interface AccessRule {
  /** A SID text has its canonical form, which {@link checkedAccessRules} gives it. */
  readonly who: 'everyone' | 'anonymous' | (string & {})
  readonly allow?: readonly Right[]
  readonly deny?: readonly Right[]
}

/** Who asks: a SID in canonical text form; null is the anonymous user. */
export interface Identity {
  readonly sid: string | null
}

/** SECURITY_WORLD_RID; also stands for the sender of a message that carries a queue manager's GUID instead of a SID. */
export const EVERYONE_SID = 'S-1-1-0'
/** SECURITY_ANONYMOUS_LOGON_RID. */
export const ANONYMOUS_SID = 'S-1-5-7'

export const ANONYMOUS: Identity = { sid: null }
export const EVERYONE: Identity = { sid: EVERYONE_SID }

/**
 * Without rules everyone may everything, and the anonymous user may send. With rules only what they allow may be done.
 * As on Windows since 2003, `everyone` does not cover the anonymous user.
 */
export function isAllowed(rules: readonly AccessRule[], who: Identity, right: Right): boolean {
  const anonymous = who.sid === null || who.sid === ANONYMOUS_SID
  if (rules.length === 0) return !anonymous || right === 'send'
  let allowed = false
  for (const rule of rules) {
    if (!covers(rule.who, who, anonymous)) continue
    if (rule.deny?.includes(right) === true) return false
    if (rule.allow?.includes(right) === true) allowed = true
  }
  return allowed
}

function covers(subject: string, who: Identity, anonymous: boolean): boolean {
  if (subject === 'anonymous') return anonymous
  if (subject === 'everyone') return !anonymous
  return subject === who.sid
}

/**
 * Rules in canonical form: SIDs as `sidText` writes them, the well-known ones by their names.
 * @throws OptionError MSMQ_OPTION_RANGE for a subject, MSMQ_OPTION_UNKNOWN for a right.
 */
export function checkedAccessRules(rules: readonly AccessRule[], option = 'access'): AccessRule[] {
  return rules.map(rule => {
    const { allow = [], deny = [] } = rule
    for (const right of [...allow, ...deny]) checkRight(right, option)
    return { who: checkedSubject(rule.who, option), allow: [...allow], deny: [...deny] }
  })
}

const RULE_SHAPE = "who:right,!right,…, such as 'everyone:send' or 'S-1-5-21-1-2-3-1001:all,!manage'"

/**
 * A rule written as `who:right,right,!right`. `who` is everyone, anonymous or a SID; `all` stands for every right and
 * `!` denies.
 * @throws OptionError MSMQ_OPTION_RANGE, MSMQ_OPTION_UNKNOWN, with what is allowed.
 */
export function parseAccessRule(text: string, option = 'access'): AccessRule {
  const colon = text.indexOf(':')
  if (colon < 0 || text.slice(colon + 1).trim() === '')
    throw new OptionError('MSMQ_OPTION_RANGE', option, text, RULE_SHAPE)
  const allow = new Set<Right>()
  const deny = new Set<Right>()
  for (const word of text.slice(colon + 1).split(',')) {
    const trimmed = word.trim().toLowerCase()
    const denies = trimmed.startsWith('!')
    const name = denies ? trimmed.slice(1) : trimmed
    const rights = name === 'all' ? RIGHTS : [checkRight(name, option)]
    for (const right of rights) (denies ? deny : allow).add(right)
  }
  return { who: checkedSubject(text.slice(0, colon).trim(), option), allow: [...allow], deny: [...deny] }
}

/** The text that {@link parseAccessRule} reads back as the same rule. */
export function accessRuleText({ who, allow = [], deny = [] }: AccessRule): string {
  const words = allow.length === RIGHTS.length ? ['all'] : [...allow]
  const denied = deny.length === RIGHTS.length ? ['!all'] : deny.map(right => `!${right}`)
  return `${who}:${[...words, ...denied].join(',')}`
}

function checkRight(name: string, option: string): Right {
  const right = RIGHTS.find(known => known === name)
  if (right === undefined)
    throw new OptionError(
      'MSMQ_OPTION_UNKNOWN',
      `${option} right ${JSON.stringify(name)}`,
      undefined,
      RIGHTS.join(', '),
    )
  return right
}

function checkedSubject(who: string, option: string): string {
  const name = who.toLowerCase()
  if (name === 'everyone' || name === 'anonymous') return name
  const bytes = sidBytes(who)
  if (bytes === null)
    throw new OptionError(
      'MSMQ_OPTION_RANGE',
      `${option} subject`,
      who,
      'everyone, anonymous or a SID such as S-1-5-21-…',
    )
  const sid = sidText(bytes)
  return sid === EVERYONE_SID ? 'everyone' : sid === ANONYMOUS_SID ? 'anonymous' : sid
}
