import { z } from 'zod'

/** 30 days: in the simulated world time costs nothing. On sockets nobody waits so long, see `SOCKETS_SECONDS_MAX`. */
export const SECONDS_MAX = 2_592_000

export const machineName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,14}$/, 'a name of 1 to 15 letters, digits and hyphens')
export const milliseconds = z.number().min(0).max(600_000)
export const seconds = z.number().positive().max(SECONDS_MAX)
