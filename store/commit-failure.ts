/** How lmdb-js rejects a batch. */
export interface CommitFailure extends Error {
  /** Rejects with what LMDB says. */
  readonly commitError?: Promise<never>
}

/** What the system said; the failure itself when nothing more is known. */
export async function reasonOf(failure: CommitFailure): Promise<Error> {
  const REASON_MS_MAX = 1_000
  if (failure.commitError === undefined) return failure
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Error>(resolve => {
    timer = setTimeout(() => resolve(failure), REASON_MS_MAX)
  })
  const reason = failure.commitError.catch((error: Error) => error)
  const first = await Promise.race([reason, late])
  clearTimeout(timer)
  return first
}
