import type { LabEvent } from '../history.js'
import { DISCARD_TEXTS, FAULT_TEXTS } from '../journey-text.js'
import type { ReportData } from './report-data.js'
import { runFaults } from './run-faults.js'

/** What a step of a trace is, so that readers can leave kinds out. */
export type StepKind = 'message' | 'resend' | 'ack' | 'session' | 'application' | 'refusal' | 'fault'

/** Something that happened to a message: at one machine, or, with `to`, between two. */
export interface TraceStep {
  /** When it happened, or left. */
  readonly atMs: number
  readonly node: string
  readonly to: string | null
  /** When it came there. Null: nobody noted its arrival. */
  readonly arrivedMs: number | null
  /** The balancer, where the way leads through it. */
  readonly via: string | null
  readonly kind: StepKind
  /** For the drawing. */
  readonly label: string
  /** For people. */
  readonly text: string
  readonly wrong: boolean
}

/** A message of a sender, as its own note of sending it says. */
export interface TracedMessage {
  readonly sender: string
  readonly messageId: number
  readonly queue: string
  /** Null of a message without a transaction. */
  readonly sequence: string | null
  readonly number: number | null
  readonly atMs: number
}

/** Where to look for what concerns a message: indexes of events, by what they name. */
export type EventIndex = ReadonlyMap<string, readonly number[]>

/** One pass over all events. Stands alone: the report's script has it too. */
export function indexEvents(events: readonly LabEvent[]): EventIndex {
  const index = new Map<string, number[]>()
  const add = (key: string, at: number) => {
    const own = index.get(key)
    if (own === undefined) index.set(key, [at])
    else own.push(at)
  }
  for (const [at, event] of events.entries()) {
    if (event.kind === 'fault' || event.kind === 'injected') add('faults', at)
    else if (event.kind === 'order-ack-sent' || event.kind === 'resend') add(`sequence ${event.sequence}`, at)
    else if (event.kind === 'order-ack-received') add(`ack ${event.from} ${event.messageId}`, at)
    else if ('forMessageId' in event) add(`message ${event.forMessageId}`, at)
    else if ('messageId' in event) add(`message ${event.messageId}`, at)
    else if (event.kind === 'gateway-decision')
      add(`way ${event.decision.clientAddress} ${event.decision.host ?? ''}`, at)
  }
  return index
}

/** The messages that senders noted to have sent, in the order of the first time. Stands alone, as above. */
export function sentMessages({ events, nodes }: Pick<ReportData, 'events' | 'nodes'>): TracedMessage[] {
  const forwarders = new Set(nodes.filter(({ role }) => role === 'front-end').map(({ name }) => name))
  const acks = new Set<string>()
  for (const event of events) if (event.kind === 'order-ack-sent') acks.add(`${event.node} ${event.messageId}`)
  const seen = new Set<string>()
  const messages: TracedMessage[] = []
  for (const event of events) {
    if (event.kind !== 'sent' || forwarders.has(event.node)) continue
    const key = `${event.node} ${event.messageId}`
    if (seen.has(key) || (event.tx === null && (acks.has(key) || /order_queue\$$/i.test(event.queue)))) continue
    seen.add(key)
    const { node: sender, messageId, queue, tx, atMs } = event
    messages.push({ sender, messageId, queue, sequence: tx?.sequence ?? null, number: tx?.number ?? null, atMs })
  }
  return messages
}

/**
 * What became of one message, in the order of time: each time it was sent and where it came, what was acknowledged and
 * where that landed, the resend timer, faults of the machines that it met. Acknowledgements count up to the first that
 * freed it, and no more than `acksMax`. Stands alone but for `runFaults` and the words, as above.
 */
export function traceMessage(data: ReportData, index: EventIndex, message: TracedMessage, acksMax = 12): TraceStep[] {
  const skewMs = 5
  const { events, nodes } = data
  const { sender, messageId, sequence, number } = message
  const own = nodes.find(({ name }) => name === sender)
  const gateway = nodes.find(({ role }) => role === 'gateway') ?? null
  const addressOf = new Map(nodes.map(({ name, address }) => [name, address]))
  const guidOf = new Map(nodes.map(({ name, guid }) => [name, guid]))
  const called = number === null ? `message ${messageId}` : `message ${number}`
  const found = (key: string) => (index.get(key) ?? []).map(at => events[at]!)
  type Open = { -readonly [Key in keyof TraceStep]: TraceStep[Key] }
  const steps: Open[] = []
  /** Steps that left and have not come anywhere yet, by machine. */
  const underWay: Open[] = []

  function step(atMs: number, node: string, kind: StepKind, label: string, text: string, wrong = false): Open {
    const made = { atMs, node, to: null, arrivedMs: null, via: null, kind, label, text, wrong }
    steps.push(made)
    return made
  }

  function depart(step: Open, queue: string): void {
    step.via = gateway !== null && data.balancedQueues.includes(queue) ? gateway.name : null
    underWay.push(step)
  }

  /** The last departure that can have come here, by the address that the other side saw. */
  function arrive(event: LabEvent & { readonly peer: string }): Open | null {
    const fits = (open: Open) =>
      open.node !== event.node &&
      open.atMs <= event.atMs + skewMs &&
      (open.via !== null || addressOf.get(open.node) === event.peer)
    const exact = underWay.findLastIndex(open => fits(open) && addressOf.get(open.node) === event.peer)
    const at = exact >= 0 ? exact : underWay.findLastIndex(fits)
    if (at < 0) return null
    const open = underWay.splice(at, 1)[0]!
    open.to = event.node
    open.arrivedMs = Math.max(open.atMs, event.atMs)
    open.text += decisionText(open, event)
    return open
  }

  function decisionText(open: Open, { node, atMs }: LabEvent): string {
    if (open.via === null) return ''
    const decision = found(`way ${addressOf.get(open.node)} ${node}`).findLast(made => made.atMs <= atMs)
    return decision?.kind === 'gateway-decision'
      ? `; ${open.via} gave the connection to ${node} (${decision.decision.reason})`
      : `, through ${open.via}`
  }

  const concerned = found(`message ${messageId}`).filter(
    event =>
      !('source' in event && event.source !== own?.guid) &&
      !('tx' in event && event.tx !== null && sequence !== null && event.tx.sequence !== sequence),
  )
  // the timer stands before what it has sent, at the same moment
  const timers = new Set<TraceStep>()
  for (const event of sequence === null ? [] : found(`sequence ${sequence}`)) {
    if (event.kind !== 'resend' || event.node !== sender || event.atMs < message.atMs) continue
    const text = `${sender}'s resend timer fires, stage ${event.stage}: ${event.messages} messages without an order ack`
    timers.add(step(event.atMs, sender, 'resend', `resend timer, stage ${event.stage}`, text))
  }
  // then all that left, for the machines' notes are not to the millisecond in the order of the world
  for (const event of concerned) {
    const { atMs, node } = event
    if (event.kind === 'sent' && node === sender) {
      const again = event.attempt > 1
      const how = again ? `sends ${called} again, attempt ${event.attempt}` : `sends ${called}`
      const text = `${node} ${how}, in session ${event.connection}, to ${event.queue}`
      depart(step(atMs, node, again ? 'resend' : 'message', again ? `${called} again` : called, text), event.queue)
    } else if (event.kind === 'forwarded') {
      const text = `${node}, a front end, stores ${called} and passes it on to ${event.queue}`
      depart(step(atMs, node, 'message', called, text), event.queue)
    }
  }
  for (const event of concerned) {
    const { atMs, node } = event
    const isOwn = node === sender
    if (event.kind === 'arrived') {
      const open = arrive(event)
      const text = `${node} puts ${called} into ${event.queue}; the session is from ${event.peer}`
      if (open === null) step(atMs, node, 'message', `${called} arrives`, text)
      else open.text += `. ${text}`
    } else if (event.kind === 'discarded') {
      arrive(event)
      const text = `${node} discards ${called}, ${DISCARD_TEXTS[event.reason]} (${event.reason})`
      step(atMs, node, 'refusal', `discards it: ${event.reason}`, text, event.reason !== 'duplicate')
    } else if (event.kind === 'forwarded') {
      arrive(event)
    } else if (event.kind === 'session-acked' && isOwn) {
      step(atMs, node, 'session', 'session ack', `${node} hears that ${called} has come over in its session`)
    } else if (event.kind === 'http-answered' && isOwn) {
      step(atMs, node, 'session', `answer ${event.status}`, `${node} is answered ${event.status} for ${called}`)
    } else if (event.kind === 'consumed') {
      const text = `an application at ${node} takes ${called} from ${event.queue}`
      step(atMs, node, 'application', 'an application takes it', text)
    } else if (event.kind === 'dead-lettered' && isOwn) {
      const text = `${node} gives ${called} up and puts it into its dead-letter queue`
      step(atMs, node, 'refusal', 'dead-letter queue', text, true)
    } else if (event.kind === 'final-ack-received' && isOwn) {
      step(atMs, node, 'ack', 'final ack', `${node} hears what became of ${called} in the end`, !event.matched)
    }
  }

  const firstMs = message.atMs
  let freedMs = Number.POSITIVE_INFINITY
  let acks = 0
  for (const event of sequence === null ? [] : found(`sequence ${sequence}`)) {
    if (event.atMs < firstMs || event.atMs > freedMs) continue
    if (event.kind !== 'order-ack-sent' || event.forSource !== own?.guid || event.number < number!) continue
    if (++acks > acksMax) break
    const { atMs, node } = event
    const to = `${node} acknowledges up to number ${event.number}: an order ack to ${event.destination}`
    const sent = step(atMs, node, 'ack', `order ack ${event.number}`, to)
    sent.via = gateway !== null && data.balancedQueues.includes(event.destination) ? gateway.name : null
    const landings = found(`ack ${guidOf.get(node)} ${event.messageId}`)
    for (const landing of landings) {
      if (landing.kind !== 'order-ack-received' || landing.sequence !== sequence || landing.atMs < atMs) continue
      const home = landing.node === sender
      const what = home ? `${sender} gets it: ${landing.result}` : `${landing.node} gets it, for whom it is not`
      const first = landing === landings[0] || sent.to === null
      const one = first ? sent : step(landing.atMs, landing.node, 'ack', 'once more', '')
      if (first) {
        sent.to = landing.node
        sent.arrivedMs = landing.atMs
      }
      one.text += `${one.text === '' ? '' : decisionText(sent, landing)}. ${what}`
      one.wrong = !home
      if (home && landing.result === 'matched') freedMs = Math.min(freedMs, landing.atMs)
    }
  }

  const lastMs = Math.max(firstMs, ...steps.map(({ atMs, arrivedMs }) => arrivedMs ?? atMs))
  const met = new Set(steps.flatMap(({ node, to, via }) => [node, to, via]))
  for (const event of runFaults(found('faults'))) {
    const { atMs, node } = event
    if (!met.has(node) || atMs < firstMs || atMs > lastMs) continue
    if (event.kind === 'injected') {
      if (event.packet?.messageId !== undefined && event.packet.messageId !== messageId) continue
      step(atMs, node, 'fault', event.what, `the fault at ${node} strikes: ${event.what}`, true)
    } else {
      const { text, isGood } = FAULT_TEXTS[event.fault]
      step(atMs, node, 'fault', event.fault, `${node}: ${text}`, !isGood)
    }
  }
  for (const open of underWay) open.text += '. Nobody noted that it arrived'
  return steps.filter(step => !timers.has(step) || step.atMs <= freedMs).sort((a, b) => a.atMs - b.atMs)
}
