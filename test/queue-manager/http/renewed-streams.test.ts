import t, { type Test } from 'tap'
import type { Stream } from '../../../protocol/srmp/message.js'
import { HttpMachine, type Post } from '../../fixtures/http-machine.js'
import { decisionOf, finalReceipt, START_S, streamMessage, streamReceipt } from '../../fixtures/http-messages.js'
import { httpMachine, TX } from '../../fixtures/http-receiver.js'

/* A stream that begins anew because nothing before its first message is left (A24), and what is still said of the old one. */

const TO = 'DIRECT=http://10.0.0.2/msmq/private$/tx'

function streamOf(post: Post | undefined): Stream {
  if (!post?.message.stream) throw new Error('no stream message was posted')
  return post.message.stream
}

/** Two messages expire unacknowledged; the store is slow, and the next stream is not begun yet. */
function renewing(t: Test): { here: HttpMachine; old: Stream } {
  const here = new HttpMachine()
  here.onPost = () => 200
  here.sendTogether(TO, ['1', '2'], { timeToReachQueueS: 20 })
  here.sendTogether(TO, ['3', '4', '5'], { journalNegative: true })
  const old = streamOf(here.takePosts()[0])
  here.pass(29_000)
  t.equal(here.outgoing, 3)
  here.holding = true
  here.pass(3_000)
  t.strictSame(here.takePosts(), [], 'no identifier is told before it is stored')
  return { here, old }
}

t.test('a late receipt for the old stream acknowledges nothing of the new one', async t => {
  const { here, old } = renewing(t)
  here.post(streamReceipt(old.streamId, 2, { index: 900 }))
  here.release()
  t.strictSame(
    here.takePosts().map(({ message: { body } }) => body?.bytes.toString()),
    ['3', '4', '5'],
  )
})

t.test('a late final receipt for the old stream ends nothing of the new one', async t => {
  const { here, old } = renewing(t)
  here.post(finalReceipt(old.streamId, 1, 0x4000, { index: 900 }))
  here.release()
  t.strictSame(
    here.takePosts().map(({ message: { body } }) => body?.bytes.toString()),
    ['3', '4', '5'],
  )
})

t.test('all of it leaves while the store is at it: the old stream is over as well', async t => {
  const { here, old } = renewing(t)
  here.call((engine, now) => {
    engine.purgeOutgoing(now, TO)
  })
  here.release()
  here.sendTogether(TO, ['6', '7'])
  here.post(streamReceipt(old.streamId, 2, { index: 900 }))
  t.equal(here.outgoing, 2)
})

t.test('a final receipt says that all before it was taken: no new stream begins', async t => {
  const here = new HttpMachine()
  here.onPost = () => 200
  here.sendTogether(TO, ['1', '2'], { journalNegative: true })
  const [first] = here.takePosts()
  const commitmentReceipt = { decidedAtS: START_S, decision: decisionOf(0x4000), id: first!.message.id }
  here.post(finalReceipt(streamOf(first).streamId, 1, 0x4000, { index: 900, more: { commitmentReceipt } }))
  for (const restarted of [false, true]) {
    if (restarted) here.restart()
    here.pass(31_000)
    const [again] = here.takePosts()
    t.strictSame([streamOf(again).streamId, streamOf(again).current], [streamOf(first).streamId, 2])
  }
})

t.test('the disk refuses a message that came again in a new stream: it is still to be taken', async t => {
  const here = httpMachine()
  here.holding = true
  const first = here.post(streamMessage({ current: 1 }, { index: 7 }))
  const again = here.post(streamMessage({ current: 1, ordinal: 2 }, { index: 7 }))
  here.failing = true
  here.release(1)
  here.failing = false
  here.release()
  t.strictSame([first.status, again.status], [500, 500])
  here.restart()
  t.equal(here.status(streamMessage({ current: 1, ordinal: 2 }, { index: 7 })), 200)
  t.strictSame(here.bodies(TX), ['body 7'])
})
