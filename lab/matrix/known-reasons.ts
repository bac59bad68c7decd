import type { SymptomKind } from './symptoms.js'

interface KnownReason {
  readonly scenario: RegExp
  readonly columns: RegExp
  /** What it accounts for; `expectations`: that those of the scenario are not met. */
  readonly accountsFor: readonly (SymptomKind | 'expectations')[]
  readonly reason: string
}

/** Where balancers that model the same thing show different things, and why they must. */
const KNOWN_REASONS: readonly KnownReason[] = [
  {
    scenario: /^nlb-16-nodes-of-windows-nlb-send$/,
    columns: /^(kernel-dnat|haproxy-transparent)$/,
    accountsFor: ['expectations'],
    reason:
      'An appliance balances what a host sends to the cluster address like anything else. Only where hosts hold that address themselves, as with Windows NLB and direct server return, does it never leave them.',
  },
  {
    scenario: /^nlb-(12-acks-to-the-wrong-sender|16-)/,
    columns: /^kernel-dnat$/,
    accountsFor: ['misrouted', 'unacknowledged', 'duplicated', 'torn', 'expectations'],
    reason:
      "A router cannot give a host its own packet back with the host's own address as source: the host would answer itself, past the router. As routers do, this one puts the cluster's address there, and only there it translates. The order ack of such a connection goes to the cluster.",
  },
  {
    scenario: /^nlb-6-node-leaves$/,
    columns: /^kernel-(nlb|dnat|dsr)$/,
    accountsFor: ['expectations', 'duplicated'],
    reason:
      'What a host that left still had connections for is dropped in silence, as by Windows NLB: a sender over HTTP waits for its answer, up to HttpAnswerTimeout (60 s), and the run ends before it asks another host. The proxy resets these connections.',
  },
  {
    scenario: /^nlb-6-node-leaves$/,
    columns: /^nginx$/,
    accountsFor: ['duplicated', 'unacknowledged'],
    reason:
      'nginx cannot end the connections of one host alone: those of hosts that left go on, and what is sent on them is still taken and acknowledged.',
  },
  {
    scenario: /^nlb-6-node-leaves$/,
    columns: /./,
    accountsFor: ['duplicated'],
    reason:
      'Another host takes a stream as new only if the first message of it was not acknowledged when its host left: that is chance.',
  },
  {
    scenario: /^nlb-15-host-leaves-windows-nlb$/,
    columns: /^(haproxy|haproxy-transparent|nginx)$/,
    accountsFor: ['expectations', 'unacknowledged', 'duplicated', 'torn', 'reordered'],
    reason:
      'A proxy ends connections, or lets them go on, where Windows NLB is silent: senders try again at once, with what was just sent, and its receiver takes it as new.',
  },
]

/** A sentence or two; null for what nobody has an explanation for. */
export function knownReason(
  scenario: string,
  column: string,
  differences: readonly (SymptomKind | 'expectations')[],
): string | null {
  const known = KNOWN_REASONS.find(
    entry =>
      entry.scenario.test(scenario) &&
      entry.columns.test(column) &&
      differences.every(difference => entry.accountsFor.includes(difference)),
  )
  return known?.reason ?? null
}
