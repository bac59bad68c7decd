/** Verbs of nlb.exe that change a host. [D] */
export type NlbVerb = 'start' | 'stop' | 'drainstop' | 'suspend' | 'resume' | 'reload' | 'enable' | 'disable' | 'drain'

/** 1000 done, 1001 it was so already, 1005 the host is stopped, 1013 it is suspended [D]; null: it does not answer. */
export type CommandCode = 1000 | 1001 | 1005 | 1013 | null

export interface CommandResult {
  readonly host: string
  readonly code: CommandCode
  readonly text: string
}

export interface CommandOptions {
  /** Of `enable`, `disable` and `drain`: index of the rule. Absent: all rules. */
  readonly rule?: number
  /** Of `drainstop` and `drain`: after so long the rest is cut off. Absent: never. */
  readonly drainTimeoutMs?: number
}
