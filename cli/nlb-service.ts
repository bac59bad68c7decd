import type { ControlService, ControlSession } from '../control/control-connection.js'
import { NLB_CLUSTER } from '../control/endpoint.js'
import { ControlError } from '../control/errors.js'
import { NLB_METHODS, type NlbMethod, type NlbParameters } from '../control/nlb-requests.js'
import type { Replies } from '../control/requester.js'
import type { LiveCluster } from '../gateway/live-cluster.js'
import { type Explanation, explain } from '../gateway/nlb/explain.js'
import type { CommandResult } from '../gateway/nlb/operations.js'
import { portRuleText } from '../gateway/nlb/port-rule.js'
import type { PlaneCounters } from '../gateway/planes/plane.js'
import { OptionError } from '../protocol/errors.js'
import type { NlbConfig } from './nlb-config.js'
import { clusterAddress, hostNamed, targetHosts, targetRules } from './nlb-names.js'
import { type ReloadReport, reload } from './nlb-reload.js'
import type { PlaneName } from './nlb-schema.js'
import { clusterView, type EventRing, type LoggedEvent, type NlbView } from './nlb-view.js'
import { CliError } from './output.js'

/** A cluster that runs, for those who ask for something. */
export interface ServedCluster {
  readonly config: NlbConfig
  readonly live: Pick<LiveCluster, 'call'>
  readonly events: EventRing
  /** Wall clock. */
  readonly startedMs: number
  counters(): PlaneCounters | Promise<PlaneCounters>
}

/** One host's answer to an order, and for which rule it was. */
export interface OrderResult extends CommandResult {
  readonly rule: string | null
}

/** What each method of the control socket answers. */
export interface NlbAnswers {
  view: NlbView
  events: readonly LoggedEvent[]
  command: readonly OrderResult[]
  reload: ReloadReport
  explain: Explanation & { readonly note?: string }
  crash: readonly string[]
  recover: readonly string[]
  partition: null
  heal: null
  mute: null
  learnMac: null
}

type Operations = {
  readonly [M in NlbMethod]: (
    served: ServedCluster,
    parameters: NlbParameters<M>,
  ) => NlbAnswers[M] | Promise<NlbAnswers[M]>
}

const OPERATIONS: Operations = {
  view: async ({ config, live, startedMs, counters }) => clusterView(config, live, startedMs, await counters()),
  events: ({ events }, { max }) => events.last(max),
  command: ({ live }, order) => live.call((cluster, nowMs) => carryOutOrder(cluster, order, nowMs)),
  reload: ({ config, live }) => live.call((cluster, nowMs) => reload(config, cluster, nowMs)),
  explain: ({ config, live }, { destinationAddress, sentBy, ...packet }) =>
    live.call(cluster => ({
      ...explain(cluster, {
        ...packet,
        destinationAddress: clusterAddress(cluster.config, destinationAddress),
        ...(sentBy !== undefined && { sentBy: hostNamed(cluster.config, sentBy) }),
      }),
      ...(isOtherBalancer(config.plane) && {
        note: `This is what NLB would do. On this plane ${config.plane} chooses, by a hash of its own.`,
      }),
    })),
  crash: ({ live }, { target }) => each(live, target, (cluster, host, nowMs) => cluster.crash(host, nowMs)),
  recover: ({ live }, { target }) => each(live, target, (cluster, host, nowMs) => cluster.recover(host, nowMs)),
  partition: ({ live }, { groups, clientsReach }) =>
    live.call((cluster, nowMs) => {
      const named = (hosts: readonly string[]) => hosts.map(host => hostNamed(cluster.config, host))
      cluster.partition(groups.map(named), nowMs, clientsReach && named(clientsReach))
      return null
    }),
  heal: ({ live }) =>
    live.call((cluster, nowMs) => {
      cluster.heal(nowMs)
      return null
    }),
  mute: ({ live }, { from, to, muted }) =>
    live.call((cluster, nowMs) => {
      const { config } = cluster
      cluster.muteHeartbeats(hostNamed(config, from), to === 'all' ? to : hostNamed(config, to), muted, nowMs)
      return null
    }),
  learnMac: ({ live }, { host }) =>
    live.call((cluster, nowMs) => {
      cluster.learnMac(host === null ? null : hostNamed(cluster.config, host), nowMs)
      return null
    }),
}

/** It is told who is there, and decides by itself. */
export function isOtherBalancer(plane: PlaneName): boolean {
  return plane === 'haproxy' || plane === 'nginx'
}

type Cluster = LiveCluster['cluster']

function carryOutOrder(
  cluster: Cluster,
  { verb, target, port = 'all', timeoutS }: NlbParameters<'command'>,
  nowMs: number,
): OrderResult[] {
  const { config } = cluster
  const hosts = targetHosts(config, target)
  const drainTimeout = timeoutS === undefined ? {} : { drainTimeoutMs: timeoutS * 1000 }
  return (targetRules(config, port) ?? [undefined]).flatMap(rule =>
    hosts.flatMap(host =>
      cluster
        .command(verb, host, nowMs, { ...drainTimeout, ...(rule !== undefined && { rule }) })
        .map(result => ({ ...result, rule: rule === undefined ? null : portRuleText(config.rules[rule]!) })),
    ),
  )
}

function each(
  live: Pick<LiveCluster, 'call'>,
  target: string,
  act: (cluster: Cluster, host: string, nowMs: number) => void,
): readonly string[] {
  return live.call((cluster, nowMs) => {
    const hosts = targetHosts(cluster.config, target)
    for (const host of hosts) act(cluster, host, nowMs)
    return hosts
  })
}

/** What a running cluster does for those who connect to its control socket. */
export class NlbService implements ControlService {
  readonly what = NLB_CLUSTER.what
  readonly methods = NLB_METHODS
  readonly #served: ServedCluster

  constructor(served: ServedCluster) {
    this.#served = served
  }

  greeting(): { name: string } {
    return { name: this.#served.config.cluster.name }
  }

  session(replies: Replies): ControlSession {
    return {
      carryOut: (id, method, parameters) => {
        void this.#answer(method as NlbMethod, parameters).then(
          result => replies.answer(id, result),
          error => replies.fail(id, refusal(error)),
        )
      },
      waits: () => false,
      closed: () => undefined,
    }
  }

  close(): void {}

  async #answer<M extends NlbMethod>(method: M, parameters: unknown): Promise<NlbAnswers[M]> {
    return OPERATIONS[method](this.#served, parameters as NlbParameters<M>)
  }
}

function refusal(error: unknown): ControlError {
  if (error instanceof OptionError) return new ControlError(error.code, error.message)
  // A file that cannot be used, or what the model does not allow: nothing was changed.
  if (error instanceof CliError || error instanceof RangeError)
    return new ControlError('MSMQ_CONTROL_REQUEST', error.message)
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new ControlError('MSMQ_CONTROL_FAILED', `the NLB cluster failed: ${text}`, { definite: false })
}
