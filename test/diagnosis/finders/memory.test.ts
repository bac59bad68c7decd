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

/** Bytes that one more of something leaves behind, once there have been many: what evidence takes is there by then. */
function left(one: (traffic: SeenTraffic, diagnosis: Diagnosis) => void, before: number, measured: number): number {
  let bytes = 0
  foundIn((traffic, diagnosis) => {
    for (let count = 0; count < before; count += 1) one(traffic, diagnosis)
    collect()
    const start = process.memoryUsage().heapUsed
    for (let count = 0; count < measured; count += 1) one(traffic, diagnosis)
    collect()
    bytes = (process.memoryUsage().heapUsed - start) / measured
  })
  return bytes
}

t.test('sessions that are over are forgotten', t => {
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
    3_000,
    3_000,
  )
  t.ok(bytes < 200, `${bytes.toFixed(1)} bytes of a session are left`)
  t.end()
})

t.test('attempts that fail are counted and forgotten', t => {
  const bytes = left(
    traffic => {
      const connection = traffic.connection(SENDER.address, RECEIVER.address, { opening: 'syn', frames: [1, 1] })
      traffic.end(connection, 'refused', 1)
    },
    3_000,
    10_000,
  )
  t.ok(bytes < 20, `${bytes.toFixed(1)} bytes of an attempt are left`)
  t.end()
})

t.test('messages that are acknowledged are forgotten', t => {
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
    20_000,
    20_000,
  )
  t.ok(bytes < 20, `${bytes.toFixed(1)} bytes of a message are left`)
  t.end()
})

t.test('requests that are answered are forgotten', t => {
  let http: SeenHttp | null = null
  let index = 0
  const bytes = left(
    (traffic, diagnosis) => {
      http ??= new SeenHttp(traffic, diagnosis, SENDER.address, RECEIVER.address)
      index += 1
      http.answer(http.post(srmpMessage({ index })), index % 2 === 0 ? 503 : 200)
    },
    11_000,
    6_000,
  )
  t.ok(bytes < 50, `${bytes.toFixed(1)} bytes of a request are left`)
  t.end()
})

t.test('requests that nobody answers are forgotten while their connection lasts', t => {
  let http: SeenHttp | null = null
  let index = 0
  const bytes = left(
    (traffic, diagnosis) => {
      http ??= new SeenHttp(traffic, diagnosis, SENDER.address, RECEIVER.address)
      index += 1
      http.post(srmpMessage({ index }))
    },
    11_000,
    6_000,
  )
  t.ok(bytes < 100, `${bytes.toFixed(1)} bytes of a request are left`)
  t.end()
})

t.test('numbers far apart take no more room than their messages', t => {
  let timeStamp = 0
  let session: ReturnType<SeenTraffic['session']> | null = null
  const bytes = left(
    traffic => {
      session ??= traffic.session(SENDER, RECEIVER)
      timeStamp += 1
      session.transactional({ number: 1, timeStamp })
      session.transactional({ number: 4097, previous: 1, timeStamp })
    },
    200,
    500,
  )
  t.ok(bytes < 20_000, `${bytes.toFixed(0)} bytes of a sequence with two messages are left`)
  t.end()
})
