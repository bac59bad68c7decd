import fc from 'fast-check'
import t from 'tap'
import { OptionError } from '../../../protocol/errors.js'
import {
  type AccessRule,
  ANONYMOUS,
  ANONYMOUS_SID,
  accessRuleText,
  checkedAccessRules,
  EVERYONE,
  type Identity,
  isAllowed,
  parseAccessRule,
  RIGHTS,
  type Right,
} from '../../../queue-manager/security/access-control.js'
import { ALICE_SID, BOB_SID } from '../../fixtures/security-keys.js'

const alice: Identity = { sid: ALICE_SID }
const bob: Identity = { sid: BOB_SID }

t.test('who may do what', async t => {
  const rows: readonly [rules: string[], who: Identity, may: Right[]][] = [
    [[], ANONYMOUS, ['send']],
    [[], { sid: ANONYMOUS_SID }, ['send']],
    [[], alice, [...RIGHTS]],
    [[], EVERYONE, [...RIGHTS]],
    [['everyone:send'], alice, ['send']],
    [['everyone:send'], EVERYONE, ['send']],
    [['everyone:send'], ANONYMOUS, []],
    [['anonymous:send'], ANONYMOUS, ['send']],
    [['anonymous:send'], { sid: ANONYMOUS_SID }, ['send']],
    [['anonymous:send'], alice, []],
    [['S-1-1-0:peek', 'S-1-5-7:send'], alice, ['peek']],
    [['S-1-1-0:peek', 'S-1-5-7:send'], ANONYMOUS, ['send']],
    [[`${ALICE_SID}:all`], alice, [...RIGHTS]],
    [[`${ALICE_SID}:all`], bob, []],
    [[`${ALICE_SID}:all`], EVERYONE, []],
    [['everyone:all', `${BOB_SID}:!receive,!manage`], alice, [...RIGHTS]],
    [['everyone:all', `${BOB_SID}:!receive,!manage`], bob, ['send', 'peek', 'journal']],
    [[`${BOB_SID}:!send`, 'everyone:send,peek'], bob, ['peek']],
    [[`${BOB_SID}:send`, 'everyone:!all'], bob, []],
    [[`${BOB_SID}:send,!send`], bob, []],
  ]
  for (const [texts, who, may] of rows) {
    const rules = texts.map(text => parseAccessRule(text))
    const name = `${texts.join(' ') || 'no rules'} for ${who.sid ?? 'anonymous'}`
    t.strictSame(
      RIGHTS.filter(right => isAllowed(rules, who, right)),
      may,
      name,
    )
    t.strictSame(
      RIGHTS.filter(right => isAllowed([...rules].reverse(), who, right)),
      may,
      `${name}, rules in the other order`,
    )
  }
})

t.test('rules as text', async t => {
  t.strictSame(parseAccessRule(' Everyone : SEND , !Peek '), { who: 'everyone', allow: ['send'], deny: ['peek'] })
  t.strictSame(parseAccessRule('s-1-5-0021:all').who, 'S-1-5-21', 'a SID gets its canonical form')
  t.equal(parseAccessRule('S-1-0x000000000001-0:send').who, 'everyone')
  const rows: readonly [text: string, message: RegExp][] = [
    ['everyone', /access "everyone": allowed is who:right/],
    ['everyone:', /allowed is who:right/],
    ['everyone:sent', /access right "sent": allowed is send, receive, peek, journal, manage/],
    ['everyone:send,,peek', /access right ""/],
    ['S-1-5-x:send', /access subject "S-1-5-x": allowed is everyone, anonymous or a SID/],
    [':send', /access subject ""/],
  ]
  for (const [text, message] of rows) {
    t.throws(() => parseAccessRule(text), { message }, text)
    t.throws(() => parseAccessRule(text), OptionError, text)
  }
})

t.test('rules as objects', async t => {
  t.strictSame(checkedAccessRules([{ who: 's-1-5-7', allow: ['send'] }]), [
    { who: 'anonymous', allow: ['send'], deny: [] },
  ])
  t.throws(() => checkedAccessRules([{ who: 'Administrators' }], 'queues[0].access'), {
    message: /^queues\[0\]\.access subject "Administrators"/,
  })
  t.throws(() => checkedAccessRules([{ who: 'everyone', deny: ['write' as Right] }]), { code: 'MSMQ_OPTION_UNKNOWN' })
})

const right = fc.constantFrom(...RIGHTS)
const subject = fc.constantFrom('everyone', 'anonymous', ALICE_SID, BOB_SID)
const rule: fc.Arbitrary<AccessRule> = fc.record(
  { who: subject, allow: fc.uniqueArray(right, { minLength: 1 }), deny: fc.uniqueArray(right) },
  { noNullPrototype: true },
)

t.test('the text of a rule reads back as the rule', async t => {
  const inOrder = ({ who, allow = [], deny = [] }: AccessRule) => ({
    who,
    allow: RIGHTS.filter(right => allow.includes(right)),
    deny: RIGHTS.filter(right => deny.includes(right)),
  })
  fc.assert(
    fc.property(rule, drawn => {
      t.strictSame(inOrder(parseAccessRule(accessRuleText(drawn))), inOrder(drawn))
    }),
  )
})

t.test('a denial beats all else, and one more permission takes nothing away', async t => {
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1 }),
      right,
      fc.constantFrom(alice, bob, ANONYMOUS),
      (rules, right, who) => {
        const covered = rules.filter(
          ({ who: subject }) =>
            subject === who.sid ||
            (subject === 'everyone' && who.sid !== null) ||
            (subject === 'anonymous' && who.sid === null),
        )
        const denied = covered.some(({ deny }) => deny?.includes(right))
        const permitted = covered.some(({ allow }) => allow?.includes(right))
        return isAllowed(rules, who, right) === (permitted && !denied)
      },
    ),
  )
  t.pass('held')
})
