const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Has `clean` done before a signal ends the process, as it would anyway. Returns what takes that back. */
export function beforeSignalEnds(clean: () => void): () => void {
  const end = (signal: NodeJS.Signals): void => {
    takeBack()
    clean()
    process.kill(process.pid, signal)
  }
  const takeBack = (): void => {
    for (const signal of SIGNALS) process.off(signal, end)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  return takeBack
}
