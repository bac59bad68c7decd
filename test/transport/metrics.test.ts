import { once } from 'node:events'
import { request } from 'node:http'
import { createConnection } from 'node:net'
import t, { type Test } from 'tap'
import { isLoopbackAddress, startMetricsServer } from '../../transport/metrics-server.js'
import { Histogram, MetricsText } from '../../transport/metrics-text.js'

t.test('families, labels and values as Prometheus reads them', async t => {
  const text = new MetricsText()
  text.single('a_total', 'counter', 'Help with a \\ and\na break.', 3)
  const family = text.family('b', 'gauge', 'By name.')
  family.sample(1.5, { name: 'private$\\q', state: 'a "b"\nc' })
  family.sample(Number.POSITIVE_INFINITY, { name: 'x' })
  t.equal(
    text.toString(),
    [
      '# HELP a_total Help with a \\\\ and\\na break.',
      '# TYPE a_total counter',
      'a_total 3',
      '# HELP b By name.',
      '# TYPE b gauge',
      'b{name="private$\\\\q",state="a \\"b\\"\\nc"} 1.5',
      'b{name="x"} +Inf',
      '',
    ].join('\n'),
  )
})

t.test('long label values are cut and stay apart', async t => {
  const text = new MetricsText()
  const family = text.family('b', 'gauge', 'By name.')
  for (const end of ['1', '2']) family.sample(1, { name: 'x'.repeat(10_000) + end })
  const samples = text.toString().split('\n').slice(2, 4)
  t.ok(samples.every(sample => sample.length < 300))
  t.not(samples[0], samples[1])
})

t.test('a histogram counts what is at or below each bound', async t => {
  const histogram = new Histogram([0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value)
  const text = new MetricsText()
  histogram.writeTo(text, 'h_seconds', 'Times.')
  t.same(text.toString().split('\n').slice(2), [
    'h_seconds_bucket{le="0.1"} 2',
    'h_seconds_bucket{le="1"} 3',
    'h_seconds_bucket{le="+Inf"} 4',
    'h_seconds_sum 7.65',
    'h_seconds_count 4',
    '',
  ])
})

async function served(t: Test, render: () => string) {
  const server = await startMetricsServer({ address: '127.0.0.1', port: 0 }, render)
  t.teardown(() => server.close())
  const { port } = server.endpoint
  const ask = async (method: string, path: string) => {
    const asked = request({ host: '127.0.0.1', port, method, path, agent: false }).end()
    const [response] = await once(asked, 'response')
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += chunk
    return { status: response.statusCode, type: response.headers['content-type'], body }
  }
  return { port, ask }
}

t.test('serves /metrics and nothing else', async t => {
  let scrapes = 0
  const { ask } = await served(t, () => `scrapes_total ${++scrapes}\n`)
  t.match(await ask('GET', '/metrics'), {
    status: 200,
    type: /^text\/plain; version=0\.0\.4/,
    body: 'scrapes_total 1\n',
  })
  t.match(await ask('GET', '/metrics?name[]=x'), { status: 200, body: 'scrapes_total 2\n' })
  t.match(await ask('HEAD', '/metrics'), { status: 200, body: '' })
  t.match(await ask('POST', '/metrics'), { status: 405 })
  t.match(await ask('GET', '/'), { status: 404 })
  t.equal(scrapes, 2)
})

t.test('rubbish, and connections that say nothing, keep nobody from scraping', async t => {
  const { port, ask } = await served(t, () => 'up 1\n')
  const silent = Array.from({ length: 12 }, () => createConnection({ host: '127.0.0.1', port }))
  await Promise.all(silent.map(socket => once(socket, 'connect')))
  const rubbish = createConnection({ host: '127.0.0.1', port })
  rubbish.on('error', () => undefined).resume()
  rubbish.write(Buffer.alloc(100_000, 0xa5))
  await once(rubbish, 'close')
  t.match(await ask('GET', '/metrics'), { status: 200, body: 'up 1\n' })
  for (const socket of silent) socket.destroy()
})

t.test('an address that is taken is an error that says so', async t => {
  const { port } = await served(t, () => '')
  await t.rejects(
    startMetricsServer({ address: '127.0.0.1', port }, () => ''),
    {
      code: 'MSMQ_TRANSPORT_LISTEN',
      message: /EADDRINUSE/,
    },
  )
})

t.test('which addresses only this machine reaches', async t => {
  for (const address of ['127.0.0.1', '127.9.8.7', '::1']) t.ok(isLoopbackAddress(address), address)
  for (const address of ['0.0.0.0', '10.0.0.1', '::', 'localhost', '127.x'])
    t.notOk(isLoopbackAddress(address), address)
})
