import type { FrameRef } from '../../capture/frame.js'
import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import { endName, endsOf, gapsIn, other, spanText } from './ends.js'
import type { SessionFlow } from './session-flow.js'

/** A full window that moves sooner is how a fast sender works. */
const STALL_MIN_US = 1_000_000
/** A sender that had more to send goes on within this once the window is open. */
const GOES_ON_US = 500_000

interface Stall {
  /** The message that filled the window. */
  readonly since: FrameRef
  readonly window: number
  /** The session ack that opened it. */
  until: FrameRef | null
}

/** Session windows that were full while nothing moved. A sender that had nothing more to send did not stand still. */
export class WindowStalls {
  readonly #context: DiagnosisContext
  readonly #stalls = new Map<SessionFlow, [Stall | null, Stall | null]>()

  constructor(context: DiagnosisContext) {
    this.#context = context
  }

  /** A message went out; the flight has it already. */
  sent(flow: SessionFlow, direction: Direction, frame: FrameRef): void {
    const known = this.#stalls.get(flow)?.[direction] ?? null
    if (known !== null && known.until !== null) {
      if (frame.timeUs - known.until.timeUs <= GOES_ON_US) this.#report(flow, direction, known, known.until)
      this.#set(flow, direction, null)
    }
    const window = Math.min(flow.windows[0], flow.windows[1])
    if (flow.flights[direction].size >= window && (known === null || known.until !== null))
      this.#set(flow, direction, { since: frame, window, until: null })
  }

  /** Something in flight was acknowledged. */
  acknowledged(flow: SessionFlow, direction: Direction, frame: FrameRef): void {
    const stall = this.#stalls.get(flow)?.[direction] ?? null
    if (stall === null || stall.until !== null) return
    if (frame.timeUs - stall.since.timeUs < STALL_MIN_US) this.#set(flow, direction, null)
    else stall.until = frame
  }

  ended(flow: SessionFlow): void {
    this.#stalls.delete(flow)
  }

  #set(flow: SessionFlow, direction: Direction, stall: Stall | null): void {
    const both = this.#stalls.get(flow)
    if (both !== undefined) both[direction] = stall
    else if (stall !== null) this.#stalls.set(flow, direction === 0 ? [stall, null] : [null, stall])
  }

  #report({ session }: SessionFlow, direction: Direction, { since, window }: Stall, until: FrameRef): void {
    const us = until.timeUs - since.timeUs
    const sender = endName(this.#context, session, direction)
    const receiver = endName(this.#context, session, other(direction))
    this.#context.book.add('window-stalled', {
      ...endsOf(session, direction),
      frames: [since, until],
      text: `${sender} had ${window} unacknowledged messages under way to ${receiver}, all that the session window allows, and waited ${spanText(us)} for a session ack before it could go on`,
      weight: us / 1e6,
      reservations: gapsIn(session, other(direction)),
    })
  }
}
