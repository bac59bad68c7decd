import { OptionError } from '../protocol/errors.js'
import { type FormatName, formatNameKey, isReadOnly, parseFormatNames } from '../protocol/format-name.js'
import { NIL_GUID } from '../protocol/guid.js'
import type { Context } from './context.js'
import type { LocalQueue } from './local-queue.js'
import { destinationSpec, type WireDestination } from './message-to-send.js'
import type { OutgoingQueue } from './outgoing-queue.js'
import { isServiceName } from './service-queues.js'

/** Where one destination format name leads. */
export interface Target extends WireDestination {
  readonly formatName: FormatName
  /** A queue of a queue manager's own: nothing of what is sent to it is journaled. */
  readonly isService: boolean
  /** Exactly one of the two. */
  readonly outgoing: OutgoingQueue | null
  readonly local: LocalQueue | null
}

const TARGETS_MAX = 1_000
/** Elements of a multiple-element format name: each is a message of its own. */
const ELEMENTS_MAX = 1_000

/** Finds the way to format names; remembered, because applications send to few names many times. */
export class OutgoingTargets {
  readonly #context: Context
  readonly #queueOf: (formatName: FormatName) => OutgoingQueue
  readonly #known = new Map<string, readonly Target[]>()

  /** @param queueOf the outgoing queue of this name, made if need be. */
  constructor(context: Context, queueOf: (formatName: FormatName) => OutgoingQueue) {
    this.#context = context
    this.#queueOf = queueOf
  }

  /** Queues were made or removed: what was looked up may be wrong. */
  forget(): void {
    this.#known.clear()
  }

  knows(text: string): boolean {
    return this.#known.has(text)
  }

  /** One or several elements separated by commas; the same one twice is one. @throws OptionError MSMQ_OPTION_FORMAT_NAME. */
  all(text: string): readonly Target[] {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const names = new Map(parseFormatNames(text).map(name => [formatNameKey(name), name]))
    if (names.size > ELEMENTS_MAX)
      throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'destination', text, `at most ${ELEMENTS_MAX} elements`)
    const targets = Array.from(names.values(), name => this.#find(text, name))
    if (this.#known.size >= TARGETS_MAX) this.#known.clear()
    this.#known.set(text, targets)
    return targets
  }

  /** One element. @throws OptionError MSMQ_OPTION_FORMAT_NAME for another number of them, too. */
  one(text: string): Target {
    const [target, ...more] = this.all(text)
    if (target !== undefined && more.length === 0) return target
    throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'queue', text, 'one format name')
  }

  #find(text: string, formatName: FormatName): Target {
    const refused = refusal(formatName)
    if (refused !== null) throw new OptionError('MSMQ_OPTION_FORMAT_NAME', 'destination', text, refused)
    const destination = destinationSpec(formatName)
    const location = this.#context.destinations.locateFormatName(formatName)
    if (location.kind === 'missing')
      throw new OptionError(
        'MSMQ_OPTION_FORMAT_NAME',
        'destination',
        text,
        'DIRECT=TCP:, DIRECT=OS: or PRIVATE=, of an existing queue where it is on this machine',
      )
    return {
      formatName,
      isService: isServiceName(formatName),
      destination,
      queueManagerAddress: formatName.kind === 'private' ? formatName.queueManager : NIL_GUID,
      lastBuilt: null,
      outgoing: location.kind === 'queue' ? null : this.#queueOf(formatName),
      local: location.kind === 'queue' ? location.queue : null,
    }
  }
}

/** Why nothing can be sent to a queue of this name; null when something can. */
function refusal(formatName: FormatName): string | null {
  if (isReadOnly(formatName)) return 'a queue that can be sent to, not a journal or dead-letter queue'
  switch (formatName.kind) {
    case 'multicast':
      return 'queues named one by one: multicast (PGM) is not supported'
    case 'distribution-list':
      return 'the elements of the distribution list, separated by commas: there is no directory here that resolves DL='
    default:
      return null
  }
}
