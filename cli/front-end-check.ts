import { lintMappings } from '../gateway/front-end/lint.js'
import { Machine } from '../gateway/front-end/machine.js'
import { type MappingRule, placeText } from '../gateway/front-end/mapping.js'
import { parseQueueUrl } from '../gateway/front-end/queue-url.js'
import type { FrontEndConfig } from './front-end-config.js'
import { table } from './output.js'

/* What a front end would do, without doing it. */

interface CheckedRule {
  readonly table: MappingRule['table']
  readonly from: string
  readonly to: string
  /** What becomes of a message that fits. */
  readonly effect: string
  readonly file: string
  readonly line: number
}

/** For `--check --json`: one object. */
export function checkReport(config: FrontEndConfig) {
  const { qm, mappings, files, redirections, names } = config
  const { http, https, aliases, name } = qm.http
  return {
    name: qm.name ?? null,
    http: http ?? null,
    https: https === undefined ? null : { address: https.address, port: https.port },
    httpName: name ?? null,
    aliases,
    data: qm.data ?? null,
    files: mappings.map(({ file }) => file),
    rules: mappings.flatMap(({ rules }) => rules.map(rule => checkedRule(rule, config))),
    outboundExceptions: redirections.outboundExceptions,
    defaultStreamReceipt: redirections.defaultStreamReceipt,
    transparent: redirections.transparent,
    ignored: files.flatMap(({ ignored }) => ignored ?? []),
    findings: lintMappings([{ mappings, names }]),
  }
}

function checkedRule({ table, from, to }: MappingRule, { names }: FrontEndConfig): CheckedRule {
  return { table, from: from.url, to: to.url, effect: effectOf(table, to.url, names), file: from.file, line: from.line }
}

function effectOf(table: MappingRule['table'], to: string, names: FrontEndConfig['names']): string {
  const url = parseQueueUrl(to)
  if (table === 'receipts') return `receipts are asked for at ${to}`
  if (url === null) return 'none: no URL'
  const where = `${url.host}:${url.port}`
  if (table === 'outbound') return `sent to ${where} instead`
  if (url.queue === null) return 'refused with 400: no queue'
  const owner = new Machine(names).ownerOf(url.host)
  return owner === 'own' || owner === 'shared' ? `put into ${url.queue} here` : `kept, and handed on to ${where}`
}

export function checkText(config: FrontEndConfig): string {
  const report = checkReport(config)
  const endpoint = (place: { address: string; port: number } | null) =>
    place === null ? '-' : `${place.address}:${place.port}`
  const head = table([
    ['name', report.name],
    ['http', endpoint(report.http)],
    ['https', endpoint(report.https)],
    ['own names', config.names.own.join(', ')],
    ['shared names', config.names.aliases.join(', ')],
    ['data', report.data ?? 'in memory'],
    ['other machines', report.transparent ? 'messages for them are taken and sent on' : 'only by the rules below'],
    ['receipts', report.defaultStreamReceipt ?? 'own order queue'],
  ])
  const rules = table(
    report.rules.map(rule => [rule.table, rule.from, rule.effect, `${rule.file}:${rule.line}`]),
    ['table', 'from', 'what becomes of it', 'where'],
  )
  const ignored = report.ignored.map(fault => `ignored: ${placeText(fault)} ${fault.reason}\n`)
  const count = report.findings.length
  const remedy = `mqlab lint-mapping --yaml ${report.files[0]} tells`
  const found = count === 0 ? '' : `${count} ${count === 1 ? 'finding' : 'findings'}; ${remedy}\n`
  const exceptions = report.outboundExceptions.map(url => `not outbound: ${url}\n`)
  return [head, report.rules.length > 0 ? `\n${rules}` : '\nno rules\n', ...exceptions, ...ignored, found].join('')
}
