import { InvalidArgumentError } from 'commander'
import type { Acknowledgement } from '../control/client.js'

/* Readers of what is given to options; what they throw becomes one line that names the option. */

export function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`Allowed is a whole number from ${min} to ${max}.`)
    return value
  }
}

/** Seconds, fractions allowed; `forever` is Infinity. */
export function secondsOrForever(text: string): number {
  if (/^(?:forever|inf(?:inity)?)$/i.test(text)) return Number.POSITIVE_INFINITY
  return seconds(text)
}

export function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('Allowed is a number of seconds, 0 or more.')
  return value
}

const ACKNOWLEDGEMENTS: Readonly<Record<string, readonly Acknowledgement[]>> = {
  reach: ['reach'],
  receive: ['receive'],
  'not-reach': ['not-reach'],
  'not-receive': ['not-receive'],
  negative: ['not-reach', 'not-receive'],
  'full-reach': ['reach', 'not-reach'],
  'full-receive': ['receive', 'not-reach', 'not-receive'],
  all: ['reach', 'receive', 'not-reach', 'not-receive'],
}

export const ACKNOWLEDGEMENT_WORDS = Object.keys(ACKNOWLEDGEMENTS).join(', ')

/** A list such as `reach,negative`. */
export function acknowledgements(text: string): Acknowledgement[] {
  const wanted = text.split(',').flatMap(word => {
    const found = ACKNOWLEDGEMENTS[word.trim().toLowerCase()]
    if (found === undefined)
      throw new InvalidArgumentError(`Allowed are, separated by commas: ${ACKNOWLEDGEMENT_WORDS}.`)
    return found
  })
  return [...new Set(wanted)]
}

export function onOrOff(text: string): boolean {
  if (/^(?:on|yes|true|1)$/i.test(text)) return true
  if (/^(?:off|no|false|0)$/i.test(text)) return false
  throw new InvalidArgumentError('Allowed is on or off.')
}

/** KB, or `none` for no limit, which is Infinity. */
export function sizeOrNone(text: string): number {
  if (/^none$/i.test(text)) return Number.POSITIVE_INFINITY
  return wholeNumber(0, 0xffffffff)(text)
}

/** For options that may be repeated. */
export const several = (value: string, before: string[] = []) => [...before, value]
