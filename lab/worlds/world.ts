/** Where a run's machines live. */
export interface World {
  readonly name: 'loopback' | 'namespaces'
  /** Of the machine or the cluster with this last byte. */
  address(last: number): string
  release(): Promise<void>
}
