import t from 'tap'
import { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { ClockLeads, machinesOf } from '../../../diagnosis/output/machines.js'
import { Traffic } from '../../../diagnosis/output/traffic.js'
import { SeenTraffic } from '../../fixtures/seen-traffic.js'

const S1 = { qmId: 'aaaaaaaa-0000-0000-0000-000000000001', address: '10.0.1.1', uptimeMs: 3_600_000 }
const R1 = { qmId: 'bbbbbbbb-0000-0000-0000-000000000001', address: '10.0.2.1', uptimeMs: 1 }
const sum = (over: readonly number[]) => over.reduce((all, count) => all + (count ?? 0), 0)

t.test('messages over time: a day takes as much room as a second, and nothing is lost of the counts', async t => {
  const traffic = new Traffic()
  const seen = new SeenTraffic(new Diagnosis({ finders: [traffic] }))
  const out = seen.session(S1, R1)
  for (let number = 1; number <= 50; number += 1) {
    out.transactional({ number })
    out.express()
    seen.wait(number)
  }
  seen.session(R1, S1).orderAck(50, S1.address)
  t.equal(traffic.express, 50)
  t.equal(sum(traffic.messagesOver), 100)
  t.equal(sum(traffic.orderAcksOver), 1)
  t.ok(traffic.messagesOver.length <= 256 && traffic.orderAcksOver.length <= 256)
  t.ok(256 * traffic.stretchUs >= 1275e6, 'all of the time')
})

t.test('both sides of a balancer are counted once', async t => {
  const traffic = new Traffic()
  const seen = new SeenTraffic(new Diagnosis({ finders: [traffic] }))
  const out = seen.session(S1, R1, [S1.address, '10.0.0.5'], ['10.0.0.5', R1.address])
  out.express()
  out.sessionAck(1)
  t.match(traffic, { express: 1, sessionAcks: 1 })
})

t.test('who is who: addresses, roles, when the system started, how far the clock is ahead', async t => {
  const clocks = new ClockLeads()
  const diagnosis = new Diagnosis({ finders: [clocks] })
  const seen = new SeenTraffic(diagnosis)
  const out = seen.session(S1, R1)
  out.express()
  out.user({ sentTime: seen.nowS + 90 })
  const [sender, receiver] = machinesOf(diagnosis.parties, clocks)
  t.match(sender, { qmId: S1.qmId, roles: ['sender'], sent: 2, addresses: [{ address: S1.address, opens: true }] })
  t.ok(Math.abs(sender!.clockAheadS! - 90) <= 1, `${sender!.clockAheadS} s`)
  t.ok(Math.abs(sender!.addresses[0]!.firstUs - sender!.addresses[0]!.startedUs! - 3600e6) < 1e6)
  t.match(receiver, { qmId: R1.qmId, roles: ['receiver'], received: 2, clockAheadS: null })
})
