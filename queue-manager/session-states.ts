/** Session states, spelled as in [MS-MQQB] 3.1.1.3.1. */
export type SessionState =
  | 'WAITING_EC_MSG'
  | 'WAITING_ECR_MSG'
  | 'WAITING_CP_MSG'
  | 'WAITING_CPR_MSG'
  | 'OPEN'
  | 'CLOSED'
  | 'WAITING_RECONNECT'

/** What a packet means to the state machine. Order acks, final acks, administration acks and reports are user messages. */
export type SessionInput = 'EstablishConnection' | 'ConnectionParameters' | 'SessionAck' | 'UserMessage'

export type SessionStep =
  | 'answer establish'
  | 'check establish response'
  | 'answer parameters'
  | 'take parameters'
  | 'take session header'
  | 'receive message'

/**
 * Which step a packet causes in which state ([MS-MQQB] 3.1.5.3 to 3.1.5.8). Initiator and acceptor share the table: the
 * state tells them apart. A packet without an entry closes the session. CLOSED and WAITING_RECONNECT have no connection
 * for a packet to arrive on.
 */
export const SESSION_STEPS: { readonly [state in SessionState]: { readonly [input in SessionInput]?: SessionStep } } = {
  WAITING_EC_MSG: { EstablishConnection: 'answer establish' },
  WAITING_ECR_MSG: { EstablishConnection: 'check establish response' },
  WAITING_CP_MSG: { ConnectionParameters: 'answer parameters' },
  WAITING_CPR_MSG: { ConnectionParameters: 'take parameters' },
  OPEN: { SessionAck: 'take session header', UserMessage: 'receive message' },
  CLOSED: {},
  WAITING_RECONNECT: {},
}
