import type { Guid } from '../protocol/guid.js'
import type { TxPlace } from '../queue-manager/notes.js'
import type { RunNode } from './history.js'
import type { HistoryHeader } from './history-format.js'

/** The message that is followed. */
export interface JourneyTarget {
  /** QMId of the queue manager that sent it first. */
  readonly source: Guid
  readonly messageId: number
  /** Which of the nodes with that QMId; null when it is not known which clone it was. */
  readonly node: string | null
  /** In the workload of the node; null when it is of none, or not known. */
  readonly number: number | null
}

/** One thing that happened to the message, or to an acknowledgement of it. */
export interface JourneyStep {
  readonly atMs: number
  readonly node: string
  /** Kind of step: mostly that of the event; `decision` and `request` of the gateway. */
  readonly step: string
  readonly text: string
  /** It should not be so where everything is well. */
  readonly wrong: boolean
}

/** Something that travels: the message, or an acknowledgement of it. */
export interface Traveller {
  readonly name: string
  /** The queue manager whose outgoing queue it is in. */
  readonly node: string
  readonly messageId: number
  /** The queue; null until it is known. */
  queue: string | null
}

/** What is known of a message on its way, by all that follow it. */
export class JourneyState {
  readonly target: JourneyTarget
  readonly run: Pick<HistoryHeader, 'nodes' | 'gateway'>
  readonly nodes: ReadonlyMap<string, RunNode>
  /** Nodes whose message it is, or may be. */
  readonly owners: ReadonlySet<string>
  /** Sequences that it is in, and its number there. */
  readonly places = new Map<string, number>()
  /** Machines where it came since they last acknowledged it. */
  readonly unanswered = new Set<string>()
  /** It is not in its sender's outgoing queue any more. */
  hasLeft = false

  constructor(run: Pick<HistoryHeader, 'nodes' | 'gateway'>, target: JourneyTarget) {
    this.run = run
    this.target = target
    this.nodes = new Map(run.nodes.map(node => [node.name, node]))
    this.owners = new Set(
      run.nodes
        .filter(({ name, guid }) => (target.node === null ? guid === target.source : name === target.node))
        .map(({ name }) => name),
    )
  }

  learn(tx: TxPlace | null): void {
    if (tx !== null) this.places.set(tx.sequence, tx.number)
  }

  /** Whether it can be the message that has this place: sequences are told apart by their sender's time stamp. */
  mayStandAt(tx: TxPlace | null): boolean {
    if (tx === null || this.target.node === null) return true
    const owner = this.nodes.get(this.target.node)
    return owner === undefined || owner.sequenceTimeStamp === Number.parseInt(tx.sequence, 16)
  }

  /** Who is at an address, for people. */
  whose(address: string): string {
    const { nodes, gateway } = this.run
    const name = gateway?.address === address ? 'the gateway' : nodes.find(node => node.address === address)?.name
    return name === undefined ? address : `${name} (${address})`
  }
}
