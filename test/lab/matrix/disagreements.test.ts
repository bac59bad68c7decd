import t from 'tap'
import { type Compared, findDisagreements } from '../../../lab/matrix/disagreements.js'

const cell = (column: string, kinds: Compared['kinds'], more: Partial<Compared> = {}): Compared => ({
  scenario: 'made-up',
  column,
  state: 'ran',
  why: null,
  kinds,
  asExpected: null,
  unmet: [],
  ...more,
})

t.test('only those that model the same thing are compared, with the first of them that ran', async t => {
  t.same(findDisagreements([cell('proxy-kept', []), cell('proxy-translated', ['misrouted'])]), [])
  const odd = findDisagreements([
    cell('proxy-kept', [], { state: 'not-applicable', why: 'it cannot' }),
    cell('haproxy-transparent', ['torn']),
    cell('kernel-nlb', ['duplicated']),
    cell('kernel-dsr', ['duplicated']),
    cell('kernel-dnat', [], { state: 'missing', why: 'no root' }),
    cell('nginx', ['misrouted']),
  ])
  t.same(odd, [
    {
      scenario: 'made-up',
      column: 'haproxy-transparent',
      reference: 'kernel-nlb',
      what: 'also torn, not duplicated',
      explanation: null,
    },
  ])
})

t.test('what failed, and what was expected in vain, is a disagreement by itself', async t => {
  t.match(
    findDisagreements([
      cell('proxy-kept', [], { asExpected: false, unmet: ['lost 1 expected, 0 seen'] }),
      cell('kernel-nlb', [], { asExpected: true }),
      cell('nginx', [], { state: 'failed', why: 'node gateway: too late' }),
    ]),
    [
      { column: 'proxy-kept', reference: null, what: 'lost 1 expected, 0 seen', explanation: null },
      { column: 'nginx', reference: null, what: 'node gateway: too late', explanation: null },
    ],
  )
})

t.test('a known reason accounts for its scenario, its balancer and its symptoms, and for no others', async t => {
  const scenario = 'nlb-16-balanced-nodes-send'
  const compared = (column: string, kinds: Compared['kinds'], name = scenario) =>
    findDisagreements([cell('proxy-kept', [], { scenario: name }), cell(column, kinds, { scenario: name })])[0]
      ?.explanation
  t.match(compared('kernel-dnat', ['misrouted', 'unacknowledged']), /past the router/)
  t.equal(compared('kernel-dnat', ['lost', 'misrouted']), null)
  t.equal(compared('kernel-dsr', ['misrouted']), null)
  t.equal(compared('kernel-dnat', ['misrouted'], 'nlb-1-plain-messages'), null)
})
