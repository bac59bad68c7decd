import { OptionError } from '../protocol/errors.js'

/**
 * One setting of a queue manager. `registry` tells whether the name is MSMQ's own registry value or ours
 * (where the specification names a value but the registry does not, or where we add a choice).
 */
export interface SettingDefinition {
  readonly unit: 'ms' | 's' | 'count' | 'flag' | 'KB' | 'port'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly registry: boolean
  readonly meaning: string
  readonly source: string
}

const U32 = 0xffffffff
const DAY_S = 86_400

/**
 * Every setting, by name, unit and default as the product has them. Times may be fractions, so that a scenario can
 * shorten hours to milliseconds; nothing else in the engine changes when it does.
 */
export const SETTINGS = {
  IgnoreOSNameValidation: flag(0, 'accept DIRECT=OS names that are not this machine', 'KB306785, KB899611'),
  ValidateTcpAddress: own(
    flag(0, 'also refuse DIRECT=TCP addresses that are not this machine (decision 0010)', 'KB306416'),
  ),
  MaxUnackedPacket: count(
    64,
    1,
    // half of what 16-bit numbers can tell apart
    0x7fff,
    'session window: user messages in flight before a session ack',
    'MS-MQQB <36>',
  ),
  MaxInSessions: count(U32, 0, U32, 'incoming sessions before new ones are refused', 'MS-MQQB <12><70>'),
  CleanupInterval: ms(300_000, 'an idle session is closed after one to two of these', 'MS-MQQB 3.1.2.2 <44>'),
  TryConnectInterval: ms(5_000, 'wait before reconnecting', 'MS-MQQB 3.1.2.3 <45>'),
  RoundTripDelay: ms(0, 'added to connect, initialisation and ack times', 'MS-MQQB <43><45><51>'),
  SessionInitializationTimeout: own(ms(60_000, 'handshake limit, plus twice RoundTripDelay', 'MS-MQQB 3.1.2.1 <43>')),
  AckWaitTimeout: own(
    ms(
      20_000,
      'wait for a session ack before the session is given up; also the ceiling base of ack delays',
      'MS-MQQB 3.1.2.4 <51>',
    ),
  ),
  QosCleanupIntervalMultiplier: count(
    2,
    1,
    1000,
    'multiplies the ack wait of sessions for direct names',
    'MS-MQQB <46>',
  ),
  RecoverableAckSendTimeoutMin: own(
    ms(500, 'floor of the delay before recoverable messages are session-acked (8 x round trip)', 'MS-MQQB 3.1.5.3.2'),
  ),
  IdleAckDelay: ms(0, 'longest delay of a session ack; 0: as MS-MQQB says, AckWaitTimeout / 2', 'registry reference'),
  OrderAckTimeout: own(ms(500, 'wait before an order ack, restarted by each transactional message', 'MS-MQQB 3.1.3.2')),
  SeqMaxAckDelay: s(10, 'longest time that order acks are put off', 'MS-MQQB <52>'),
  SeqResend13Time: s(30, 'resend 1 to 3 of unacknowledged transactional messages', 'MS-MQQB <24>'),
  SeqResend46Time: s(300, 'resend 4 to 6', 'MS-MQQB <24>'),
  SeqResend79Time: s(1_800, 'resend 7 to 9', 'MS-MQQB <24>'),
  SeqResend10Time: s(21_600, 'resend 10 and later', 'MS-MQQB <24>'),
  XactDelayReceiveNack: {
    ...s(
      0,
      'wait for a final ack beyond time-to-be-received; 0: the smaller of both times of the message',
      'registry reference',
    ),
    min: 0,
  },
  HttpRetransmissionTimeout: own(
    ms(20_000, 'wait before messages that got no answer over HTTP are posted again', 'MC-MQSRM 3.1.2.1 <25>'),
  ),
  HttpPipelineDepth: own(count(16, 1, 1_000, 'POSTs under way on one connection', 'KB840882; no value is published')),
  HttpAnswerTimeout: own(ms(60_000, 'wait for the answer to a POST before the connection is given up', 'ours')),
  HttpBadRequestIsFinal: own(
    flag(1, 'status 400 refuses a message for good; 0: it is sent again', 'MC-MQSRM 3.1.7.2.5'),
  ),
  RemoveDuplicateSize: count(
    10_000,
    0,
    10_000_000,
    'remembered identifiers of plain messages; 0 switches the memory off',
    'MS-MQQB <25>, KB255546',
  ),
  RemoveDuplicateCleanup: ms(1_800_000, 'age at which they are forgotten', 'MS-MQQB <47>'),
  LongLiveTime: s(4 * DAY_S, 'default and cap of time-to-reach-queue', 'MS-MQDMPR <12>'),
  PermitInsecureNacks: flag(0, 'send the negative acks that Windows withholds by default', 'MS-MQQB 3.1.7.15 <28>'),
  EnablePingService: flag(0, 'answer pings on UDP, and ping before connecting', 'MS-MQQB <10>'),
  EnableReportMessages: flag(0, 'send reports on messages that are traced', 'MS-MQQB 3.1.5.8.9, 3.1.7.1.7'),
  AnswerBeforeHandshake: own(
    flag(0, 'take and answer a user message that comes before any handshake, as some scanners send it', 'ours'),
  ),
  MsmqIpPort: port(1801, 'binary protocol port', 'MS-MQSD <5>'),
  MsmqIpPingPort: port(3527, 'ping port', 'MS-MQQB <9>'),
  QMIdCacheLifetime: own(s(600, 'life of a row QMId -> address, from its creation', 'QMID-2; no value is published')),
  MachineQuota: own({
    unit: 'KB',
    default: 1_048_576,
    min: 1,
    max: U32,
    registry: false,
    meaning: 'bytes of messages held by this queue manager before it refuses more',
    source: 'MS-MQDMPR 3.1.1.1',
  }),
  MachineJournalQuota: own({
    unit: 'KB',
    default: 1_048_576,
    min: 1,
    max: U32,
    registry: false,
    meaning: 'bytes in journals, dead-letter and other system queues before copies are discarded',
    source: 'MS-MQDMPR 3.1.1.1, 3.1.1.12',
  }),
  ResidentPacketsKB: own({
    unit: 'KB',
    default: 65_536,
    min: 0,
    max: U32,
    registry: false,
    meaning: 'stored messages that stay in memory too; others are read again when they are wanted',
    source: 'decision 0019',
  }),
  StrictConnectionParameters: own(
    flag(
      0,
      'close sessions whose ConnectionParameters are outside the published ranges',
      'MS-MQQB 2.2.2.1, decision A4',
    ),
  ),
} as const satisfies Record<string, SettingDefinition>

export type SettingName = keyof typeof SETTINGS
export type Settings = { readonly [name in SettingName]: number }

export const DEFAULT_SETTINGS: Settings = Object.freeze(
  Object.fromEntries(Object.entries(SETTINGS).map(([name, definition]) => [name, definition.default])),
) as Settings

export const REGISTRY_KEY = 'HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters'
/** Where the values are that are not in that key itself. */
const REGISTRY_SUBKEYS: Readonly<Record<string, string>> = {
  LongLiveTime: 'MachineCache',
  EnablePingService: 'Security',
  EnableReportMessages: 'Security',
  PermitInsecureNacks: 'Security',
}

/** The registry value that the setting is named after, with its path; null for a setting that is not in the registry. */
export function registryPath(name: SettingName): string | null {
  if (!SETTINGS[name].registry) return null
  const subkey = REGISTRY_SUBKEYS[name]
  return `${REGISTRY_KEY}\\${subkey === undefined ? '' : `${subkey}\\`}${name}`
}

/**
 * Defaults with `changes` applied and checked.
 * @throws OptionError MSMQ_OPTION_UNKNOWN, MSMQ_OPTION_RANGE naming the setting and what is allowed.
 */
export function createSettings(changes: Readonly<Record<string, number>> = {}): Settings {
  const settings: Record<string, number> = { ...DEFAULT_SETTINGS }
  for (const [name, value] of Object.entries(changes))
    settings[settingName(name)] = checkedValue(settingName(name), value)
  return Object.freeze(settings) as Settings
}

/** The canonical spelling of a setting's name, found without case. */
export function settingName(name: string): SettingName {
  const wanted = name.toLowerCase()
  const found = Object.keys(SETTINGS).find(known => known.toLowerCase() === wanted)
  if (found === undefined)
    throw new OptionError('MSMQ_OPTION_UNKNOWN', name, undefined, `one of ${Object.keys(SETTINGS).join(', ')}`)
  return found as SettingName
}

function checkedValue(name: SettingName, value: number): number {
  const { min, max, unit } = SETTINGS[name] as SettingDefinition
  const whole = unit === 'count' || unit === 'flag' || unit === 'port'
  if (!Number.isFinite(value) || value < min || value > max || (whole && !Number.isInteger(value)))
    throw new OptionError(
      'MSMQ_OPTION_RANGE',
      name,
      value,
      `${whole ? 'a whole number' : 'a number'} from ${min} to ${max} (${unit})`,
    )
  return value
}

function flag(value: 0 | 1, meaning: string, source: string): SettingDefinition {
  return { unit: 'flag', default: value, min: 0, max: 1, registry: true, meaning, source }
}
function count(value: number, min: number, max: number, meaning: string, source: string): SettingDefinition {
  return { unit: 'count', default: value, min, max, registry: true, meaning, source }
}
function ms(value: number, meaning: string, source: string): SettingDefinition {
  return { unit: 'ms', default: value, min: 0, max: U32, registry: true, meaning, source }
}
function s(value: number, meaning: string, source: string): SettingDefinition {
  return { unit: 's', default: value, min: 0.001, max: U32, registry: true, meaning, source }
}
function port(value: number, meaning: string, source: string): SettingDefinition {
  return { unit: 'port', default: value, min: 1, max: 65_535, registry: true, meaning, source }
}
function own(definition: SettingDefinition): SettingDefinition {
  return { ...definition, registry: false }
}
