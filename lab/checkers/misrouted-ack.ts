import type { AckJourney } from '../ack-journeys.js'
import { goesTo } from '../balanced-hosts.js'
import type { Checker, Finding, RunView } from '../finding.js'
import { decisionBefore } from '../gateway-decisions.js'
import { eventsOf, type RunRecord, runTime } from '../history.js'
import { isHttp } from '../scenario-checks.js'

/**
 * Order acks that landed on a node whose messages they do not acknowledge, told apart by that node: one that never
 * sent anything (`misrouted-ack`), another sender (`misrouted-ack-other-sender`), a clone (`misrouted-ack-clone`). And
 * `ack-never-arrived`: sent, but by the end of the run received by nobody.
 */
export const checkMisroutedAcks: Checker = view => {
  const astray = view.acks.filter(isAstray)
  const findings = Object.entries(KINDS).flatMap(([kind, { id, behaviour }]): Finding[] => {
    const journeys = astray.filter(journey => landingKind(view, journey) === kind)
    const [first] = journeys
    return first === undefined
      ? []
      : [{ id, behaviour, severity: 'anomaly', count: journeys.length, first: evidence(view, first) }]
  })
  const missing = view.acks.filter(({ landings }) => landings.length === 0)
  const [first] = missing
  if (first !== undefined) {
    const { sent } = first
    findings.push({
      id: 'ack-never-arrived',
      behaviour: null,
      severity: 'notice',
      count: missing.length,
      first: {
        atMs: sent.atMs,
        nodes: [sent.node],
        text: `order ack of ${sent.node} to ${sent.destination} (sequence ${sent.sequence}, number ${sent.number}) was received by nobody before the end`,
      },
    })
  }
  return findings
}

export type AstrayAck = AckJourney & { readonly astray: NonNullable<AckJourney['astray']> }

export const isAstray = (journey: AckJourney): journey is AstrayAck => journey.astray !== null

export type LandingKind = 'no-sender' | 'other-sender' | 'clone'

const KINDS: Readonly<Record<LandingKind, { readonly id: string; readonly behaviour: string }>> = {
  'no-sender': { id: 'misrouted-ack', behaviour: 'NLB-11' },
  'other-sender': { id: 'misrouted-ack-other-sender', behaviour: 'NLB-12' },
  clone: { id: 'misrouted-ack-clone', behaviour: 'QMID-3' },
}

export function landingKind({ run }: Pick<RunView, 'run'>, { sent, astray }: AstrayAck): LandingKind {
  const landed = run.nodes.find(({ name }) => name === astray.node)
  if (landed?.guid === sent.forSource) return 'clone'
  return landed?.sender === null || landed === undefined ? 'no-sender' : 'other-sender'
}

/** The name of the finding that it is part of. */
export function landingId(view: Pick<RunView, 'run'>, journey: AstrayAck): string {
  return KINDS[landingKind(view, journey)].id
}

function evidence({ run }: RunView, { sent, astray, owners }: AstrayAck): Finding['first'] {
  return {
    atMs: astray.atMs,
    nodes: [sent.node, astray.node, ...owners],
    text:
      `${sent.node} acknowledged number ${sent.number} of sequence ${sent.sequence}, which is for ${owners.join(' or ')}, to ` +
      `${sent.destination} at ${runTime(run, sent.atMs)}; ${astray.node} got it at ${runTime(run, astray.atMs)} (${astray.result}): ${reasonOf(run, sent, astray)}`,
  }
}

/** Why it went there: what the acknowledging machine took for the sender's address, and what a balancer made of that. */
function reasonOf(run: RunRecord, sent: AckJourney['sent'], astray: AstrayAck['astray']): string {
  const taken = isHttp(sent.destination)
    ? 'the sequence named that URL for its order acks'
    : sent.direct
      ? `the message's session came from ${sent.sessionPeer}`
      : `its cache row for QMId ${sent.forSource} holds ${rowBefore(run, sent)?.address ?? 'an address'}`
  const { gateway, nodes } = run
  const from = nodes.find(({ name }) => name === sent.node)
  if (gateway === null || from === undefined || !goesTo(gateway, sent.destination)) return taken
  const decision = decisionBefore(run, from.address, astray.node, astray.atMs)
  return decision === null
    ? `${taken}, the balancer's`
    : `${taken}, the balancer's, which gave the session to ${astray.node} (${decision.reason})`
}

/** What the acknowledging machine's cache held for the sender's QMId. */
function rowBefore(run: RunRecord, { node, forSource, atMs }: AckJourney['sent']) {
  return eventsOf(run, 'qmid-cached').findLast(
    row => row.node === node && row.guid === forSource && row.change === 'new' && row.atMs <= atMs,
  )
}
