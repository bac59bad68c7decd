/** What a connection needs of the link that it crosses. */
export interface RecordedLink {
  /** Calls `run` when the recorder's clock gets there, at once if it has. What is written then has the time that `run` is given. */
  at(atMs: number, run: (atMs: number) => void): void
  isAhead(atMs: number): boolean
  frame(bytes: Buffer): void
}
