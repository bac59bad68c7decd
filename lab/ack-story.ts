import type { AckJourney } from './ack-journeys.js'
import { goesTo } from './balanced-hosts.js'
import { isAstray } from './checkers/misrouted-ack.js'
import { counted, type RunView } from './finding.js'
import { decisionBefore } from './gateway-decisions.js'
import { type EventOf, eventsOf, type RunNode } from './history.js'
import { isHttp } from './scenario-checks.js'

/** One step of an order ack's story. Without `to` it is something that happens at `from`. */
export interface StoryStep {
  readonly atMs: number
  readonly from: string
  readonly to: string | null
  /** Kind of packet for people, such as `UserMessage`, `OrderAck` or `StreamReceipt`; null for a step without one. */
  readonly packet: string | null
  readonly text: string
  /** Short form for a drawing. */
  readonly label: string
  /** The step that should not be. */
  readonly wrong: boolean
}

/** One acknowledgement followed hop by hop, from the message that it acknowledges to where it landed. */
export interface AckStory {
  readonly title: string
  /** Machines from left to right: the message's sender, the gateway, the receiver, where the ack landed. */
  readonly lifelines: readonly string[]
  readonly addresses: Readonly<Record<string, string>>
  readonly steps: readonly StoryStep[]
}

/** The first misrouted ack of a run, one that left the receiver that sent it if there is any; null when none went astray. */
export function firstMisroutedAck(view: RunView): AckStory | null {
  const astray = view.acks.filter(isAstray)
  const journey = astray.find(({ sent, astray }) => sent.node !== astray.node) ?? astray[0]
  return journey === undefined ? null : tell(view, journey)
}

/** The first ack that came home: what it should look like. */
export function firstGoodAck(view: RunView): AckStory | null {
  const good = view.acks.find(({ owners, landings }) =>
    landings.some(({ node, result }) => owners.includes(node) && result === 'matched'),
  )
  return good === undefined ? null : tell(view, good)
}

function tell(view: RunView, journey: AckJourney): AckStory {
  const { run } = view
  const { sent } = journey
  const landing = journey.astray ?? journey.landings[0]!
  const receiver = nodeNamed(sent.node)
  const owner = nodeNamed(journey.owners[0] ?? '')
  const landed = nodeNamed(landing.node)
  const gateway = run.gateway
  const steps: StoryStep[] = []

  const words = isHttp(sent.destination) ? WORDS.http : WORDS.tcp
  const message = acknowledgedMessage(view, journey)
  if (message !== null && owner !== undefined && receiver !== undefined) {
    const { out, forwarded, arrived } = message
    const place = `number ${sent.number} of sequence ${sent.sequence}`
    const label = `${words.message} ${sent.number}`
    const frontEnd = forwarded === null ? undefined : nodeNamed(forwarded.node)
    const first = frontEnd ?? receiver
    const sends = `${owner.name} (${owner.address}) sends transactional message ${out.messageId}, ${place}, to ${out.queue}`
    let from = owner.name
    if (gateway !== null && goesTo(gateway, out.queue)) {
      step(out.atMs, owner.name, gateway.name, words.message, label, sends)
      const decision = decisionBefore(run, owner.address, first.name, (forwarded ?? arrived).atMs)
      if (decision !== null) {
        const seen = decision.upstreamLocalAddress ?? 'an address of its own'
        const what = decision.request === undefined ? 'connection' : `request ${decision.request} of its connection`
        step(
          decision.atMs,
          gateway.name,
          null,
          null,
          `gives it to ${decision.host}`,
          `the gateway gives ${owner.name}'s ${what} to ${first.name} (${decision.reason}) and connects from ${seen}${seen === owner.address ? ', the address of the sender' : ', its own address'}`,
        )
      }
      from = gateway.name
    }
    if (forwarded !== null && frontEnd !== undefined) {
      const text = `${frontEnd.name} (${frontEnd.address}), a front end, stores the message and passes it on to ${forwarded.queue}`
      step(forwarded.atMs, from, frontEnd.name, words.message, label, from === owner.name ? `${sends}; ${text}` : text)
      from = frontEnd.name
    }
    const logs = `${receiver.name} (${receiver.address}) stores the message and logs ${place}; its session's peer is ${arrived.peer}`
    step(
      arrived.atMs,
      from,
      receiver.name,
      words.message,
      label,
      from === owner.name ? `${sends}; ${receiver.name} logs it at ${receiver.address}` : logs,
    )
  }
  const astray = journey.astray !== null
  const why = isHttp(sent.destination)
    ? `the URL that the sequence's first message said order acks are to go to`
    : sent.direct
      ? `the address that the message's session came from`
      : `the address that its cache holds for QMId ${sent.forSource}`
  const ackLabel = `${words.ack} ${sent.number}`
  const viaGateway = gateway !== null && goesTo(gateway, sent.destination)
  step(
    sent.atMs,
    sent.node,
    viaGateway ? gateway.name : landing.node,
    words.ack,
    ackLabel,
    `${sent.node} acknowledges up to number ${sent.number}: ${words.anAck} to ${sent.destination}, ${why}, in a session of its own`,
    astray && !viaGateway,
  )
  if (viaGateway && receiver !== undefined) {
    const decision = decisionBefore(run, receiver.address, landing.node, landing.atMs)
    if (decision !== null)
      step(
        decision.atMs,
        gateway.name,
        null,
        null,
        `gives it to ${decision.host}`,
        `to the gateway that is one more connection: it gives it to ${landing.node} (${decision.reason})`,
      )
    step(landing.atMs, gateway.name, landing.node, words.ack, ackLabel, landingText(), astray)
  } else {
    step(landing.atMs, landing.node, null, null, landing.result, landingText(), astray)
  }
  if (astray && owner !== undefined) {
    const held = view.senders.find(({ node }) => node.name === owner.name)?.messages.count(message => message.held) ?? 0
    step(
      run.endedMs,
      owner.name,
      null,
      null,
      `still holds ${held}`,
      held > 0
        ? `${owner.name} still has ${counted(held, 'message')} in its outgoing queue at the end`
        : `${owner.name} got rid of its messages by a later acknowledgement`,
    )
  }
  steps.sort((a, b) => a.atMs - b.atMs)
  const lifelines = [
    owner?.name,
    gateway === null || !steps.some(({ from }) => from === gateway.name) ? undefined : gateway.name,
    message?.forwarded?.node,
    sent.node,
    landing.node,
  ]
  const distinct = [...new Set(lifelines.filter(name => name !== undefined))]
  return {
    title: astray
      ? `an order ack for ${journey.owners.join(' or ')} that ${landing.node} got`
      : `an order ack that came home to ${landing.node}`,
    lifelines: distinct,
    addresses: Object.fromEntries(distinct.map(name => [name, nodeNamed(name)?.address ?? gateway?.address ?? ''])),
    steps,
  }

  function landingText(): string {
    const role = landed?.sender === null ? ', which never sent a message,' : ''
    if (!astray)
      return `${landing.node} (${landed?.address}) gets it: its messages up to number ${landing.number} are done`
    return `${landing.node} (${landed?.address})${role} gets the ${words.ack} of ${sent.node}: ${OUTCOMES[landing.result]}, and discards it`
  }

  function step(
    atMs: number,
    from: string,
    to: string | null,
    packet: string | null,
    label: string,
    text: string,
    wrong = false,
  ): void {
    steps.push({ atMs, from, to, packet, label, text, wrong })
  }

  function nodeNamed(name: string): RunNode | undefined {
    return run.nodes.find(node => node.name === name)
  }
}

/** What packets are called over either protocol. */
const WORDS = {
  tcp: { message: 'UserMessage', ack: 'OrderAck', anAck: 'an OrderAck' },
  http: { message: 'POST', ack: 'StreamReceipt', anAck: 'a StreamReceipt' },
} as const

const OUTCOMES: Readonly<Record<EventOf<'order-ack-received'>['result'], string>> = {
  matched: 'it takes the number for one of its own',
  stale: 'it knows the sequence, but nothing waits for this number',
  'unknown-sequence': 'it has no such sequence',
  'never-sent': 'it never sent that number',
}

/**
 * The message that the ack names, as its sender sent it, a front end took it if it came by one, and the receiver got it
 * before acknowledging.
 */
function acknowledgedMessage({ run }: RunView, { sent, owners }: AckJourney) {
  const isIt = (tx: { sequence: string; number: number } | null) =>
    tx?.sequence === sent.sequence && tx.number === sent.number
  const arrived = eventsOf(run, 'arrived').findLast(
    event => event.node === sent.node && isIt(event.tx) && event.atMs <= sent.atMs,
  )
  if (arrived === undefined) return null
  const frontEnd = run.nodes.find(({ role, address }) => role === 'front-end' && address === arrived.peer)
  const forwarded =
    eventsOf(run, 'forwarded').findLast(
      event => event.node === frontEnd?.name && isIt(event.tx) && event.atMs <= arrived.atMs,
    ) ?? null
  const out = eventsOf(run, 'sent').findLast(
    event => owners.includes(event.node) && isIt(event.tx) && event.atMs <= (forwarded ?? arrived).atMs,
  )
  return out === undefined ? null : { out, forwarded, arrived }
}
