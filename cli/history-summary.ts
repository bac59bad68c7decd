import type { HistoryEnd, HistoryHeader, HistoryRecord } from '../lab/history-format.js'
import { timeText } from '../lab/report/time-text.js'
import { runSeconds } from './history-text.js'
import { styled, table } from './output.js'

interface KindCount {
  count: number
  firstMs: number
  lastMs: number
}

/** What a history holds, counted while it is read. */
export class HistorySummary {
  #header: HistoryHeader | null = null
  #mqlab = ''
  #end: HistoryEnd | null = null
  #samples = 0
  readonly #kinds = new Map<string, KindCount>()
  readonly #eventsOf = new Map<string, number>()
  readonly #deaths: string[] = []

  add(record: HistoryRecord): void {
    switch (record.record) {
      case 'header':
        this.#header = record.header
        this.#mqlab = record.mqlab
        break
      case 'events':
        for (const { kind, node, atMs } of record.events) {
          this.#eventsOf.set(node, (this.#eventsOf.get(node) ?? 0) + 1)
          const counted = this.#kinds.get(kind)
          if (counted === undefined) this.#kinds.set(kind, { count: 1, firstMs: atMs, lastMs: atMs })
          else {
            counted.count += 1
            counted.firstMs = Math.min(counted.firstMs, atMs)
            counted.lastMs = Math.max(counted.lastMs, atMs)
          }
        }
        break
      case 'sample':
        this.#samples += 1
        break
      case 'death':
        this.#deaths.push(record.death.node)
        break
      case 'end':
        this.#end = record.end
    }
  }

  /** @param offset up to which the file could be read */
  json(offset: number): object {
    const header = this.#header
    const startedMs = header?.startedMs ?? 0
    return {
      mqlab: this.#mqlab,
      scenario: header?.scenario.scenario ?? null,
      world: header?.world ?? null,
      seed: header?.seed ?? null,
      startedMs: header?.startedMs ?? null,
      ended: this.#end !== null,
      ...this.#end,
      readBytes: offset,
      nodes: (header?.nodes ?? []).map(({ name, role, computerName, guid, address }) => ({
        name,
        role,
        computerName: computerName ?? name,
        guid,
        address,
        events: this.#eventsOf.get(name) ?? 0,
      })),
      gateway: header?.gateway ?? null,
      kinds: Object.fromEntries(
        this.#sortedKinds().map(([kind, { count, firstMs, lastMs }]) => [
          kind,
          { count, firstS: runSeconds(firstMs - startedMs), lastS: runSeconds(lastMs - startedMs) },
        ]),
      ),
      samples: this.#samples,
      deaths: this.#deaths,
    }
  }

  text(file: string): string {
    const header = this.#header
    if (header === null) return `${file}: nothing of a run is in it yet\n`
    const { scenario, world, seed, nodes, gateway, startedMs } = header
    const end = this.#end
    const began = world === 'sim' ? '' : `, began ${new Date(startedMs).toISOString()}`
    const lasted =
      end === null
        ? 'has not ended as far as the file goes: it goes on, or was cut short'
        : `lasted ${timeText(end.endedMs - startedMs)}; in the end ${end.drained ? 'nothing waited' : 'messages waited'} in outgoing queues`
    const machines = nodes.map(({ name, role, address, guid }) => [
      name,
      role,
      address,
      guid,
      this.#eventsOf.get(name) ?? 0,
    ])
    if (gateway !== null)
      machines.push([
        gateway.name,
        gateway.kind ?? 'appliance',
        gateway.address,
        '',
        this.#eventsOf.get(gateway.name) ?? 0,
      ])
    const seconds = (ms: number) => `${runSeconds(ms - startedMs).toFixed(3)} s`
    const kinds = this.#sortedKinds().map(([kind, { count, firstMs, lastMs }]) => [
      kind,
      count,
      seconds(firstMs),
      seconds(lastMs),
    ])
    return [
      `${styled('bold', scenario.scenario)}  world ${world}, seed ${seed}, mqlab ${this.#mqlab}${began}\n`,
      `The run ${lasted}.\n\n`,
      table(machines, ['machine', 'role', 'address', 'QMId', 'events']),
      '\n',
      table(kinds, ['event', 'count', 'first', 'last']),
      this.#deaths.length === 0 ? '' : `\nEnded without being asked to: ${this.#deaths.join(', ')}.\n`,
      `\nFollow a message: mqlab history ${file} --message ${nodes.find(({ sender }) => sender !== null)?.name ?? 'S1'}#1\n`,
    ].join('')
  }

  #sortedKinds(): [string, KindCount][] {
    return [...this.#kinds].sort(([, a], [, b]) => b.count - a.count || a.firstMs - b.firstMs)
  }
}
