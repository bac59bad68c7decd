import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../control/client.js'
import { mqlab } from '../fixtures/mqlab-command.js'
import { mqlabInProcess, mqlabOnceStarted } from '../fixtures/mqlab-in-process.js'
import { startQm, temporaryDirectory } from '../fixtures/qm-child.js'

/* `mqlab send` to HTTP format names: with a queue manager of its own, and through one that runs. */

const TLS = join(process.cwd(), 'test/fixtures/tls')
/** The certificate is for this address. */
const RECEIVER = '127.0.92.4'

async function receiver(t: Test) {
  const control = join(temporaryDirectory(t), 'control.sock')
  const { line } = startQm(
    t,
    ...[
      '--name',
      'RECEIVER',
      '--address',
      RECEIVER,
      '--port',
      '0',
      '--control',
      control,
      '--http',
      '0',
      '--https',
      '0',
    ],
    ...['--cert', join(TLS, 'cert.pem'), '--key', join(TLS, 'key.pem'), '--ca', join(TLS, 'ca.pem')],
    ...['--queue', 'plain', '--queue', 'orders:transactional', '--set', 'OrderAckTimeout=50'],
  )
  const { http, https } = JSON.parse(await line()) as Record<'http' | 'https', { port: number }>
  const client = await connect(control)
  t.teardown(() => client.close())
  return {
    client,
    plain: `http://${RECEIVER}:${http.port}/msmq/private$/`,
    secure: `https://${RECEIVER}:${https.port}/msmq/private$/`,
  }
}

t.test('with a queue manager of its own, which receipts find', async t => {
  const { client, plain, secure } = await receiver(t)
  const words = (to: string) => ['send', '--temporary', '--to', `DIRECT=${to}`, 'hello', '--timeout', '100']
  const send = (to: string, ...args: string[]) => mqlabInProcess([...words(to), ...args])
  const sent = (text: string) => new RegExp(`^1 message to DIRECT=\\S+: ${text} \\(sent from [0-9.]+\\)\\n$`)
  const transactional = ['--delivery', 'transactional']
  const ca = ['--ca', join(TLS, 'ca.pem')]

  t.match(await send(`${plain}plain`), { code: 0, stdout: sent('taken, by HTTP status 200'), stderr: '' })
  const reached = await send(`${plain}plain`, '--wait', 'reach')
  t.match(reached, { code: 0, stdout: sent('in the queue') })
  t.match(reached.stderr, /^receipts come to http:\/\/127\.\d+\.\d+\.\d+:\d+\/msmq\/\n$/)
  t.match(await mqlab([...words(`${plain}orders`), ...transactional]), {
    code: 0,
    stdout: sent('taken, by stream receipt'),
  })
  t.match(await send(`${plain}orders`, ...transactional, '--wait', 'reach', '--count', '5'), {
    code: 0,
    stdout: /^5 messages to \S+: in the queue /,
  })
  t.match(await send(`${secure}orders`, ...transactional, ...ca), { code: 0, stdout: sent('taken, by stream receipt') })

  const refused = await mqlab([...words(`${plain}nobody`), '--wait', 'reach', '--json'])
  t.match(refused, { code: 1, stderr: '' })
  t.match(JSON.parse(refused.stdout), { good: false, outcome: 'refused with HTTP status 400' })
  t.match(await send(`${plain}plain`, ...transactional), { code: 1, stdout: /: refused with HTTP status 400\n/ })
  const doubted = await send(`${secure}plain`, '--timeout', '5')
  t.match(doubted, { code: 1, stdout: /: nothing came in time \(.+\)\n/ })

  const held = async (queue: string) => (await client.queues()).find(({ name }) => name.endsWith(queue))?.messages
  t.equal(await held('plain'), 2)
  t.equal(await held('orders'), 7)
  const waiting = async () => (await client.outgoing()).filter(({ messages }) => messages > 0)
  // the last one has its answer, which may still be on its way
  for (let waits = 0; waits < 3000 && (await waiting()).length > 0; waits++) await sleep(10)
  t.same(await waiting(), [], 'no receipt waits for one that has ended')
})

t.test('through a queue manager that runs, whose HTTP address acknowledgements go to', async t => {
  const { plain } = await receiver(t)
  const sender = async (...args: string[]) => {
    const control = join(temporaryDirectory(t), 'control.sock')
    const child = startQm(t, '--name', 'S1', '--address', '127.0.92.5', '--port', '0', '--control', control, ...args)
    await child.line()
    return (...words: string[]) => {
      const args = ['send', '--to', `DIRECT=${plain}plain`, 'hello', '--timeout', '100', ...words]
      return mqlabInProcess(args, { MQLAB_CONTROL: control })
    }
  }
  const send = await sender('--http', '0', '--http-name', '127.0.92.5')
  t.match(await send(), { code: 0, stdout: /: accepted\n$/ })
  t.match(await send('--wait', 'reach'), { code: 0, stdout: /: in the queue\n$/ })

  const deaf = await sender('--address', '127.0.92.6')
  const { code, stderr } = await deaf('--wait', 'reach')
  t.equal(code, 2)
  t.match(stderr, /^mqlab: --wait reach: [^\n]* S1 does not listen there; start it with mqlab qm --http PORT\n$/)
})

t.test('what cannot be is one line and exit code 2', async t => {
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [['--to', 'DIRECT=HTTP://127.0.92.4/other/q'], /msmq/],
    [['--to', 'DIRECT=HTTP://no-such-host.invalid/msmq/q'], /the address of no-such-host\.invalid cannot be found/],
    [['--to', 'DIRECT=HTTPS://127.0.92.4/msmq/q', '--ca', 'gone.pem'], /--ca gone\.pem: cannot be read \(ENOENT\)/],
    [['--to', 'DIRECT=HTTP://127.0.92.4/msmq/q', '--http-name', 'a:80'], /--http-name "a:80": allowed is a host name/],
  ]
  const mqlab = mqlabOnceStarted()
  for (const [args, said] of rows) {
    const { code, stderr } = await mqlab(['send', '--temporary', 'x', ...args])
    t.equal(code, 2, args.join(' '))
    t.match(stderr, said)
    t.match(stderr, /^mqlab: [^\n]*\n$/)
  }
})
