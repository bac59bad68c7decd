import { MqlabError } from '../protocol/errors.js'

/**
 * A request over a control connection came to nothing. `code` says how:
 * - `MSMQ_CONTROL_CONNECT` nobody answers at the endpoint, or it is not a queue manager's;
 * - `MSMQ_CONTROL_CHOICE` several queue managers run, and none is named;
 * - `MSMQ_CONTROL_TOKEN` the token is missing or wrong;
 * - `MSMQ_CONTROL_CLOSED` the connection ended before the answer came: what was asked may have happened;
 * - `MSMQ_CONTROL_REQUEST` the request is not one the queue manager understands;
 * - `MSMQ_CONTROL_BUSY` too much is under way on this connection;
 * - `MSMQ_CONTROL_REFUSED` the queue manager says no, and `mqError` is why;
 * - `MSMQ_CONTROL_FAILED` the queue manager failed by an error of its own;
 * - any `MSMQ_OPTION_*`, `MSMQ_ENCODE_*`: an argument is not acceptable.
 */
export class ControlError extends MqlabError {
  /** The name that MSMQ has for the error, such as `MQ_ERROR_QUEUE_NOT_FOUND`; null for errors that it does not know. */
  readonly mqError: string | null

  constructor(
    code: `MSMQ_${string}`,
    message: string,
    options: { mqError?: string | null; definite?: boolean; cause?: unknown } = {},
  ) {
    const { mqError = null, definite = true, cause } = options
    super(code, message, definite, cause === undefined ? undefined : { cause })
    this.mqError = mqError
  }
}
