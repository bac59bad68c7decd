import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { MemoryStore } from '../../store/memory-store.js'
import { Driver } from '../../transport/driver.js'
import { comesTrue, httpDriven, httpPost, outcomes, RawClient } from '../fixtures/http-peers.js'
import { ScriptedEngine } from '../fixtures/scripted-engine.js'

const ADDRESS = '127.0.92.4'
/** Valid until 2125, for target.example, localhost and ADDRESS. */
const file = (name: string) => readFileSync(join(process.cwd(), 'test/fixtures/tls', name))
const [ca, cert, key] = [file('ca.pem'), file('cert.pem'), file('key.pem')]

async function secureServer(t: Test) {
  const served = await httpDriven(t, ADDRESS, { https: { address: ADDRESS, port: 0, cert, key } })
  served.engine.answer = input =>
    input.input === 'httpRequested' ? [{ do: 'http-answer', exchange: input.exchange, status: 200 }] : []
  return { ...served, port: served.driver.bound.https?.port ?? 0 }
}

async function poster(t: Test, port: number, host: string, authority: Buffer | undefined) {
  const { engine, driver } = await httpDriven(t, ADDRESS, authority && { httpClient: { ca: authority } })
  const open = { do: 'http-open', connection: 1, address: ADDRESS, port, secure: true, host } as const
  driver.call(engine => engine.act(open))
  return { engine, driver }
}

t.test('posts over HTTPS reach a server with a certificate for their host', async t => {
  const { engine: taking, port } = await secureServer(t)
  for (const host of ['target.example', 'LOCALHOST', ADDRESS]) {
    const { engine, driver } = await poster(t, port, host, ca)
    const posts = Array.from({ length: 20 }, (_, n) => httpPost(1, n))
    driver.call(engine => engine.act(...posts))
    await engine.when('httpAnswered', ({ exchange }) => exchange === 19)
    t.strictSame(
      outcomes(engine),
      posts.map((_, n) => [n, 200]),
    )
    await driver.stop()
  }
  const requests = taking.of('httpRequested')
  t.equal(requests.length, 60)
  t.ok(requests.every(({ request }) => request.secure))
  t.ok(
    requests.every(({ request }, n) => Buffer.concat(request.body).toString() === `body ${n % 20}`),
    'in order',
  )
})

t.test('a certificate for another host, or of an authority that nobody trusts', async t => {
  const { engine: taking, port } = await secureServer(t)
  const rows: [host: string, authority: Buffer | undefined, reason: RegExp][] = [
    ['other.example', ca, /^ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['127.0.92.5', ca, /^ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['target.example', undefined, /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)$/],
  ]
  for (const [host, authority, reason] of rows) {
    const { engine, driver } = await poster(t, port, host, authority)
    driver.call(engine => engine.act(httpPost(1, 1), httpPost(1, 2)))
    t.ok(await comesTrue(() => outcomes(engine).length === 2))
    t.match(outcomes(engine), [
      [1, reason],
      [2, reason],
    ])
  }
  t.equal(taking.of('httpRequested').length, 0)
})

t.test('plain and secure speakers who meet the other kind', async t => {
  const { engine: taking, driver, port } = await secureServer(t)
  const client = await RawClient.connect(t, ADDRESS, port)
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  t.ok(await client.ended())
  const { engine, driver: sender } = await poster(t, driver.bound.http?.port ?? 0, 'target.example', ca)
  sender.call(engine => engine.act(httpPost(1, 1)))
  t.match(await engine.when('httpFailed'), { exchange: 1, reason: /./ })
  t.equal(taking.of('httpRequested').length, 0)
})

t.test('a handshake that never begins is cut, and does not hold up the end', async t => {
  const { driver, engine } = await httpDriven(t, ADDRESS, {
    https: { address: ADDRESS, port: 0, cert, key },
    httpLimits: { headersTimeoutMs: 200 },
  })
  const port = driver.bound.https?.port ?? 0
  const silent = await RawClient.connect(t, ADDRESS, port)
  t.ok(await silent.ended())
  const other = await RawClient.connect(t, ADDRESS, port)
  await sleep(20)
  await driver.stop()
  t.ok(await other.ended())
  t.equal(engine.of('stop').length, 1)
})

t.test('a certificate or key that is of no use', async t => {
  const rows: [what: string, cert: Buffer | string, key: Buffer | string][] = [
    ['no certificate', 'nothing', key],
    ['no key', cert, 'nothing'],
    ['not the key of the certificate', ca, key],
  ]
  for (const [what, badCert, badKey] of rows) {
    const driver = new Driver({
      engine: new ScriptedEngine(),
      store: new MemoryStore(),
      resolver: () => [],
      listen: { address: ADDRESS, port: 0 },
      https: { address: ADDRESS, port: 0, cert: badCert, key: badKey },
    })
    const message = /^listen 127\.0\.92\.4:0: the certificate or its key is of no use: /
    await t.rejects(driver.start(), { code: 'MSMQ_TRANSPORT_CERTIFICATE', message }, what)
    await driver.stop()
  }
})
