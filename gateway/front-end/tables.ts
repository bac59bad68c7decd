import type { Redirection, Redirections } from '../../queue-manager/http/redirections.js'
import type { Mapping, MappingTable } from './mapping.js'

/** The tables of a queue manager that has these files, earlier ones first: of several rules that fit, the first counts. */
export function redirectionsOf(mappings: readonly Mapping[]): Redirections {
  const table = (wanted: MappingTable): Redirection[] =>
    mappings.flatMap(({ rules }) =>
      rules.filter(({ table }) => table === wanted).map(({ from, to }) => ({ from: from.url, to: to.url })),
    )
  return {
    inbound: table('inbound'),
    outbound: table('outbound'),
    outboundExceptions: mappings.flatMap(({ exceptions }) => exceptions.map(({ url }) => url)),
    streamReceipts: table('receipts'),
    defaultStreamReceipt: mappings.flatMap(({ defaultReceipts }) => defaultReceipts)[0]?.url ?? null,
    transparent: mappings.some(({ transparent }) => transparent),
  }
}
