const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** What comes so soon after is the same Ctrl-C: a program in between may have passed it on, or the input have ended first. */
const SAME_INTERRUPT_MS = 500

let outlivesInterrupt = false

/** Has `clean` done before a signal ends the process, as it would anyway. Returns what takes that back. */
export function beforeSignalEnds(clean: () => void): () => void {
  const end = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT' && outlivesInterrupt) return
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

/**
 * Ctrl-C ends every program of a pipeline, also the one that writes standard input, and that may be how the input ends. So
 * the first SIGINT is only told; one after that ends the process. Returns what takes that back, half a second later.
 */
export function outliveFirstInterrupt(tell: () => void): () => void {
  outlivesInterrupt = true
  let isTold = false
  const outlive = (): void => {
    if (isTold) return
    isTold = true
    tell()
    takeBackSoon()
  }
  const takeBack = (): void => {
    outlivesInterrupt = false
    process.off('SIGINT', outlive)
  }
  const takeBackSoon = (): void => {
    setTimeout(takeBack, SAME_INTERRUPT_MS).unref()
  }
  process.on('SIGINT', outlive)
  return takeBackSoon
}
