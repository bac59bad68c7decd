import t from 'tap'
import {
  captureMoment,
  findingId,
  followTarget,
  hostName,
  instanceLimit,
  journeyTarget,
} from '../../cli/diagnose-options.js'

t.test('moments: UTC unless a zone is given, to the microsecond; or seconds since the first frame', async t => {
  const day = Date.UTC(2026, 10, 22) * 1000
  const rows: [text: string, moment: object][] = [
    ['2026-11-22', { utcUs: day }],
    ['2026-11-22T13:25', { utcUs: day + 48_300e6 }],
    ['2026-11-22 13:25:19.5Z', { utcUs: day + 48_319.5e6 }],
    ['2026-11-22T13:25:19.123456', { utcUs: day + 48_319_123_456 }],
    ['2026-11-22T13:25:19.1234Z', { utcUs: day + 48_319_123_400 }],
    ['2026-11-22T15:25+02:00', { utcUs: day + 48_300e6 }],
    ['+12.5', { sinceUs: 12.5e6 }],
    ['+3s', { sinceUs: 3e6 }],
  ]
  for (const [text, moment] of rows) t.strictSame(captureMoment(text), moment, text)
  for (const text of ['', 'yesterday', '12', '+', '2026-13-01', '2026-11-22T25:00', '-5', '+99999999999999'])
    t.throws(() => captureMoment(text), /2026-11-22T13:25:19\.5Z/, text)
})

t.test('what else options take, and what they say of anything else', async t => {
  t.strictSame(findingId('order-ack-misrouted', ['acked-but-resent']), ['acked-but-resent', 'order-ack-misrouted'])
  t.throws(
    () => findingId('order-ack-misroutet'),
    /did you mean order-ack-misrouted\? mqlab diagnose --help lists them/,
  )
  t.throws(() => findingId('x'), { message: 'there is no such finding' }, 'what follows says where they are listed')
  t.strictSame(hostName('10.0.0.7', ['S1']), ['S1', '10.0.0.7'])
  for (const text of ['fe80::1', '{aaaaaaaa-0000-4000-8000-000000000001}', 'web-1.example.org'])
    t.ok(hostName(text), text)
  for (const text of ['', 'a b', '10.0.0.7/24', "x'"])
    t.throws(() => hostName(text), /an address, a QMId or a computer name/, text)
  t.strictSame(followTarget('3'), { id: 3 })
  t.throws(() => followTarget('x'), /tcp\.stream in Wireshark/)
  t.strictSame(journeyTarget('17'), { by: 'id', source: null, messageId: 17 })
  t.throws(() => journeyTarget('x'), /QMID\\number/)
  t.equal(instanceLimit('5'), 5)
  for (const text of ['0', '-1', '1.5', 'x', '1000001']) t.throws(() => instanceLimit(text), /1 to 1000000/, text)
})
