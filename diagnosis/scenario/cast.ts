import type { Parties } from '../parties.js'
import type { SeenBalancer } from './balancer.js'
import type { ScenarioFacts } from './scenario-facts.js'
import { endKey, type SeenEnd } from './seen-end.js'

export type Role = 'receiver' | 'front-end' | 'back-end' | 'sender'

/** A machine that the scenario will have. */
export interface CastMachine {
  readonly name: string
  readonly role: Role
  readonly ends: readonly SeenEnd[]
  /** Name of the machine whose QMId it has too. */
  readonly cloneOf: string | null
  /** Their systems started at different moments, so that it is not one machine with two addresses. */
  readonly isSurelyClone: boolean
  /** What is known of it, for a reader of the file. */
  readonly note: string
}

/** As scenarios have them: `machineName` in lab/scenario-fields.ts. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,14}$/
const TAKEN = /^(cluster|gateway)$/i
const LETTERS = { receiver: 'R', 'front-end': 'F', 'back-end': 'B', sender: 'S' } as const

/** Gives every end that was seen its machine. */
export class Cast {
  readonly machines: readonly CastMachine[]
  readonly #byEnd = new Map<string, CastMachine>()
  readonly #byAddress = new Map<string, CastMachine>()
  readonly #byQmId = new Map<string, CastMachine>()

  constructor(facts: ScenarioFacts, parties: Parties, balancer: SeenBalancer | null) {
    const groups = groupsOf(endsIn(facts, balancer), balancer?.addresses ?? new Set())
    const roles = groups.map(group => roleOf(group, facts))
    const names = new Set<string>()
    const counts = { receiver: 0, 'front-end': 0, 'back-end': 0, sender: 0 }
    const machines: CastMachine[] = []
    for (const [index, ends] of groups.entries()) {
      const role = roles[index]!
      const own = ends
        .map(({ address }) => parties.nameOf(address))
        .find(name => name !== null && isUsable(name, names))
      let name = own ?? null
      while (name === null || names.has(name.toUpperCase())) name = `${LETTERS[role]}${++counts[role]}`
      names.add(name.toUpperCase())
      const qmId = ends.find(end => end.qmId !== null)?.qmId ?? null
      const original = qmId === null ? undefined : this.#byQmId.get(qmId)
      const addresses = [...new Set(ends.map(({ address }) => address))].join(', ')
      const machine: CastMachine = {
        name,
        role,
        ends,
        cloneOf: original?.name ?? null,
        isSurelyClone: original !== undefined && areDistinct(parties, qmId!, original.ends, ends),
        note: qmId === null ? addresses : `${addresses}, QMId ${qmId}`,
      }
      machines.push(machine)
      if (qmId !== null && original === undefined) this.#byQmId.set(qmId, machine)
      for (const end of ends) {
        this.#byEnd.set(endKey(end), machine)
        if (!balancer?.addresses.has(end.address)) this.#byAddress.set(end.address, machine)
      }
    }
    this.machines = machines
  }

  at(end: SeenEnd): CastMachine | null {
    return this.#byEnd.get(endKey(end)) ?? this.withAddress(end.address)
  }

  withAddress(address: string): CastMachine | null {
    return this.#byAddress.get(address) ?? null
  }

  withQmId(qmId: string): CastMachine | null {
    return this.#byQmId.get(qmId) ?? null
  }

  named(name: string): CastMachine | null {
    return this.machines.find(machine => machine.name.toUpperCase() === name.toUpperCase()) ?? null
  }

  withRole(role: Role): readonly CastMachine[] {
    return this.machines.filter(machine => machine.role === role)
  }
}

function areDistinct(parties: Parties, qmId: string, some: readonly SeenEnd[], others: readonly SeenEnd[]): boolean {
  return some.some(a => others.some(b => parties.areDistinct(qmId, a.address, b.address) === true))
}

function isUsable(name: string, names: ReadonlySet<string>): boolean {
  return NAME.test(name) && !TAKEN.test(name) && !names.has(name.toUpperCase())
}

function endsIn(facts: ScenarioFacts, balancer: SeenBalancer | null): SeenEnd[] {
  const routes = facts.routes.list()
  const ends = [
    ...facts.loads.list().map(({ from }) => from),
    ...facts.loads.takings().map(({ at }) => at),
    ...facts.loads.forwarders(),
    ...routes.flatMap(({ client, hosts }) => [client, ...[...hosts.values()].map(({ end }) => end)]),
    ...(balancer?.hosts ?? []),
  ]
  const machines = ends.filter(end => balancer === null || !balancer.isItself(end))
  return [...new Map(machines.map(end => [endKey(end), end])).values()]
}

/**
 * Ends that are one machine: of one own address, or, at an address of the balancer, of one QMId or one link address that
 * no two own addresses have.
 */
function groupsOf(ends: readonly SeenEnd[], shared: ReadonlySet<string>): SeenEnd[][] {
  const own = ends.filter(({ address }) => !shared.has(address))
  const groups = new Map<string, SeenEnd[]>()
  for (const end of own) groups.set(end.address, [...(groups.get(end.address) ?? []), end])
  const find = (is: (end: SeenEnd) => boolean) => {
    const found = [...groups.values()].filter(group => group.some(is))
    return found.length === 1 ? found[0]! : null
  }
  for (const end of ends) {
    if (!shared.has(end.address)) continue
    const { qmId, mac } = end
    const group =
      (qmId === null ? null : find(each => each.qmId === qmId)) ??
      (mac === null
        ? null
        : find(each => each.mac === mac && (qmId === null || each.qmId === null || each.qmId === qmId)))
    if (group !== null) group.push(end)
    else if (qmId !== null || mac !== null) groups.set(qmId ?? mac!, [end])
  }
  return [...groups.values()]
}

function roleOf(ends: readonly SeenEnd[], facts: ScenarioFacts): Role {
  const keys = new Set(ends.map(endKey))
  const addresses = new Set(ends.map(({ address }) => address))
  const isThis = (end: SeenEnd) => keys.has(endKey(end)) || (end.qmId === null && addresses.has(end.address))
  const takings = facts.loads.takings().filter(({ at }) => isThis(at))
  const isForwardedTo = facts.loads.takings().some(({ forwarded }) => forwarded > 0)
  if (isForwardedTo && facts.loads.forwarders().some(isThis)) return 'front-end'
  if (takings.some(({ forwarded }) => forwarded > 0)) return 'back-end'
  if (takings.length > 0) return 'receiver'
  return facts.loads.list().some(({ from }) => isThis(from)) ? 'sender' : 'receiver'
}
