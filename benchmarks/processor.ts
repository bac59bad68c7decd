/** Microseconds of processor time that this process has used, all its threads together, the garbage collector's too. */
export function processorUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
