/** The root of every error mqlab raises on purpose.
 *  `code` is stable; `definite` tells whether the failed operation certainly had no effect. */
export abstract class MqlabError extends Error {
  readonly code: `MSMQ_${string}`
  readonly definite: boolean

  constructor(code: `MSMQ_${string}`, message: string, definite: boolean, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.definite = definite
  }
}

/** A peer's bytes do not follow the specification. The only thing a decoder throws. */
export class DecodeError extends MqlabError {
  /** Structure as the specification names it, such as `UserHeader`. */
  readonly structure: string
  /** Field inside it, dotted, such as `DestinationQueue.Count`. */
  readonly field: string
  /** Bytes from the start of the packet to the field. */
  readonly offset: number
  /** Section that states the violated rule. */
  readonly section: string

  constructor(
    code: `MSMQ_DECODE_${string}`,
    structure: string,
    field: string,
    offset: number,
    section: string,
    what: string,
  ) {
    super(code, `${structure}.${field} at byte ${offset}: ${what}`, true)
    this.structure = structure
    this.field = field
    this.offset = offset
    this.section = section
  }
}

/** A value of ours does not fit its field. */
export class EncodeError extends MqlabError {
  readonly structure: string
  readonly field: string

  constructor(code: `MSMQ_ENCODE_${string}`, structure: string, field: string, what: string) {
    super(code, `${structure}.${field}: ${what}`, true)
    this.structure = structure
    this.field = field
  }
}

/** A caller's argument is not acceptable; the message says what is. */
export class OptionError extends MqlabError {
  readonly option: string
  readonly value: unknown
  readonly allowed: string

  constructor(code: `MSMQ_OPTION_${string}`, option: string, value: unknown, allowed: string) {
    // An option that does not exist has no value.
    super(code, `${value === undefined ? option : `${option} ${valueText(value)}`}: allowed is ${allowed}`, true)
    this.option = option
    this.value = value
    this.allowed = allowed
  }
}

/** Text as it was given: the backslashes of queue names stay single. What would end the line or act on a terminal is escaped. */
function valueText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  return `"${value.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escaped)}"`
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}
