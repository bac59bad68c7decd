import type { NlbEventKind } from './events.js'
import type { NlbHost } from './host.js'
import type { CommandCode, CommandOptions, CommandResult, NlbVerb } from './operations.js'
import { type PortState, portRuleText } from './port-rule.js'

/** What an order needs beside the host. */
export interface OrderContext {
  readonly nowMs: number
  readonly beatOffsetMs: number
  event(host: NlbHost, kind: NlbEventKind, detail?: string): void
}

const TEXTS: Readonly<Record<string, string>> = {
  '1000': 'done',
  '1001': 'it was so already',
  '1005': 'the host is stopped: start it first',
  '1013': 'the host is suspended: resume it first',
  null: 'no answer: the host is down',
}

/** Carries out one order at one host, as its own remote control would. */
export function carryOut(host: NlbHost, verb: NlbVerb, options: CommandOptions, context: OrderContext): CommandResult {
  const code = host.crashed ? null : obey(host, verb, options, context)
  return { host: host.name, code, text: TEXTS[String(code)]! }
}

function obey(host: NlbHost, verb: NlbVerb, options: CommandOptions, context: OrderContext): CommandCode {
  const { nowMs, event } = context
  if (verb === 'resume') {
    if (!host.suspended) return 1001
    host.suspended = false
    event(host, 'resumed')
    return 1000
  }
  if (host.suspended) return verb === 'suspend' ? 1001 : 1013
  switch (verb) {
    case 'suspend':
      if (host.running) host.stop()
      host.suspended = true
      event(host, 'suspended')
      return 1000
    case 'start':
      if (host.running && !host.draining) return 1001
      if (host.running) {
        host.draining = false
        event(host, 'drain-interrupted')
        host.offersChanged(nowMs)
      } else host.start(nowMs, context.beatOffsetMs)
      return 1000
    case 'stop':
      if (!host.running) return 1001
      if (host.draining) event(host, 'drain-interrupted')
      host.stop()
      return 1000
    case 'drainstop':
      return drainStop(host, options, context)
    case 'reload':
      event(host, 'reloaded')
      return 1000
    default:
      return host.running ? setPorts(host, STATES[verb], options, context) : 1005
  }
}

const STATES = { enable: 'enabled', disable: 'disabled', drain: 'draining' } as const

function drainStop(host: NlbHost, { drainTimeoutMs }: CommandOptions, { nowMs, event }: OrderContext): CommandCode {
  if (!host.running) return 1005
  if (host.draining) return 1001
  host.draining = true
  host.awaitsCount = host.isCounted
  host.drainUntilMs[host.rules.length] = nowMs + (drainTimeoutMs ?? Number.POSITIVE_INFINITY)
  event(host, 'drain-started')
  host.offersChanged(nowMs)
  host.endDrains(nowMs)
  return 1000
}

const RULE_EVENTS = { enabled: 'rule-enabled', disabled: 'rule-disabled', draining: 'rule-draining' } as const
const ALL_RULES_EVENTS = {
  enabled: 'all-rules-enabled',
  disabled: 'all-rules-disabled',
  draining: 'all-rules-draining',
} as const

function setPorts(
  host: NlbHost,
  state: PortState,
  { rule, drainTimeoutMs }: CommandOptions,
  { nowMs, event }: OrderContext,
): CommandCode {
  const changing = [...host.rules.keys()].filter(
    index => (rule === undefined || rule === index) && host.portStates[index] !== state,
  )
  if (changing.length === 0) return 1001
  for (const index of changing) {
    host.portStates[index] = state
    host.drainUntilMs[index] =
      state === 'draining' && drainTimeoutMs !== undefined ? nowMs + drainTimeoutMs : Number.POSITIVE_INFINITY
  }
  if (rule === undefined) event(host, ALL_RULES_EVENTS[state])
  else event(host, RULE_EVENTS[state], portRuleText(host.rules[rule]!))
  host.offersChanged(nowMs)
  return 1000
}
