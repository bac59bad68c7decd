import t from 'tap'
import { HttpNames } from '../../../queue-manager/http/names.js'
import {
  comparableUrl,
  NO_REDIRECTIONS,
  outboundRedirect,
  redirect,
  streamReceiptRedirect,
} from '../../../queue-manager/http/redirections.js'

t.test('which URLs are one', async t => {
  const rows: [a: string, b: string, same: boolean, why: string][] = [
    ['http://Host/MSMQ/Private$/Q', 'HTTP://host/msmq/private$/q', true, 'case'],
    ['http://host/msmq/private$/q', 'http://host\\msmq\\private$\\q', true, 'slashes'],
    ['http:\\\\host\\msmq\\q', 'http://host/msmq/q', true, 'all slashes'],
    ['http://host:80/msmq/q', 'http://host/msmq/q', true, 'port 80 of http'],
    ['http://host:/msmq/q', 'http://host/msmq/q', true, 'an empty port'],
    ['https://host:443/msmq/q', 'https://host/msmq/q', true, 'port 443 of https'],
    ['http://[::1]:80/msmq/q', 'http://[::1]/msmq/q', true, 'port of an IPv6 address'],
    ['http://[::80]/msmq/q', 'http://[::]/msmq/q', false, 'the end of an IPv6 address is no port'],
    ['https://host:80/msmq/q', 'https://host/msmq/q', false, 'port 80 of https'],
    ['http://host:443/msmq/q', 'http://host/msmq/q', false, 'port 443 of http'],
    ['http://host:8080/msmq/q', 'http://host/msmq/q', false, 'another port'],
    ['http://host/msmq/q', 'https://host/msmq/q', false, 'scheme'],
    ['http://host/msmq/q', 'http://host/msmq/q/', false, 'a slash at the end'],
    ['http://host/msmq/private$/q', 'http://host/msmq/q', false, 'private and public'],
    ['http://host/msmq/q?a:80', 'http://host/msmq/q?a', false, 'a colon of the query'],
    ['http://host.example.com/msmq/q', 'http://host/msmq/q', false, 'full and short name'],
  ]
  for (const [a, b, same, why] of rows) t.equal(comparableUrl(a) === comparableUrl(b), same, why)
})

t.test('the first redirection that fits counts, and its end is taken literally', async t => {
  const table = [
    { from: 'http://vip/msmq/private$/orders', to: 'http://BE1/msmq/private$/Orders' },
    { from: 'http://vip/msmq/private$/a*', to: 'http://BE2/msmq/private$/any' },
    { from: 'http://vip/msmq/private$/abc', to: 'http://BE3/never' },
    { from: 'http://vip/msmq/private$/orders', to: 'http://BE4/never' },
    { from: 'http://vip:80*', to: 'http://BE5/ports' },
    { from: 'http://other:80/*', to: 'http://BE6/x' },
    { from: 'http://mid*dle/msmq/q', to: 'http://BE7/x' },
    { from: 'https://secure/msmq/q', to: 'https://BE8/x' },
    { from: 'http://late/*', to: 'http://BE9/all' },
    { from: 'http://late/msmq/q', to: 'http://BE10/never' },
  ]
  const rows: [url: string, to: string | null][] = [
    ['HTTP://VIP:80\\msmq\\PRIVATE$\\ORDERS', 'http://BE1/msmq/private$/Orders'],
    ['http://vip/msmq/private$/ABC', 'http://BE2/msmq/private$/any'],
    ['http://vip/msmq/private$/a', 'http://BE2/msmq/private$/any'],
    ['http://vip/msmq/private$/b', null],
    ['http://vip/msmq/private$/orders2', null],
    ['http://vip:8080/msmq/q', 'http://BE5/ports'],
    ['http://other/msmq/q', 'http://BE6/x'],
    ['http://middle/msmq/q', null],
    ['http://mid*dle/msmq/q', 'http://BE7/x'],
    ['http://secure/msmq/q', null],
    ['https://secure:443/msmq/q', 'https://BE8/x'],
    ['http://late/msmq/q', 'http://BE9/all'],
    ['', null],
    ['*', null],
  ]
  for (const [url, to] of rows) t.equal(redirect(table, url), to, url)
  t.equal(redirect([], 'http://vip/msmq/q'), null)
  t.equal(redirect([{ from: '*', to: 'http://B/q' }], 'anything'), 'http://B/q')
})

t.test('outbound and its exceptions', async t => {
  const tables = {
    ...NO_REDIRECTIONS,
    outbound: [{ from: 'http://far.example.com/*', to: 'http://proxy:8080/msmq' }],
    outboundExceptions: ['http://far.example.com/msmq/private$/direct', 'http://far.example.com/msmq/private$/own*'],
  }
  t.equal(outboundRedirect(tables, 'http://far.example.com/msmq/private$/q'), 'http://proxy:8080/msmq')
  t.equal(outboundRedirect(tables, 'http://FAR.example.com:80/msmq/private$/Direct'), null)
  t.equal(outboundRedirect(tables, 'http://far.example.com/msmq/private$/own-1'), null)
  t.equal(outboundRedirect(tables, 'http://near/msmq/private$/q'), null)
  t.equal(outboundRedirect(NO_REDIRECTIONS, 'http://near/msmq/private$/q'), null)
})

t.test('where receipts of streams are asked to be sent', async t => {
  const one = { ...NO_REDIRECTIONS, streamReceipts: [{ from: 'http://partner/*', to: 'http://public/msmq/acks' }] }
  const both = { ...one, defaultStreamReceipt: 'http://default/msmq/acks' }
  t.equal(streamReceiptRedirect(one, 'http://partner/msmq/private$/q'), 'http://public/msmq/acks')
  t.equal(streamReceiptRedirect(one, 'http://else/msmq/private$/q'), null)
  t.equal(streamReceiptRedirect(both, 'http://partner/msmq/private$/q'), 'http://public/msmq/acks')
  t.equal(streamReceiptRedirect(both, 'http://else/msmq/private$/q'), 'http://default/msmq/acks')
})

t.test('a table of thousands is looked up fast, in order', async t => {
  const table = Array.from({ length: 20_000 }, (_, i) => ({
    from: `http://vip/msmq/private$/q${i}`,
    to: `http://b/${i}`,
  }))
  const all = [...table, { from: 'http://vip/*', to: 'http://b/rest' }]
  for (let i = 0; i < 20_000; i++)
    if (redirect(all, `http://vip/msmq/private$/Q${i}`) !== `http://b/${i}`) t.fail(`${i}`)
  t.equal(redirect(all, 'http://vip/msmq/private$/none'), 'http://b/rest')
})

t.test('of an outbound redirection only the host counts', async t => {
  const names = new HttpNames('LOCAL', [], {
    redirections: {
      ...NO_REDIRECTIONS,
      outbound: [
        { from: 'http://far/*', to: 'http://relay:8080' },
        { from: 'https://far/*', to: 'HTTPS:\\\\relay\\msmq\\private$\\other?x' },
        { from: 'http://odd/*', to: 'relay' },
      ],
    },
  })
  const rows: [url: string, host: string, port: number, hostHeader: string, target: string][] = [
    ['http://far/msmq/private$/Q', 'relay', 8080, 'relay:8080', '/msmq/private$/q'],
    ['https://far:443/msmq/Q', 'relay', 443, 'relay', '/msmq/q'],
    ['http://near:81/msmq/Q', 'near', 81, 'near:81', '/msmq/q'],
  ]
  for (const [url, host, port, hostHeader, target] of rows)
    t.strictSame(names.hop(url), { host, port, secure: url.startsWith('https'), hostHeader, target }, url)
  t.equal(names.hop('http://odd/msmq/q'), null)
  t.equal(names.hop('http://far/elsewhere/q'), null)
})
