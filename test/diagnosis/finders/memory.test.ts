import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Diagnosis } from '../../../diagnosis/diagnosis.js'
import { foundIn, RECEIVER, SENDER } from '../../fixtures/found-in.js'
import { srmpMessage } from '../../fixtures/http-messages.js'
import { SeenHttp } from '../../fixtures/seen-http.js'
import type { SeenTraffic } from '../../fixtures/seen-traffic.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Code that is being compiled takes room, too, and at any time: a leak is there each time that one looks. */
const LOOKS = 3

/**
 * Bytes that one more of something leaves behind, once there have been many: what evidence takes is there by then. Looks again
 * where it is `limit` or more.
 */
function left(
  one: (traffic: SeenTraffic, diagnosis: Diagnosis) => void,
  { before, measured, limit }: { readonly before: number; readonly measured: number; readonly limit: number },
): number {
  let least = Number.POSITIVE_INFINITY
  foundIn((traffic, diagnosis) => {
    for (let count = 0; count < before; count += 1) one(traffic, diagnosis)
    for (let look = 0; look < LOOKS && least >= limit; look += 1) {
      collect()
      const start = process.memoryUsage().heapUsed
      for (let count = 0; count < measured; count += 1) one(traffic, diagnosis)
      collect()
      least = Math.min(least, (process.memoryUsage().heapUsed - start) / measured)
    }
  })
  return least
}

t.test('sessions that are over are forgotten', t => {
  const limit = 200
  const bytes = left(
    (traffic, diagnosis) => {
      const session = traffic.session(SENDER, RECEIVER)
      session.express()
      const connection = session.connections[0]!
      diagnosis.trouble(connection, 0, 'retransmission', traffic.next())
      diagnosis.trouble(connection, 0, 'zero-window', traffic.next())
      diagnosis.hole(connection, 0, 10, 'never-captured', traffic.next())
      session.end('fin', 1, { idleUs: 3e6 })
    },
    // more than the capture's first second of sessions, and than evidence that is kept
    { before: 3_000, measured: 3_000, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(1)} bytes of a session are left`)
  t.end()
})

t.test('attempts that fail are counted and forgotten', t => {
  const limit = 20
  const bytes = left(
    traffic => {
      const connection = traffic.connection(SENDER.address, RECEIVER.address, { opening: 'syn', frames: [1, 1] })
      traffic.end(connection, 'refused', 1)
    },
    { before: 3_000, measured: 10_000, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(1)} bytes of an attempt are left`)
  t.end()
})

t.test('messages that are acknowledged are forgotten', t => {
  const limit = 20
  let number = 0
  let session: ReturnType<SeenTraffic['session']> | null = null
  let back: ReturnType<SeenTraffic['session']> | null = null
  const bytes = left(
    traffic => {
      session ??= traffic.session(SENDER, RECEIVER)
      back ??= traffic.session(RECEIVER, SENDER)
      number += 1
      session.transactional({ number })
      if (number % 32 !== 0) return
      session.sessionAck(number & 0xffff)
      back.orderAck(number, SENDER.address)
      back.sessionAck((number / 32) & 0xffff)
    },
    { before: 20_000, measured: 20_000, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(1)} bytes of a message are left`)
  t.end()
})

t.test('requests that are answered are forgotten', t => {
  const limit = 50
  let http: SeenHttp | null = null
  let index = 0
  const bytes = left(
    (traffic, diagnosis) => {
      http ??= new SeenHttp(traffic, diagnosis, SENDER.address, RECEIVER.address)
      index += 1
      http.answer(http.post(srmpMessage({ index })), index % 2 === 0 ? 503 : 200)
    },
    { before: 11_000, measured: 6_000, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(1)} bytes of a request are left`)
  t.end()
})

t.test('requests that nobody answers are forgotten while their connection lasts', t => {
  const limit = 100
  let http: SeenHttp | null = null
  let index = 0
  const bytes = left(
    (traffic, diagnosis) => {
      http ??= new SeenHttp(traffic, diagnosis, SENDER.address, RECEIVER.address)
      index += 1
      http.post(srmpMessage({ index }))
    },
    { before: 11_000, measured: 6_000, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(1)} bytes of a request are left`)
  t.end()
})

t.test('numbers far apart take no more room than their messages', t => {
  const limit = 20_000
  let timeStamp = 0
  let session: ReturnType<SeenTraffic['session']> | null = null
  const bytes = left(
    traffic => {
      session ??= traffic.session(SENDER, RECEIVER)
      timeStamp += 1
      session.transactional({ number: 1, timeStamp })
      session.transactional({ number: 4097, previous: 1, timeStamp })
    },
    { before: 200, measured: 500, limit },
  )
  t.ok(bytes < limit, `${bytes.toFixed(0)} bytes of a sequence with two messages are left`)
  t.end()
})
