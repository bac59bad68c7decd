import t from 'tap'
import { NIL_GUID } from '../../../protocol/guid.js'
import type { HttpRequest } from '../../../queue-manager/actions.js'
import { NO_REDIRECTIONS } from '../../../queue-manager/http/redirections.js'
import { HttpMachine } from '../../fixtures/http-machine.js'
import { encodedRequest, RECEIPTS_TO, srmpMessage, streamMessage } from '../../fixtures/http-messages.js'
import { httpMachine, PLAIN, TX } from '../../fixtures/http-receiver.js'

/* Requests that no product writes. None may make an input throw, nor leave anything behind that does so later. */

/** Takes out what is there, which sends the receipts that were asked for. */
function read(here: HttpMachine): readonly string[] {
  return here.take(PLAIN, 10).bodies
}

t.test('a head that could not be read again with the message is malformed', async t => {
  const heads: readonly (readonly [what: string, headers: HttpRequest['headers'], target?: string])[] = [
    ['headers without end', Array.from({ length: 300 }, (_, n) => [`a${n}`, 'b'] as const)],
    ['a name that is none', [['a b', 'c']]],
    ['a blank in the target', [], '/msmq/private$/pl ain'],
  ]
  for (const [what, headers, target] of heads) {
    const here = httpMachine()
    const message = srmpMessage({
      more: {
        deliveryReceiptTo: RECEIPTS_TO,
        commitmentReceiptRequest: { sendTo: `${RECEIPTS_TO}2`, positiveOnly: true, negativeOnly: true },
      },
    })
    const request = encodedRequest(message)
    const odd = { ...request, headers: [...request.headers, ...headers], ...(target !== undefined && { target }) }
    t.equal(here.status(odd), 400, what)
    t.strictSame(read(here), [], what)
    t.equal(here.status(request), 200, `${what}: nothing of it is remembered`)
    t.strictSame(read(here), ['body 1'])
  }
})

t.test('a URL for stream receipts that is longer than any is malformed: it would be kept for good', async t => {
  const here = httpMachine()
  const start = `http://10.0.0.2/msmq/private$/${'q'.repeat(100_000)}`
  t.equal(here.status(streamMessage({ current: 1, start })), 400)
  t.strictSame(here.bodies(TX), [])
  t.equal(here.status(streamMessage({ current: 1 })), 200)
})

t.test('names of queues with blanks and other letters go into the request line escaped', async t => {
  const here = new HttpMachine()
  here.send('DIRECT=HTTP://10.0.0.2/msmq/private$/Zwei Wörter', 'x')
  t.equal(here.posts[0]?.request.target, '/msmq/private$/zwei%20w%C3%B6rter')
  t.equal(here.posts[0]?.message.to, 'http://10.0.0.2/msmq/private$/Zwei Wörter')
  const inbound = [{ from: 'http://shop/msmq/q', to: 'http://10.0.0.3/msmq/private$/zwei wörter' }]
  const frontEnd = httpMachine({ http: { redirections: { ...NO_REDIRECTIONS, inbound } } })
  t.equal(frontEnd.status(srmpMessage({ to: 'http://shop/msmq/q' })), 200)
  t.equal(frontEnd.posts[0]?.request.target, '/msmq/private$/zwei%20w%C3%B6rter')
})

t.test('the identifier of messages that have none is never one that was met before', async t => {
  const here = httpMachine()
  const source = NIL_GUID
  for (const body of ['a', 'b']) t.equal(here.status(srmpMessage({ source, body })), 200)
  t.strictSame(here.bodies(PLAIN), ['a', 'b'])
  for (const body of ['c', 'd']) here.post(srmpMessage({ source, body, index: 2 }))
  t.strictSame(here.bodies(PLAIN), ['a', 'b', 'c'], 'another one is')
})

t.test('no room for one more destination: 500, whatever its URL says', async t => {
  const here = httpMachine({ http: { redirections: { ...NO_REDIRECTIONS, transparent: true } } })
  for (let n = 0; n < 4_100; n += 1) here.send(`DIRECT=HTTP://nowhere/msmq/private$/q${n}`, '')
  t.equal(here.status(srmpMessage({ to: 'http://10.0.0.3/msmq/private$/more', index: 9_000 })), 500)
  t.equal(here.status(srmpMessage({ to: 'http://10.0.0.3/msmq/private$/q?a=b,c', index: 9_001 })), 400)
})

t.test('a body of 4 MiB is taken, whatever stands around it; one of a byte more is refused', async t => {
  const here = httpMachine()
  const sizeMax = 4 * 1024 * 1024
  t.equal(here.status(srmpMessage({ index: 501, body: 'x'.repeat(sizeMax) })), 200)
  t.equal(here.engine.peek(PLAIN, 10).at(-1)?.message.properties.messageSize, sizeMax)
  t.equal(here.status(srmpMessage({ index: 502, body: 'x'.repeat(sizeMax + 1) })), 400)
  t.match(here.notesOf('http-refused').at(-1)?.error, /4194304/)
})
