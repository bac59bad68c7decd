import type { Direction } from '../../capture/tcp/seen-connection.js'
import type { DiagnosisContext } from '../context.js'
import type { Finder } from '../finder.js'
import type { SeenFinalAck, SeenMessage, SeenOrderAck } from '../seen-message.js'
import type { Session } from '../session.js'
import { other } from './ends.js'
import { Flight } from './flight.js'
import { SessionEndings } from './session-endings.js'
import { SlowSessionAcks } from './slow-session-acks.js'
import { WindowStalls } from './window-stalls.js'

/** [MS-MQQB] 3.1.3.2, until the handshake says otherwise. */
const WINDOW_INITIAL = 64

/** What is in flight on one session, in both directions. */
export interface SessionFlow {
  readonly session: Session
  readonly flights: readonly [Flight, Flight]
  /** What [client, server] lets the other have in flight. */
  readonly windows: [number, number]
}

/**
 * Session windows and session acks: keeps what is in flight on every open session, and has it judged when it stands
 * still, when it is acknowledged late, and when the session ends.
 */
export function findSessionFlow(context: DiagnosisContext): Finder {
  const flows = new Map<Session, SessionFlow>()
  const stalls = new WindowStalls(context)
  const slow = new SlowSessionAcks(context)
  const endings = new SessionEndings(context)

  const flowOf = (session: Session): SessionFlow => {
    const known = flows.get(session)
    if (known !== undefined) return known
    const wasWhole = session.connection.opening !== 'none'
    const flow: SessionFlow = {
      session,
      flights: [
        new Flight(wasWhole && !session.holes[0] && session.messages[0] <= 1),
        new Flight(wasWhole && !session.holes[1] && session.messages[1] <= 1),
      ],
      windows: [WINDOW_INITIAL, WINDOW_INITIAL],
    }
    flows.set(session, flow)
    return flow
  }

  const sent = ({ session, direction, last }: SeenMessage | SeenOrderAck | SeenFinalAck, recoverable: boolean) => {
    if (session.protocol !== 'msmq' || isBehind(session)) return
    const flow = flowOf(session)
    flow.flights[direction].sent(last, recoverable)
    stalls.sent(flow, direction, last)
  }

  return {
    handshake(session, { packet, direction, last }) {
      if (isBehind(session)) return
      if (packet.packetType === 'ConnectionParameters') {
        flowOf(session).windows[direction] = Math.max(1, packet.windowSize)
      } else if (direction === 1 && !session.refused) endings.established(session, last)
    },
    message: message => sent(message, message.recoverable),
    // they travel as express messages (decision A8 of the engine)
    orderAck: ack => sent(ack, false),
    finalAck: ack => sent(ack, false),
    sessionHeader(session, direction, header, { last }) {
      if (isBehind(session)) return
      const flow = flowOf(session)
      const acknowledged = other(direction)
      const flight = flow.flights[acknowledged]
      if (flight.covered(header.ackSequenceNumber) > 0) {
        slow.acknowledged(flow, acknowledged, last)
        flight.acknowledge(header.ackSequenceNumber)
        stalls.acknowledged(flow, acknowledged, last)
      }
      flow.windows[direction] = Math.max(1, header.windowSize)
    },
    hole: (session, direction) => lose(session, direction),
    malformed: (session, direction) => lose(session, direction),
    ended(session, ending) {
      const flow = flows.get(session)
      flows.delete(session)
      if (flow !== undefined) {
        slow.ended(flow)
        stalls.ended(flow)
      }
      endings.ended(session, ending, flow?.flights ?? null)
    },
    tick: nowUs => endings.tick(nowUs),
    finish() {
      for (const flow of flows.values()) slow.ended(flow)
      flows.clear()
      endings.finish()
    },
  }

  function lose(session: Session, direction: Direction): void {
    flows.get(session)?.flights[direction].lose()
  }
}

/** The client's side of a balancer shows all of it. */
function isBehind({ front }: Session): boolean {
  return front !== null
}
