import t from 'tap'
import { Diagnosis } from '../../diagnosis/diagnosis.js'
import type { FindingKindId } from '../../diagnosis/finding-kinds.js'
import { SeenTraffic, type TrafficMachine, TrafficSession } from '../fixtures/seen-traffic.js'

const VIP = '10.0.0.5'
const SENDER = machine('aaaaaaaa-0000-0000-0000-000000000001', '10.0.1.1', 86_400_000)
const OTHER = machine('aaaaaaaa-0000-0000-0000-000000000002', '10.0.1.2', 3_600_000)
const R1 = machine('bbbbbbbb-0000-0000-0000-000000000001', '10.0.2.1', 7_200_000)
const R2 = machine('bbbbbbbb-0000-0000-0000-000000000002', '10.0.2.2', 9_000_000)

function machine(qmId: string, address: string, uptimeMs: number): TrafficMachine {
  return { qmId, address, uptimeMs }
}

/** Through a balancer that puts its own address in place of the sender's; both sides are seen. */
const translated = (from: TrafficMachine, to: TrafficMachine) =>
  [
    [from.address, VIP],
    [VIP, to.address],
  ] as const
/** One that keeps it. */
const kept = (from: TrafficMachine, to: TrafficMachine) =>
  [
    [from.address, VIP],
    [from.address, to.address],
  ] as const

function diagnose(play: (traffic: SeenTraffic) => void) {
  const diagnosis = new Diagnosis()
  play(new SeenTraffic(diagnosis))
  diagnosis.finish()
  const found = diagnosis.book.list()
  return {
    diagnosis,
    ids: found.filter(({ severity }) => severity !== 'notice').map(({ id }) => id),
    of: (id: FindingKindId) => found.find(finding => finding.id === id),
  }
}

t.test('what should be gives no finding', t => {
  const { ids, diagnosis } = diagnose(traffic => {
    const out = traffic.session(SENDER, R1, ...kept(SENDER, R1))
    for (let number = 1; number <= 3; number += 1) out.transactional({ number })
    const back = traffic.session(R1, SENDER)
    back.orderAck(3, SENDER.address)
    out.end()
    back.end()
  })
  t.strictSame(ids, [])
  t.match(diagnosis.counts, { messages: 3, transactional: 3, orderAcks: 1 }, 'both sides of the balancer are one')
  t.strictSame(
    diagnosis.parties.list().map(({ qmId, addresses }) => [qmId, [...addresses.keys()]]),
    [
      [SENDER.qmId, [SENDER.address]],
      [R1.qmId, [R1.address]],
    ],
    'nobody lives at the balancer',
  )
  t.end()
})

t.test('an order ack that the balancer gives to a receiver', t => {
  const { ids, of } = diagnose(traffic => {
    const out = traffic.session(SENDER, R1, ...translated(SENDER, R1))
    out.transactional({ number: 1 })
    traffic.session(R1, R2, ...translated(R1, R2)).orderAck(1, VIP)
    traffic.wait(30)
  })
  t.strictSame(ids, ['order-ack-misrouted'])
  const { first, count, proven } = of('order-ack-misrouted')!
  t.match([count, proven], [1, 1])
  t.strictSame(first.machines, [R1.qmId, SENDER.qmId, R2.qmId])
  t.equal(first.frames.length, 2, 'the message where it arrived, and the ack where it landed')
  t.match(first.text, /through the balancer at 10\.0\.0\.5/)
  t.match(of('source-translated')?.first, { from: SENDER.address, to: R1.address })
  t.end()
})

t.test('the front side alone shows it, too: the acceptor says who it is', t => {
  const { of } = diagnose(traffic => {
    traffic.session(SENDER, R1, [SENDER.address, VIP]).transactional({ number: 1 })
    traffic.session(R1, R2, [R1.address, VIP]).orderAck(1, VIP)
  })
  t.match(of('order-ack-misrouted'), { count: 1, proven: 1 })
  t.end()
})

t.test('an order ack for one sender that another gets', t => {
  const { ids } = diagnose(traffic => {
    traffic.session(SENDER, R1, ...translated(SENDER, R1)).transactional({ number: 1 })
    traffic.session(OTHER, R1, ...translated(OTHER, R1)).express()
    traffic.session(R1, OTHER, ...translated(R1, OTHER)).orderAck(1, VIP)
  })
  t.strictSame(ids, ['order-ack-to-another-sender'])
  t.end()
})

t.test('clones', async t => {
  const clone = machine(SENDER.qmId, '10.0.1.9', 60_000)
  t.test('that started at different times are two machines', t => {
    const { ids, of } = diagnose(traffic => {
      traffic.session(SENDER, R1).transactional({ number: 1 })
      traffic.session(clone, R1).transactional({ number: 1, ordinal: 2 })
      traffic.session(R1, clone).orderAck(1, clone.address, 1)
    })
    t.strictSame(ids, ['order-ack-to-a-clone', 'qmid-at-several-addresses'])
    t.match(of('qmid-at-several-addresses'), { count: 1, proven: 1 })
    t.match(of('order-ack-to-a-clone'), { count: 1, proven: 1 })
    t.end()
  })
  t.test('a machine with two addresses is not proven to be two', t => {
    const second = machine(SENDER.qmId, '10.0.1.9', SENDER.uptimeMs)
    const { of } = diagnose(traffic => {
      traffic.session(SENDER, R1).express()
      traffic.session(second, R1).express()
    })
    t.match(of('qmid-at-several-addresses'), { count: 1, proven: 0 })
    t.end()
  })
})

t.test('a transactional message that two receivers acknowledge', t => {
  const { ids, of } = diagnose(traffic => {
    const first = traffic.session(SENDER, R1, ...kept(SENDER, R1))
    const id = first.transactional({ number: 1 })
    traffic.session(R1, SENDER).orderAck(1, SENDER.address)
    first.end('reset', 1)
    traffic.session(SENDER, R2, ...kept(SENDER, R2)).transactional({ number: 1 }, id)
    traffic.session(R2, SENDER).orderAck(1, SENDER.address)
  })
  t.ok(ids.includes('duplicate-delivery'), `${ids}`)
  const { count, first } = of('duplicate-delivery')!
  t.equal(count, 1)
  t.strictSame(first.machines, [SENDER.qmId, R1.qmId, R2.qmId])
  t.end()
})

t.test(
  'two sides of a balancer that cannot be told for one, since their beginnings are missing, are no duplicates',
  async t => {
    /** A side whose handshake was lost. */
    const side = (traffic: SeenTraffic, client: TrafficMachine, from: string, to: string) =>
      new TrafficSession(traffic, [traffic.connection(from, to)], client)
    const seenThrough = (play: (traffic: SeenTraffic) => void) =>
      diagnose(traffic => {
        traffic.session(OTHER, R2, ...translated(OTHER, R2)).express()
        play(traffic)
      }).of('duplicate-delivery')

    t.test('of an express message', t => {
      const found = seenThrough(traffic => {
        const front = traffic.session(SENDER, R1, [SENDER.address, VIP])
        front.express()
        const id = front.express()
        side(traffic, SENDER, VIP, R1.address).express(undefined, id)
      })
      t.equal(found, undefined)
      t.end()
    })
    t.test('of a transactional one', t => {
      const found = seenThrough(traffic => {
        const front = side(traffic, SENDER, SENDER.address, VIP)
        front.transactional({ number: 1 })
        const id = front.transactional({ number: 2 })
        side(traffic, SENDER, VIP, R1.address).transactional({ number: 2 }, id)
        traffic.session(R1, SENDER, [R1.address, VIP]).orderAck(2, VIP)
        const ackOfVip = side(traffic, R1, VIP, SENDER.address)
        ackOfVip.express()
        ackOfVip.orderAck(2, VIP)
      })
      t.equal(found, undefined)
      t.end()
    })
  },
)

t.test('one that reached two, of which one acknowledged it, is not proven to be taken twice', t => {
  const { of } = diagnose(traffic => {
    const id = traffic.session(SENDER, R1, ...kept(SENDER, R1)).transactional({ number: 1 })
    traffic.session(SENDER, R2, ...kept(SENDER, R2)).transactional({ number: 1 }, id)
    traffic.session(R2, SENDER).orderAck(1, SENDER.address)
  })
  t.match(of('duplicate-delivery'), { count: 1, proven: 0 })
  t.end()
})

t.test('an express message that reached two receivers; one that reached one twice is dropped there', t => {
  const { of } = diagnose(traffic => {
    const id = traffic.session(SENDER, R1, ...kept(SENDER, R1)).express()
    traffic.session(SENDER, R1, ...kept(SENDER, R1)).express(undefined, id)
    traffic.session(SENDER, R2, ...kept(SENDER, R2)).express(undefined, id)
  })
  t.match(of('duplicate-delivery'), { count: 1, first: { message: `${SENDER.qmId}\\1` } })
  t.end()
})

t.test('a routing server that passes messages on does not deliver them twice', t => {
  const router = machine('cccccccc-0000-0000-0000-000000000001', '10.0.3.1', 1_000_000)
  const { ids, diagnosis } = diagnose(traffic => {
    const id = traffic.session(SENDER, router).express()
    traffic.session(router, R1).express(undefined, id, SENDER.qmId)
  })
  t.strictSame(ids, [])
  t.equal(diagnosis.parties.get(router.qmId)?.forwards, true)
  t.end()
})

t.test('sent again after its order ack, and stuck', t => {
  const { ids, of } = diagnose(traffic => {
    const out = traffic.session(SENDER, R1, ...translated(SENDER, R1))
    const id = out.transactional({ number: 1 })
    const back = traffic.session(R1, R2, ...translated(R1, R2))
    back.orderAck(1, VIP)
    for (let times = 0; times < 2; times += 1) {
      traffic.wait(30)
      out.transactional({ number: 1 }, id)
      back.orderAck(1, VIP)
    }
  })
  t.strictSame(ids, ['order-ack-misrouted', 'outgoing-queue-stuck', 'acked-but-resent', 'resend-ladder'])
  t.equal(of('order-ack-misrouted')?.count, 3)
  t.equal(of('acked-but-resent')?.count, 2)
  t.match(of('outgoing-queue-stuck'), { count: 1, proven: 1, first: { number: 1, weight: 1 } })
  t.end()
})

t.test('an order ack that never was sent', async t => {
  t.test('is proven where the receiver opens connections that were captured', t => {
    const { of } = diagnose(traffic => {
      const out = traffic.session(SENDER, R1)
      const id = out.transactional({ number: 1 })
      traffic.session(R1, OTHER).express()
      traffic.wait(31)
      out.transactional({ number: 1 }, id)
    })
    t.match(of('order-ack-never-sent'), { count: 1, proven: 1, first: { number: 1 } })
    t.end()
  })
  t.test('and not where none of them was', t => {
    const { of } = diagnose(traffic => {
      const out = traffic.session(SENDER, R1)
      const id = out.transactional({ number: 1 })
      traffic.wait(31)
      out.transactional({ number: 1 }, id)
    })
    t.match(of('order-ack-never-sent'), { count: 1, proven: 0 })
    t.end()
  })
  t.test('what is under way when the capture ends is none', t => {
    const { ids } = diagnose(traffic => {
      traffic.session(SENDER, R1).transactional({ number: 1 })
      traffic.wait(2)
      traffic.session(OTHER, R1).express()
    })
    t.strictSame(ids, [])
    t.end()
  })
})

t.test('a sequence of which a receiver got the middle, and a transaction that is torn by it', t => {
  const { ids, of } = diagnose(traffic => {
    const first = traffic.session(SENDER, R1, ...kept(SENDER, R1))
    first.transactional({ number: 1 })
    first.transactional({ number: 2, isLast: false })
    traffic.session(R1, SENDER).orderAck(2, SENDER.address)
    first.end('reset', 1)
    const second = traffic.session(SENDER, R2, ...kept(SENDER, R2))
    const id = second.transactional({ number: 3, isFirst: false })
    traffic.wait(30)
    second.transactional({ number: 3, isFirst: false }, id)
    traffic.wait(1)
  })
  t.ok(ids.includes('sequence-broken'), `${ids}`)
  t.match(of('sequence-broken'), { count: 1, proven: 1, first: { number: 3, to: R2.address } })
  t.match(of('transaction-torn'), { count: 1, proven: 1, first: { number: 2, to: R1.address } })
  t.end()
})

t.test('a refusal of a message that names the cluster', t => {
  const { ids, of } = diagnose(traffic => {
    const name = String.raw`OS:cluster\private$\q`
    const first = traffic.session(SENDER, R1, ...kept(SENDER, R1)).express(name)
    traffic.session(SENDER, R2, ...kept(SENDER, R2)).express(name)
    traffic.session(R1, SENDER).finalAck(0x8000, SENDER.qmId, first, SENDER.address)
  })
  t.strictSame(ids, ['name-validation-discard'])
  t.match(of('name-validation-discard'), { proven: 1, first: { message: `${SENDER.qmId}\\1` } })
  t.end()
})

t.test('clones that were started together are told apart by what they send', async t => {
  const twin = machine(SENDER.qmId, '10.0.1.9', SENDER.uptimeMs)
  t.test('one MessageID for different messages', t => {
    const { of } = diagnose(traffic => {
      const id = traffic.session(SENDER, R1).express()
      traffic.wait(5)
      traffic.session(twin, R1).express(undefined, id)
    })
    t.match(of('qmid-at-several-addresses'), { count: 1, proven: 1 })
    t.end()
  })
  t.test('sequences of two starts, at the same time', t => {
    const { of } = diagnose(traffic => {
      const one = traffic.session(SENDER, R1)
      const other = traffic.session(twin, R1)
      for (let number = 1; number <= 2; number += 1) {
        one.transactional({ number })
        other.transactional({ number, timeStamp: 0x6553f200 })
      }
    })
    t.match(of('qmid-at-several-addresses'), { count: 1, proven: 1 })
    t.end()
  })
  t.test('a machine that starts anew at another address is one machine', t => {
    const { of } = diagnose(traffic => {
      traffic.session(SENDER, R1).transactional({ number: 1 })
      traffic.session(twin, R1).transactional({ number: 1, timeStamp: 0x6553f200 })
    })
    t.match(of('qmid-at-several-addresses'), { count: 1, proven: 0 })
    t.end()
  })
})

t.test('a routing server that an order ack passes is no wrong machine', t => {
  const router = machine('cccccccc-0000-0000-0000-000000000001', '10.0.3.1', 1_000_000)
  const { ids } = diagnose(traffic => {
    traffic.session(router, R1).express(undefined, traffic.session(OTHER, router).express(), OTHER.qmId)
    traffic.session(SENDER, R1).transactional({ number: 1 })
    traffic.session(R1, router).orderAck(1, SENDER.address)
  })
  t.strictSame(ids, [])
  t.end()
})

t.test('a message that three machines took is one finding, which names them all', t => {
  const R3 = machine('bbbbbbbb-0000-0000-0000-000000000003', '10.0.2.3', 9_500_000)
  const { of } = diagnose(traffic => {
    const id = traffic.session(SENDER, R1, ...kept(SENDER, R1)).express()
    for (const other of [R2, R3]) traffic.session(SENDER, other, ...kept(SENDER, other)).express(undefined, id)
  })
  t.match(of('duplicate-delivery'), { count: 1, worst: { weight: 3 } })
  t.strictSame(of('duplicate-delivery')?.instances[0]?.machines, [SENDER.qmId, R1.qmId, R2.qmId, R3.qmId])
  t.end()
})
