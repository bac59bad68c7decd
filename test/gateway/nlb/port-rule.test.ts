import t from 'tap'
import { clusterConfig, type PortRuleInput } from '../../../gateway/nlb/cluster-config.js'
import {
  AFFINITY_TIMEOUT_MAX_MINUTES,
  ALL_ADDRESSES,
  findRule,
  isWeight,
  type PortRule,
  portRuleText,
  RULES_MAX,
  ruleAdvice,
  ruleProblems,
  rulesCode,
} from '../../../gateway/nlb/port-rule.js'

const VIP = '10.0.0.100'
const OTHER_VIP = '10.0.0.101'
const ADDRESSES = [VIP, OTHER_VIP]

const rule = (input: PortRuleInput = {}): PortRule =>
  clusterConfig({ addresses: ADDRESSES, rules: [input], hosts: [{ name: 'A', address: '10.0.0.1' }] }).rules[0]!

const anyRule: PortRule = rule()

t.test('a rule that states nothing is Windows’ default rule', async t => {
  t.strictSame(anyRule, {
    address: '255.255.255.255',
    startPort: 0,
    endPort: 65_535,
    protocol: 'both',
    mode: 'multiple',
    affinity: 'single',
    timeoutMinutes: 0,
  })
})

t.test('ranges of every field', async t => {
  const rows: [name: string, input: Partial<PortRule>, field?: keyof PortRule][] = [
    ['all ports', {}],
    ['port 0 alone', { endPort: 0 }],
    ['port 65535 alone', { startPort: 65_535 }],
    ['port below 0', { startPort: -1 }, 'startPort'],
    ['port above 65535', { endPort: 65_536 }, 'endPort'],
    ['half a port', { startPort: 1801.5 }, 'startPort'],
    ['no number', { endPort: Number.NaN }, 'endPort'],
    ['ends before it starts', { startPort: 1802, endPort: 1801 }, 'endPort'],
    ['one of the cluster’s addresses', { address: OTHER_VIP }],
    ['a foreign address', { address: '10.0.0.1' }, 'address'],
    ['longest extended affinity', { timeoutMinutes: AFFINITY_TIMEOUT_MAX_MINUTES }],
    ['longer than that', { timeoutMinutes: 241 }, 'timeoutMinutes'],
    ['negative', { timeoutMinutes: -1 }, 'timeoutMinutes'],
    ['half a minute', { timeoutMinutes: 0.5 }, 'timeoutMinutes'],
    ['extended affinity for networks', { affinity: 'network', timeoutMinutes: 20 }],
    ['extended affinity without affinity', { affinity: 'none', timeoutMinutes: 20 }, 'timeoutMinutes'],
    ['extended affinity under single host', { mode: 'single', timeoutMinutes: 20 }, 'timeoutMinutes'],
    ['extended affinity under disabled', { mode: 'disabled', timeoutMinutes: 20 }, 'timeoutMinutes'],
  ]
  for (const [name, input, field] of rows) {
    const fields = ruleProblems([{ ...anyRule, ...input }], ADDRESSES).map(problem => problem.field)
    t.strictSame(fields, field === undefined ? [] : [field], name)
  }
  t.equal(AFFINITY_TIMEOUT_MAX_MINUTES, 240)
})

t.test('rules that overlap, and rules that only look so', async t => {
  const rows: [name: string, one: Partial<PortRule>, other: Partial<PortRule>, overlaps: boolean][] = [
    ['the same', {}, {}, true],
    ['next to each other', { endPort: 1800 }, { startPort: 1801 }, false],
    ['one port in common', { endPort: 1801 }, { startPort: 1801 }, true],
    ['one within the other', {}, { startPort: 1801, endPort: 1801 }, true],
    ['TCP and UDP', { protocol: 'tcp' }, { protocol: 'udp' }, false],
    ['TCP and both', { protocol: 'tcp' }, { protocol: 'both' }, true],
    ['both and UDP', { protocol: 'both' }, { protocol: 'udp' }, true],
    ['two addresses', { address: VIP }, { address: OTHER_VIP }, false],
    ['one address and all', { address: VIP }, { address: ALL_ADDRESSES }, false],
    ['one address twice', { address: VIP }, { address: VIP }, true],
  ]
  for (const [name, one, other, overlaps] of rows)
    for (const [order, rules] of [
      ['', [one, other]],
      [', turned round', [other, one]],
    ] as const) {
      const problems = ruleProblems(
        rules.map(input => ({ ...anyRule, ...input })),
        ADDRESSES,
      )
      t.equal(problems.length, overlaps ? 1 : 0, `${name}${order}`)
      if (overlaps) t.match(problems[0], { index: 1, what: / overlaps / }, `${name}${order}: the later one is named`)
    }
})

t.test('32 rules, and not one more', async t => {
  const rules = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...anyRule, startPort: index, endPort: index }))
  t.equal(RULES_MAX, 32)
  t.strictSame(ruleProblems(rules(32), ADDRESSES), [])
  t.match(ruleProblems(rules(33), ADDRESSES), [{ index: 32, what: 'more than 32 rules' }])
})

t.test('the rule for a packet', async t => {
  const rules = [
    rule({ startPort: 1801, endPort: 1801, protocol: 'tcp' }),
    rule({ startPort: 3527, endPort: 3527, protocol: 'udp' }),
    rule({ startPort: 80, endPort: 90 }),
    rule({ startPort: 1801, endPort: 1801, protocol: 'tcp', address: OTHER_VIP }),
    rule({ startPort: 5000, endPort: 5999, address: VIP }),
    rule({ startPort: 0, endPort: 0 }),
    rule({ startPort: 65_535, endPort: 65_535 }),
  ]
  const rows: [protocol: 'tcp' | 'udp', address: string, port: number, index: number][] = [
    ['tcp', VIP, 1801, 0],
    ['udp', VIP, 1801, -1],
    ['udp', VIP, 3527, 1],
    ['tcp', VIP, 3527, -1],
    ['tcp', VIP, 79, -1],
    ['tcp', VIP, 80, 2],
    ['udp', VIP, 90, 2],
    ['udp', VIP, 91, -1],
    ['tcp', OTHER_VIP, 1801, 3],
    ['udp', OTHER_VIP, 1801, -1],
    ['tcp', VIP, 5500, 4],
    ['tcp', OTHER_VIP, 5500, -1],
    ['tcp', VIP, 0, 5],
    ['udp', OTHER_VIP, 65_535, 6],
  ]
  for (const [protocol, address, port, index] of rows)
    t.equal(findRule(rules, protocol, address, port), index, `${protocol} ${address}:${port}`)
  t.equal(findRule([], 'tcp', VIP, 1801), -1, 'no rules')
  const special = rules[3]!
  const general = rules[0]!
  t.equal(findRule([special, general], 'tcp', OTHER_VIP, 1801), 0, 'the special one first')
  t.equal(findRule([general, special], 'tcp', OTHER_VIP, 1801), 1, 'the special one last')
  t.equal(findRule([special, general], 'tcp', VIP, 1801), 1, 'the general one for other addresses')
})

t.test('what hosts compare', async t => {
  const mine = [rule({ startPort: 1801, endPort: 1801, protocol: 'tcp' }), rule({ startPort: 80, endPort: 80 })]
  const [first, second] = mine as [PortRule, PortRule]
  const rows: [name: string, theirs: PortRule[], same: boolean][] = [
    ['the same', [...mine], true],
    ['in another order', [second, first], true],
    ['one fewer', [first], false],
    ['one more', [...mine, rule({ startPort: 443, endPort: 443 })], false],
    ['another start', [{ ...first, startPort: 1800 }, second], false],
    ['another end', [{ ...first, endPort: 1802 }, second], false],
    ['another protocol', [{ ...first, protocol: 'both' }, second], false],
    ['another mode', [{ ...first, mode: 'single' }, second], false],
    ['disabled', [{ ...first, mode: 'disabled' }, second], false],
    ['another affinity', [{ ...first, affinity: 'none' }, second], false],
    ['another address', [{ ...first, address: VIP }, second], false],
  ]
  for (const [name, theirs, same] of rows) t.equal(rulesCode(theirs) === rulesCode(mine), same, name)
  const single = rule({ mode: 'single', affinity: 'none' })
  t.equal(rulesCode([single]), rulesCode([{ ...single, affinity: 'network' }]), 'single host: affinity does not count')
  const disabled = rule({ mode: 'disabled' })
  t.equal(rulesCode([disabled]), rulesCode([{ ...disabled, affinity: 'none' }]), 'disabled: nor there')
})

t.test('affinity none and UDP is unwise', async t => {
  const advised = (input: PortRuleInput) => ruleAdvice([rule(input)]).length
  t.equal(advised({ affinity: 'none', protocol: 'udp' }), 1)
  t.equal(advised({ affinity: 'none', protocol: 'both' }), 1)
  t.equal(advised({ affinity: 'none', protocol: 'tcp' }), 0)
  t.equal(advised({ affinity: 'single', protocol: 'both' }), 0)
  t.equal(advised({ affinity: 'none', protocol: 'both', mode: 'single' }), 0, 'affinity does not count')
})

t.test('as people write it, and weights', async t => {
  t.equal(portRuleText(anyRule), 'TCP+UDP 0-65535')
  t.equal(portRuleText(rule({ startPort: 1801, endPort: 1801, protocol: 'tcp' })), 'TCP 1801')
  t.equal(portRuleText(rule({ protocol: 'udp', endPort: 9, address: VIP })), `UDP 0-9 at ${VIP}`)
  for (const weight of [0, 1, 50, 100]) t.ok(isWeight(weight), `${weight}`)
  for (const weight of [-1, 101, 0.5, Number.NaN]) t.notOk(isWeight(weight), `${weight}`)
})
