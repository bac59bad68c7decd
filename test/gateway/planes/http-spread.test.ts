import t from 'tap'
import type { Policy } from '../../../gateway/nlb/policy.js'
import { HostStates } from '../../../gateway/planes/host-states.js'
import { createRandomPolicy, createRoundRobinPolicy } from '../../../gateway/planes/http-spread.js'

const client = { address: '192.0.2.1', port: 1 }
const hosts = [
  { name: 'a', weight: 5 },
  { name: 'b', weight: 1 },
  { name: 'c', weight: 1 },
]

const draw = (policy: Policy, count: number, except?: ReadonlySet<string>) =>
  Array.from({ length: count }, () => policy.pick(client, except).host ?? '-').join('')

t.test('in turn: evenly spread within each round, and fair again after some were left out', async t => {
  const policy = createRoundRobinPolicy(hosts)
  t.equal(draw(policy, 14), 'aabacaaaabacaa')
  t.equal(draw(policy, 4, new Set(['a'])), 'bcbc')
  t.equal(draw(policy, 7), 'aabacaa')
  t.equal(draw(policy, 1, new Set(['a', 'b', 'c'])), '-')
})

t.test('by chance: the seed decides, weights hold', async t => {
  t.equal(draw(createRandomPolicy(hosts, 3), 50), draw(createRandomPolicy(hosts, 3), 50))
  t.not(draw(createRandomPolicy(hosts, 3), 50), draw(createRandomPolicy(hosts, 4), 50))
  const many = draw(createRandomPolicy(hosts, 3), 7000)
  const share = (name: string) => many.split(name).length - 1
  t.ok(Math.abs(share('a') - 5000) < 200 && Math.abs(share('b') - 1000) < 200, `${share('a')} ${share('b')}`)
  const policy = createRandomPolicy(hosts, 3)
  t.notMatch(draw(policy, 100, new Set(['a'])), /a/)
  t.equal(draw(policy, 1, new Set(['a', 'b', 'c'])), '-')
})

t.test('states: orders outweigh health, changes are told once, policies leave out who takes nothing', async t => {
  const changes: string[] = []
  const states = new HostStates(['a', 'b', 'c'], (host, state) => changes.push(`${host} ${state}`))
  const policy = states.within(createRoundRobinPolicy(hosts))
  states.found('a', false)
  states.found('a', false)
  t.equal(draw(policy, 4), 'bcbc')
  states.order('a', 'draining')
  states.found('a', true)
  t.equal(states.of('a'), 'draining')
  states.order('a', 'up')
  states.order('b', 'down')
  t.match(policy.pick(client, new Set(['a'])), { host: 'c' })
  t.same(changes, ['a down', 'a draining', 'a up', 'b down'])
  t.same(states.all(), { a: 'up', b: 'down', c: 'up' })
  t.throws(() => states.order('d', 'up'), RangeError)
})
