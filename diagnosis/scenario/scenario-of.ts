import type { Diagnosis } from '../diagnosis.js'
import { balancerIn, type SeenBalancer } from './balancer.js'
import { Cast, type CastMachine } from './cast.js'
import { queueIn, scenarioName } from './format-names.js'
import { Guess, guessedYaml, type Plain } from './guesses.js'
import { inferredGateway } from './inferred-gateway.js'
import { type InferredLoad, inferredLoads, loadEntries } from './inferred-loads.js'
import type { ScenarioFacts } from './scenario-facts.js'
import { rounded, timerSettings } from './timers.js'

type Fields = Record<string, Plain | undefined>

interface Inferred {
  readonly facts: ScenarioFacts
  readonly cast: Cast
  readonly balancer: SeenBalancer | null
}

/** On sockets; see `SOCKETS_SECONDS_MAX` in lab/scenario-schema.ts. */
const SOCKETS_SECONDS_MAX = 600
const SECONDS_MAX = 2_592_000
/** Of machines of one kind in a file. */
const MACHINES_MAX = 60

/**
 * A scenario, as YAML, that `mqlab run … --world sim` runs: the machines, the balancer, the timers and the load of a
 * capture, with a comment at what is guessed. Null where the capture has no message that a machine of it sent.
 */
export function scenarioOf(facts: ScenarioFacts, diagnosis: Diagnosis): string | null {
  const balancer = balancerIn(facts, diagnosis.sides.translations)
  const cast = new Cast(facts, diagnosis.parties, balancer)
  const inferred = { facts, cast, balancer }
  const { loads, leftOut } = inferredLoads(facts, cast, balancer)
  const takers = [...cast.withRole('receiver'), ...cast.withRole('back-end')]
  if (loads.length === 0 || takers.length === 0) return null
  const queues = queuesByMachine(inferred)
  const timers = timerSettings(facts.timers)
  const { startUs, endUs } = diagnosis.coverage
  const lastUs = Math.max(...facts.loads.list().map(load => load.lastUs))
  const firstUs = Math.min(...facts.loads.list().map(load => load.firstUs))
  const loadS = Math.min(SECONDS_MAX, Math.ceil((lastUs - firstUs) / 1e6) + 5)
  const drainS = Math.min(SECONDS_MAX, Math.max(1, rounded((endUs - lastUs) / 1e6)))
  const sent = loads.reduce((sum, { messages }) => sum + messages, 0)
  const accepts = acceptsOtherNames(facts, diagnosis, cast)
  const receiver = (machine: CastMachine): Fields => ({
    ...machineFields(machine, inferred),
    queues: queueFields(machine, queues),
    settings: accepts ? { IgnoreOSNameValidation: new Guess(1, 'messages for another name were taken') } : undefined,
  })
  const [backEnd, ...otherBackEnds] = cast.withRole('back-end')
  const receivers = [...cast.withRole('receiver'), ...otherBackEnds]
  const about = [
    `Inferred by mqlab diagnose from ${rounded((endUs - startUs) / 1e6)} s of a capture. mqlab run FILE --world sim runs it.`,
    ...cast.machines.slice(0, MACHINES_MAX).map(({ name, note }) => `${name}: ${note}`),
    ...(balancer === null ? [] : [`balancer: ${[...balancer.addresses].join(', ')}`]),
    ...(leftOut === 0 ? [] : [`left out: what ${leftOut} more sent; these are the busiest`]),
  ]
  const hasNacks = diagnosis.counts.administrationAcks > 0
  return guessedYaml(
    {
      scenario: 'from-capture',
      about: 'What a capture shows, as far as it can be inferred from it',
      topology: {
        settings: hasNacks ? { ...timers, PermitInsecureNacks: 1 } : timers,
        gateway: balancer === null ? undefined : inferredGateway(balancer, cast, facts.cuts, diagnosis.book),
        receivers: some(receivers.map(receiver)),
        frontEnds: some(cast.withRole('front-end').map(machine => machineFields(machine, inferred))),
        backEnd: backEnd === undefined ? undefined : receiver(backEnd),
        senders: some(senders(inferred, loads)),
      },
      load: loadEntries(loads),
      time: { loadS: Math.min(loadS, SOCKETS_SECONDS_MAX), drainS: Math.min(drainS, SOCKETS_SECONDS_MAX) },
      expect: { sent },
      simulated: {
        topology: timers === undefined ? undefined : { settings: timers },
        time: { loadS, drainS: new Guess(drainS, 'until the end of the capture') },
      },
    },
    about,
  )
}

function some(list: readonly Plain[]): readonly Plain[] | undefined {
  return list.length === 0 ? undefined : list.slice(0, MACHINES_MAX)
}

/** Order acks over HTTP go to the sender itself, unless it names another place. */
function machineFields(
  { name, cloneOf, isSurelyClone, ends }: CastMachine,
  { facts, cast, balancer }: Inferred,
): Fields {
  const urls = ends.flatMap(({ address }) => facts.receiptUrls.get(address) ?? [])
  const toCluster = urls.map(url => scenarioName(url, cast, balancer)).find(place => place?.includes('{vip}') === true)
  const original =
    cloneOf === null || isSurelyClone
      ? cloneOf
      : new Guess(cloneOf, 'one QMId; it may be one machine with two addresses')
  return { name, cloneOf: original ?? undefined, sendReceiptsTo: toCluster?.replace(/^DIRECT=HTTP/, 'http') }
}

/** Those that do nothing else, and those that stand for a part of what another sends. */
function senders(inferred: Inferred, loads: readonly InferredLoad[]): Fields[] {
  const ackQueues = new Map(loads.map(({ machine, ackQueue }) => [machine, ackQueue]))
  const fields = (name: string): Fields => {
    const queue = ackQueues.get(name) ?? null
    return { queues: queue === null ? undefined : [{ name: queue }] }
  }
  return [
    ...inferred.cast
      .withRole('sender')
      .map(machine => ({ ...machineFields(machine, inferred), ...fields(machine.name) })),
    ...loads.flatMap(({ machine, partOf }) =>
      partOf === null
        ? []
        : [{ name: new Guess(machine, `${partOf.name} sends this beside the rest`), ...fields(machine) }],
    ),
  ]
}

interface InferredQueue {
  readonly transactional: boolean
  readonly number: number | null
}

/** Hosts of a balancer have what any of them has. */
function queuesByMachine({ facts, cast, balancer }: Inferred): Map<string, Map<string, InferredQueue>> {
  const byMachine = new Map<string, Map<string, InferredQueue>>()
  const hosts = new Set(balancer?.hosts.flatMap(end => cast.at(end) ?? []) ?? [])
  const balanced = new Map<string, InferredQueue>()
  for (const { at, queues } of facts.loads.takings()) {
    const machine = cast.at(at)
    if (machine === null) continue
    const own = hosts.has(machine) && machine.role === 'receiver' ? balanced : new Map<string, InferredQueue>()
    const known = byMachine.get(machine.name) ?? own
    byMachine.set(machine.name, known)
    for (const [destination, { transactional }] of queues) {
      const queue = queueIn(destination)
      if (queue !== null) known.set(queue.name, { transactional, number: queue.number })
    }
  }
  for (const host of hosts) if (host.role === 'receiver') byMachine.set(host.name, balanced)
  return byMachine
}

function queueFields(
  { name }: CastMachine,
  queues: Map<string, Map<string, InferredQueue>>,
): readonly Plain[] | undefined {
  const own = [...(queues.get(name) ?? [])]
  return some(
    own.map(([queue, { transactional, number }]) => ({
      name: queue,
      transactional: transactional ? true : undefined,
      number: number ?? undefined,
    })),
  )
}

/** Messages for a name that is none of the machines', and nobody discarded them. */
function acceptsOtherNames(facts: ScenarioFacts, { book }: Diagnosis, cast: Cast): boolean {
  const names = facts.loads
    .list()
    .flatMap(({ destinations }) =>
      [...destinations.keys()].flatMap(destination => /^(?:DIRECT=)?OS:([^\\]+)\\/i.exec(destination)?.[1] ?? []),
    )
  return (
    names.some(name => cast.named(name) === null) && !book.list().some(({ id }) => id === 'name-validation-discard')
  )
}
