import { MqlabError } from '../protocol/errors.js'

/** A socket could not do what was asked of it. `cause` is the system's error. */
export class TransportError extends MqlabError {
  readonly phase: 'listen' | 'channel'
  readonly address: string

  constructor(
    code: `MSMQ_TRANSPORT_${string}`,
    phase: TransportError['phase'],
    address: string,
    what: string,
    options?: ErrorOptions,
  ) {
    super(code, `${phase} ${address}: ${what}`, true, options)
    this.phase = phase
    this.address = address
  }
}

/** The system's word for what went wrong, such as `ECONNREFUSED`. */
export function systemCode(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error)
}
