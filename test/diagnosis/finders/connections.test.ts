import t from 'tap'
import { buildConnectionParameters, buildEstablishConnection } from '../../../protocol/binary/build.js'
import { NIL_GUID } from '../../../protocol/guid.js'
import { foundIn, RECEIVER, SECOND, SENDER } from '../../fixtures/found-in.js'
import { type OpenConnection, type SeenTraffic, TrafficSession } from '../../fixtures/seen-traffic.js'

const request = (serverGuid = NIL_GUID) =>
  buildEstablishConnection({
    response: false,
    clientGuid: SENDER.qmId,
    serverGuid,
    timeStamp: 1,
    operatingSystem: 0x310,
  })

function answer(serverGuid: string, refused: boolean): Buffer {
  const common = { response: true, clientGuid: SENDER.qmId, timeStamp: 1, operatingSystem: 0x310 }
  return buildEstablishConnection({ ...common, serverGuid, refused })
}

/** Says these packets on a connection of its own. */
function say(traffic: SeenTraffic, ...packets: readonly (readonly [0 | 1, Buffer])[]): OpenConnection {
  const connection = traffic.connection(SENDER.address, RECEIVER.address)
  const session = new TrafficSession(traffic, [connection], SENDER)
  for (const [direction, bytes] of packets) session.carry(direction, bytes)
  return connection
}

/** `times` connections that end like that, `everyS` seconds apart. */
function fail(traffic: SeenTraffic, how: 'refused' | 'unanswered', times: number, everyS = 5): void {
  for (let attempt = 0; attempt < times; attempt += 1) {
    const frames: [number, number] = how === 'refused' ? [1, 1] : [3, 0]
    const connection = traffic.connection(SENDER.address, RECEIVER.address, { opening: 'syn', frames })
    traffic.end(connection, how, how === 'refused' ? 1 : null)
    traffic.wait(everyS)
  }
}

t.test('a machine that cannot be reached for long', t => {
  const { ids, of } = foundIn(traffic => fail(traffic, 'refused', 14))
  t.strictSame(ids, ['unreachable'])
  const { first } = of('unreachable')!
  t.match(first, { from: `${SENDER.address}:49152`, to: `${RECEIVER.address}:1801`, weight: 14 })
  t.match(
    first.text,
    /tried 14 times within 1 min 5 s, one every 5\.000 s to reach 10\.0\.2\.1:1801: refused by TCP 14 times; none/,
  )
  t.end()
})

t.test('a restart is a notice; reaching it ends the row', t => {
  const { ids, of } = foundIn(traffic => {
    fail(traffic, 'refused', 2)
    traffic.session(SENDER, RECEIVER)
    fail(traffic, 'unanswered', 1)
  })
  t.strictSame(ids, ['attempt-failed'])
  t.equal(of('attempt-failed')?.count, 2, 'two rows')
  t.match(of('attempt-failed')?.first.text, /tried 2 times .*; the next one got through 10\.\d+ s after the first/)
  t.end()
})

t.test('many attempts in a short time are one restart, too', t => {
  t.strictSame(foundIn(traffic => fail(traffic, 'refused', 50, 0.1)).grave, [])
  t.end()
})

t.test('connections that are accepted and not answered', t => {
  const { grave, of } = foundIn(traffic => {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      traffic.end(say(traffic, [0, request()]), 'fin', 1)
      traffic.wait(6)
    }
  })
  t.strictSame(grave, ['handshake-unanswered'])
  t.match(
    of('handshake-unanswered')?.first.text,
    /accepted 3 times and ended by the server without an answer to EstablishConnection/,
  )
  t.end()
})

t.test('what is no failed attempt', async t => {
  const probes = foundIn(traffic => {
    for (let probe = 0; probe < 20; probe += 1) {
      traffic.end(traffic.connection('10.0.0.9', RECEIVER.address), 'fin', 0)
      traffic.wait(2)
    }
  })
  t.strictSame(probes.ids, [], 'health checks say nothing')
  const oneSided = foundIn(traffic => {
    const connection = say(traffic, [0, request()])
    connection.frames[1] = 0
    traffic.end(connection, 'fin', 0)
  })
  t.strictSame(oneSided.ids, ['one-side-captured'], 'the answers were not captured')
  const early = foundIn(traffic => traffic.end(say(traffic, [0, request()]), 'capture-ended', null))
  t.strictSame(early.ids, [], 'the capture ends before the answer is late')
})

t.test('another queue manager answers than was asked for', t => {
  const { grave, of } = foundIn(traffic => {
    traffic.end(say(traffic, [0, request(RECEIVER.qmId)], [1, answer(SECOND.qmId, true)]), 'fin', 0)
  })
  t.strictSame(grave, ['handshake-refused'])
  const { text, frames } = of('handshake-refused')!.first
  t.match(text, new RegExp(`asked for the queue manager ${RECEIVER.qmId}, and at 10.0.2.1 answers ${SECOND.qmId} .*CS`))
  t.equal(frames.length, 2)
  t.end()
})

t.test('who asked for nobody in particular, or got whom it asked for, is not refused', t => {
  const times = { recoverableAckTimeout: 500, ackTimeout: 20_000, windowSize: 64 }
  const { ids } = foundIn(traffic => {
    for (const wanted of [NIL_GUID, SECOND.qmId]) {
      const parameters = buildConnectionParameters(times)
      const answered = [1, answer(SECOND.qmId, false)] as const
      traffic.end(say(traffic, [0, request(wanted)], answered, [0, parameters], [1, parameters]), 'fin', 0)
    }
  })
  t.strictSame(ids, [])
  t.end()
})

t.test('a session that dies without a word', async t => {
  const silent = (answered: boolean, times = 4) =>
    foundIn((traffic, diagnosis) => {
      const session = traffic.session(SENDER, RECEIVER)
      session.express()
      const connection = session.connections[0] as OpenConnection
      traffic.wait(350)
      for (let repeat = 0; repeat < times; repeat += 1) {
        diagnosis.trouble(connection, 0, 'retransmission', traffic.next())
        traffic.wait(0.3 * 2 ** repeat)
        if (answered) connection.frames[1] += 1
      }
      traffic.session(SENDER, RECEIVER)
      traffic.end(connection, 'capture-ended', null)
    })
  const { grave, of } = silent(false)
  t.strictSame(grave, ['session-silent'])
  t.equal(of('session-silent')?.count, 1)
  t.match(
    of('session-silent')?.first.text,
    /sent the same bytes again 4 times within 2\.10\d s .* 10\.0\.2\.1 answered nothing any more, .*; 10\.0\.1\.1 opened a new connection 4\.50\d s later/,
  )
  t.strictSame(silent(true).grave, [], 'TCP answers')
  t.strictSame(silent(false, 2).grave, [], 'a lost packet or two')
})

t.test('a TCP window that stays closed', async t => {
  const closed = (seconds: number, opens: boolean) =>
    foundIn((traffic, diagnosis) => {
      const connection = traffic.session(SENDER, RECEIVER).connections[0]!
      diagnosis.trouble(connection, 1, 'zero-window', traffic.next())
      traffic.wait(seconds)
      if (opens) diagnosis.trouble(connection, 1, 'window-open', traffic.next())
      traffic.end(connection, 'capture-ended', null)
    })
  t.match(
    closed(3, true).of('tcp-window-closed')?.first.text,
    /^10\.0\.2\.1 closed its TCP window on .* for 3\.000 s, and opened/,
  )
  t.match(closed(3, false).of('tcp-window-closed')?.first.text, /the capture ends with it closed/)
  t.strictSame(closed(0.5, true).ids, [])
})
