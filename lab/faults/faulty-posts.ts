import type { Action, ExchangeId } from '../../queue-manager/actions.js'
import type { Now } from '../../queue-manager/clock.js'
import { carry, type FaultScene } from './fault-scene.js'
import { postFacts } from './packet-facts.js'
import type { LaneStep } from './packet-lane.js'
import { requestWithSwappedGuid } from './swapped-identity.js'
import type { Wire } from './wire.js'

/**
 * What this machine posts over HTTP, and how that is answered. A post or an answer that is dropped is missed by the engine's own
 * timer; a connection that is cut fails what is under way on it.
 */
export class FaultyPosts {
  readonly #scene: FaultScene
  /** Under way; `isLost` where the connection will be found cut before the answer. */
  readonly #posts = new Map<ExchangeId, { readonly wire: Wire; readonly isLost: boolean }>()

  constructor(scene: FaultScene) {
    this.#scene = scene
  }

  post(now: Now, action: Extract<Action, { do: 'http-post' }>): void {
    const scene = this.#scene
    const wire = scene.wires.get(action.connection)
    if (wire === undefined) return
    const { exchange, request } = action
    const rule = scene.judge(now, postFacts(request), 'out', wire.peer, wire.id)
    const foreign = scene.book.foreignGuid(now)
    const posted =
      foreign === null ? action : { ...action, request: requestWithSwappedGuid(request, scene.guid, foreign) }
    const act = rule?.act
    if (rule !== null && act?.do === 'crash' && act.when === 'before') {
      scene.crashSoon(rule)
      return
    }
    if (act?.do === 'cut' && act.when === 'before') {
      scene.engine.httpFailed(now, exchange, 'reset')
      return
    }
    carry(now, wire.out, rule, () => {
      this.#posts.set(exchange, { wire, isLost: act?.do === 'cut' })
      scene.emit(posted)
      if (rule !== null && act?.do === 'crash') scene.crashSoon(rule)
    })
  }

  answered(now: Now, exchange: ExchangeId, status: number): void {
    const post = this.#posts.get(exchange)
    this.#posts.delete(exchange)
    if (post === undefined) return
    const { engine } = this.#scene
    if (post.isLost) {
      engine.httpFailed(now, exchange, 'reset')
      return
    }
    const { wire } = post
    const rule = this.#scene.judge(now, { kind: 'http-answer' }, 'in', wire.peer, wire.id)
    const answer: LaneStep = later => engine.httpAnswered(later, exchange, status)
    const act = rule?.act
    if (rule === null || (act?.do !== 'cut' && act?.do !== 'crash')) {
      carry(now, wire.in, rule, answer)
      return
    }
    if (act.when === 'after') answer(now)
    if (act.do === 'crash') this.#scene.crash(rule)
    else if (act.when === 'before') engine.httpFailed(now, exchange, 'reset')
    else for (const [other, { wire: its }] of [...this.#posts]) if (its === wire) engine.httpFailed(now, other, 'reset')
  }

  failed(now: Now, exchange: ExchangeId, reason: string): void {
    this.#posts.delete(exchange)
    this.#scene.engine.httpFailed(now, exchange, reason)
  }
}
