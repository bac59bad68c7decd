/** A row of the table of order acks. */
export interface AckRow {
  /** As people know it. */
  readonly balancer: string
  /** Column that realised it, or why it was not. */
  readonly on: string
  readonly reaches: string
  readonly stays: string
  readonly messages: string
}
