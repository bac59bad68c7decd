import { SETTINGS } from '../../queue-manager/settings.js'
import { Guess, type Plain } from './guesses.js'
import type { SeenTimers } from './seen-timers.js'

const RESENDS = ['SeqResend13Time', 'SeqResend46Time', 'SeqResend79Time', 'SeqResend10Time'] as const
/** Of a default: what is nearer than this is the default. */
const ALIKE = 0.1

/** Settings that the capture shows to be others than MSMQ's own; undefined where there are none. */
export function timerSettings(timers: SeenTimers): { readonly [name: string]: Plain } | undefined {
  const settings: Record<string, Plain> = {}
  for (const [stage, name] of RESENDS.entries()) {
    const samples = timers.resendsUs[stage]!
    if (samples.length === 0) continue
    const seconds = rounded(median(samples) / 1e6)
    if (seconds > 0 && !isAlike(seconds, SETTINGS[name].default))
      settings[name] = new Guess(seconds, `the median of ${samples.length} resends`)
  }
  const ack = Math.min(...timers.ackTimeoutsMs)
  if (Number.isFinite(ack) && !isAlike(ack, SETTINGS.AckWaitTimeout.default)) settings.AckWaitTimeout = ack
  const recoverable = Math.min(...timers.recoverableAckTimeoutsMs)
  if (recoverable < SETTINGS.RecoverableAckSendTimeoutMin.default) settings.RecoverableAckSendTimeoutMin = recoverable
  return Object.keys(settings).length === 0 ? undefined : settings
}

/** Three digits: what was measured is no better. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

function isAlike(value: number, usual: number): boolean {
  return Math.abs(value - usual) <= ALIKE * usual
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
