import t from 'tap'
import { sequenceIdText } from '../../../protocol/sequence-id.js'
import { PEER_GUID, srmpMessage, streamMessage } from '../../fixtures/http-messages.js'
import { httpMachine, PLAIN, TX } from '../../fixtures/http-receiver.js'
import { guidOf } from '../../fixtures/sim-tests.js'

/* Which messages of a stream are taken ([MC-MQSRM] 3.1.5.1.6.3). */

interface Step {
  readonly ordinal?: number
  readonly timeStamp?: number
  readonly current: number
  /** Undefined: the one before; null: absent. */
  readonly previous?: number | null
  readonly start?: boolean
  readonly source?: string
  readonly queue?: string
  readonly taken: boolean
}

const OTHER = guidOf(3)
const yes = (current: number, more: Partial<Step> = {}): Step => ({ current, taken: true, ...more })
const no = (current: number, more: Partial<Step> = {}): Step => ({ current, taken: false, ...more })
const RESTART = 'restart'

const ROWS: readonly (readonly [what: string, steps: readonly (Step | typeof RESTART)[]])[] = [
  ['in order', [yes(1), yes(2), yes(3)]],
  ['previous absent means the one before', [yes(1), yes(2, { previous: null }), no(4, { previous: null })]],
  ['again', [yes(1), no(1), yes(2), no(1), no(2), yes(3)]],
  ['the first without start (A22)', [no(1, { start: false }), no(2), yes(1), yes(2)]],
  ['a later one with start (A22)', [yes(1), yes(2, { start: true })]],
  ['a later one with start, of a stream not known', [no(2, { start: true }), yes(1)]],
  ['after a hole, which is filled by repeating', [yes(1), no(3), no(4), yes(2), yes(3), yes(4)]],
  ['over a gap that the sender knows of', [yes(1), yes(4, { previous: 1 }), yes(5)]],
  ['over a gap, previous before what came', [yes(1), yes(2), yes(9, { previous: 1 }), no(8), yes(10)]],
  ['over a gap, previous missed', [yes(1), no(4, { previous: 2 }), yes(2), yes(4, { previous: 2 })]],
  ['in the middle of a stream that is not known', [no(2), no(3), yes(1), yes(2)]],
  ['a new stream', [yes(1), yes(2), yes(1, { ordinal: 2 }), no(3), yes(2, { ordinal: 2 })]],
  [
    'an older stream comes late (A12)',
    [yes(1, { ordinal: 2 }), no(1, { ordinal: 1 }), no(2, { ordinal: 1 }), yes(2, { ordinal: 2 })],
  ],
  [
    'older by its time stamp (A12)',
    [yes(1, { timeStamp: 101 }), no(1, { ordinal: 9 }), yes(2, { timeStamp: 101 }), yes(1, { timeStamp: 3_000_000 })],
  ],
  ['two senders', [yes(1), yes(1, { source: OTHER }), yes(2), yes(2, { source: OTHER }), no(2)]],
  ['two queues', [yes(1), yes(1, { queue: 'other' }), yes(2), yes(2, { queue: 'other' }), no(3, { queue: 'none' })]],
  ['across a restart', [yes(1), yes(2), RESTART, no(1), no(2), yes(3), RESTART, no(5), yes(4)]],
  ['an older stream across a restart (A12)', [yes(1, { ordinal: 2 }), RESTART, no(1), yes(2, { ordinal: 2 })]],
  ['the largest number', [yes(1), yes(0xffffffff, { previous: 1 }), no(0xffffffff), no(1)]],
]

/** One id for one message, however often it comes. */
function idOf({ ordinal = 1, timeStamp = 100, current, queue = 'tx' }: Step): number {
  return ordinal * 100_000 + timeStamp * 1_000 + (current % 1_000) + (queue === 'tx' ? 0 : 500)
}

t.test('a stream, message by message', async t => {
  for (const [what, steps] of ROWS) {
    const here = httpMachine()
    here.onPost = () => 200
    here.call((engine, now) => engine.createQueue(now, { name: 'private$\\other', transactional: true }))
    const expected: Record<string, string[]> = { tx: [], other: [] }
    for (const [index, step] of steps.entries()) {
      if (step === RESTART) {
        here.restart()
        continue
      }
      const { ordinal = 1, timeStamp = 100, current, source = PEER_GUID, queue = 'tx', taken } = step
      const body = `step ${index}`
      const request = streamMessage(
        {
          ordinal,
          timeStamp,
          current,
          ...(step.previous === undefined ? {} : { previous: step.previous }),
          ...(step.start === undefined ? {} : { start: step.start ? 'http://10.0.0.2/msmq/private$/acks' : null }),
        },
        { source, index: idOf(step), body, to: `http://local/msmq/private$/${queue}` },
      )
      t.equal(here.status(request), queue === 'none' ? 400 : 200, `${what}: step ${index}`)
      if (taken) expected[queue]!.push(body)
      t.strictSame(here.bodies(TX), expected.tx, `${what}: step ${index}`)
      t.strictSame(here.bodies('private$\\other'), expected.other, `${what}: step ${index}`)
    }
  }
})

t.test('what the stream rule refuses is noted as the binary protocol notes it', async t => {
  const rows = [
    [
      'duplicate',
      [
        [1, 1],
        [1, 1],
      ],
    ],
    [
      'hole',
      [
        [1, 1],
        [1, 3],
      ],
    ],
    ['middle-of-sequence', [[1, 2]]],
    [
      'older-sequence',
      [
        [2, 1],
        [1, 1],
      ],
    ],
  ] as const
  for (const [reason, steps] of rows) {
    const here = httpMachine()
    for (const [ordinal, current] of steps) here.post(streamMessage({ ordinal, current }))
    const [ordinal, number] = steps.at(-1)!
    t.match(
      here.notesOf('discarded'),
      [
        {
          reason,
          source: PEER_GUID,
          peer: '10.0.0.2',
          tx: { sequence: sequenceIdText({ ordinal, timeStamp: 100 }), number },
        },
      ],
      reason,
    )
    t.equal(here.notesOf('arrived').length, steps.length - 1)
  }
})

t.test(
  'a number is only taken with its message: what the disk refused, or is late with, is not passed over',
  async t => {
    const here = httpMachine()
    here.post(streamMessage({ current: 1 }))
    here.failing = true
    t.equal(here.status(streamMessage({ current: 2 })), 500)
    here.failing = false
    t.equal(here.status(streamMessage({ current: 3 })), 200, 'out of order')
    t.strictSame(here.bodies(TX), ['body 1'])
    t.equal(here.status(streamMessage({ current: 2 })), 200)
    t.equal(here.status(streamMessage({ current: 3 })), 200)
    t.strictSame(here.bodies(TX), ['body 1', 'body 2', 'body 3'])

    here.holding = true
    const waiting = [4, 5, 4, 5].map(current => here.post(streamMessage({ current })))
    here.pass(2_000)
    t.strictSame(here.bodies(TX).length, 3)
    t.equal(waiting[0]?.status, null)
    t.equal(waiting[2]?.status, null, 'nor is a copy answered before what it is a copy of is on disk')
    here.restart()
    here.holding = false
    t.strictSame(here.bodies(TX).length, 3, 'a crash: it never came')
    for (const current of [4, 5]) t.equal(here.status(streamMessage({ current })), 200)
    t.strictSame(here.bodies(TX), ['body 1', 'body 2', 'body 3', 'body 4', 'body 5'])
  },
)

/* Messages outside streams are known by their identifiers alone (<16>). */

t.test('a copy is dropped with 200, whoever brings it', async t => {
  for (const durable of [true, false]) {
    const here = httpMachine()
    const message = srmpMessage({ durable })
    t.equal(here.status(message), 200)
    t.equal(here.status(message), 200)
    t.equal(here.status(message, { address: '10.0.0.7', port: 5_000 }), 200)
    t.strictSame(here.bodies(PLAIN), ['body 1'])
    t.match(here.notesOf('discarded'), [
      { reason: 'duplicate', peer: '10.0.0.2' },
      { reason: 'duplicate', peer: '10.0.0.7' },
    ])
    here.take(PLAIN)
    here.post(message)
    t.strictSame(here.bodies(PLAIN), [], 'also when it has been read')
    t.equal(here.status(srmpMessage({ source: OTHER, durable })), 200)
    t.strictSame(here.bodies(PLAIN), ['body 1'], 'the same number of another machine is another message')
  }
})

t.test('a copy of a message on its way to the disk is answered when that one is there', async t => {
  const here = httpMachine()
  here.holding = true
  const first = here.post(srmpMessage())
  const copy = here.post(srmpMessage())
  t.strictSame([first.status, copy.status], [null, null])
  here.release()
  t.strictSame([first.status, copy.status], [200, 200])
  t.strictSame(here.bodies(PLAIN), ['body 1'])
})

t.test('a copy of a message that the disk refuses is not taken for done', async t => {
  const here = httpMachine()
  here.holding = true
  const first = here.post(srmpMessage())
  const copy = here.post(srmpMessage())
  here.failing = true
  here.release()
  here.failing = false
  t.equal(first.status, 500)
  t.equal(copy.status, 500)
  t.equal(here.status(srmpMessage()), 200)
  t.strictSame(here.bodies(PLAIN), ['body 1'])
})

t.test('messages without Msmq have no identifier that tells them apart, and are all taken', async t => {
  const here = httpMachine()
  for (let copy = 0; copy < 3; copy += 1) t.equal(here.status(srmpMessage({ msmq: null })), 200)
  t.equal(here.bodies(PLAIN).length, 3)
})

t.test('the memory of identifiers ends by size and by age, and can be switched off', async t => {
  const small = httpMachine({ settingsOf: { RemoveDuplicateSize: 3 } })
  for (const index of [1, 2, 3, 4, 1]) small.post(srmpMessage({ index }))
  t.strictSame(small.bodies(PLAIN), ['body 1', 'body 2', 'body 3', 'body 4', 'body 1'])
  const old = httpMachine({ settingsOf: { RemoveDuplicateCleanup: 60_000 } })
  old.post(srmpMessage())
  old.pass(50_000)
  old.post(srmpMessage())
  t.equal(old.bodies(PLAIN).length, 1)
  old.pass(200_000)
  old.post(srmpMessage())
  t.equal(old.bodies(PLAIN).length, 2)
  const off = httpMachine({ settingsOf: { RemoveDuplicateSize: 0 } })
  for (const index of [1, 1]) off.post(srmpMessage({ index }))
  t.equal(off.bodies(PLAIN).length, 2)
})

t.test('identifiers of durable messages are remembered over a restart', async t => {
  const here = httpMachine()
  here.post(srmpMessage())
  here.restart()
  t.equal(here.status(srmpMessage()), 200)
  t.strictSame(here.bodies(PLAIN), ['body 1'])
})
