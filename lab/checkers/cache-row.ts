import type { AckJourney } from '../ack-journeys.js'
import type { Checker } from '../finding.js'
import { type EventOf, type RunNode, runTime } from '../history.js'

interface WrongRow {
  readonly journey: AckJourney
  readonly row: EventOf<'qmid-cached'>
  readonly owner: RunNode
}

/**
 * Order acks that were addressed by a row QMId -> address of the acknowledging machine's cache while that row held
 * another address than that of the machine whose message was acknowledged. Harmless when they came home all the same.
 */
export const checkCacheRows: Checker = ({ run, acks }) => {
  const rows = new Map<string, EventOf<'qmid-cached'>>()
  const wrong: WrongRow[] = []
  let ack = 0
  for (const event of run.events) {
    if (event.kind === 'qmid-cached' && event.change === 'new') rows.set(`${event.node} ${event.guid}`, event)
    if (event.kind !== 'order-ack-sent') continue
    const journey = acks[ack++]
    const row = rows.get(`${event.node} ${event.forSource}`)
    if (journey === undefined || event.direct || row === undefined) continue
    const owners = run.nodes.filter(({ name }) => journey.owners.includes(name))
    const [owner] = owners
    if (owner !== undefined && owners.every(({ address }) => address !== row.address))
      wrong.push({ journey, row, owner })
  }
  const [first] = wrong
  if (first === undefined) return []
  const { journey, row, owner } = first
  const { sent } = journey
  const holder = [...run.nodes, ...(run.gateway === null ? [] : [run.gateway])].find(
    ({ address }) => address === row.address,
  )
  const harmed = wrong.some(({ journey: { astray, landings } }) => astray !== null || landings.length === 0)
  return [
    {
      id: 'qmid-cache-row-wrong',
      behaviour: 'QMID-3',
      severity: harmed ? 'anomaly' : 'notice',
      count: wrong.length,
      first: {
        atMs: sent.atMs,
        nodes: [sent.node, owner.name, ...(holder === undefined ? [] : [holder.name])],
        text:
          `${sent.node} acknowledged number ${sent.number} of sequence ${sent.sequence}, which is for ${owner.name} at ${owner.address}, ` +
          `by its row for QMId ${row.guid}, which has held ${row.address}${holder === undefined ? '' : ` (${holder.name})`} since ${runTime(run, row.atMs)}`,
      },
    },
  ]
}
