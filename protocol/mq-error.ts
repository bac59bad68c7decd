/** Result codes of the queue manager rules. Source: [MS-MQMQ] 2.4. */
export const MQ_ERROR = {
  OK: 0x00000000,
  GENERIC: 0xc00e0001,
  PROPERTY: 0xc00e0002,
  QUEUE_NOT_FOUND: 0xc00e0003,
  QUEUE_EXISTS: 0xc00e0005,
  INVALID_PARAMETER: 0xc00e0006,
  INVALID_HANDLE: 0xc00e0007,
  OPERATION_CANCELLED: 0xc00e0008,
  SHARING_VIOLATION: 0xc00e0009,
  SERVICE_NOT_AVAILABLE: 0xc00e000b,
  NO_DS: 0xc00e0013,
  ILLEGAL_QUEUE_PATHNAME: 0xc00e0014,
  BUFFER_OVERFLOW: 0xc00e001a,
  IO_TIMEOUT: 0xc00e001b,
  ILLEGAL_CURSOR_ACTION: 0xc00e001c,
  MESSAGE_ALREADY_RECEIVED: 0xc00e001d,
  ILLEGAL_FORMATNAME: 0xc00e001e,
  UNSUPPORTED_FORMATNAME_OPERATION: 0xc00e0020,
  ACCESS_DENIED: 0xc00e0025,
  INSUFFICIENT_RESOURCES: 0xc00e0027,
  MESSAGE_STORAGE_FAILED: 0xc00e002a,
  CORRUPTED_SECURITY_DATA: 0xc00e0030,
  COMPUTER_DOES_NOT_SUPPORT_ENCRYPTION: 0xc00e0033,
  PROPERTY_NOTALLOWED: 0xc00e003e,
  INSUFFICIENT_PROPERTIES: 0xc00e003f,
  UNSUPPORTED_ACCESS_MODE: 0xc00e0045,
  TRANSACTION_USAGE: 0xc00e0050,
  TRANSACTION_SEQUENCE: 0xc00e0051,
  QUEUE_DELETED: 0xc00e005a,
  LABEL_TOO_LONG: 0xc00e005d,
  REMOTE_MACHINE_NOT_AVAILABLE: 0xc00e0069,
  ENCRYPTION_PROVIDER_NOT_SUPPORTED: 0xc00e006b,
  CERTIFICATE_NOT_PROVIDED: 0xc00e006d,
  MESSAGE_NOT_FOUND: 0xc00e0088,
  RESOLVE_ADDRESS: 0xc00e0099,
  MESSAGE_LOCKED_UNDER_TRANSACTION: 0xc00e009c,
} as const

export type MqError = (typeof MQ_ERROR)[keyof typeof MQ_ERROR]
/** The specification's names of the errors, without those of success and of no further detail. */
export type MqErrorName = `MQ_ERROR_${Exclude<keyof typeof MQ_ERROR, 'OK' | 'GENERIC'>}`

const NAMES = new Map<number, string>(
  Object.entries(MQ_ERROR).map(([name, code]) => [
    code,
    name === 'OK' ? 'MQ_OK' : name === 'GENERIC' ? 'MQ_ERROR' : `MQ_ERROR_${name}`,
  ]),
)

/** `MQ_OK`, `MQ_ERROR`, `MQ_ERROR_QUEUE_NOT_FOUND`…; an unknown code as `0x` and eight hexadecimal digits. */
export function mqErrorName(code: number): string {
  return NAMES.get(code) ?? `0x${(code >>> 0).toString(16).padStart(8, '0')}`
}
