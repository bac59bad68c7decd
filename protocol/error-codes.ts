/** Every error code mqlab can report, with what it means. The text is for a person; programs match the code.
 *
 *  `MSMQ_DECODE_*` a peer's bytes are wrong (close the session, [MS-MQQB] 3.1.5.1.3; ignore the datagram, 2.2.7) ·
 *  `MSMQ_ENCODE_*` a value of ours does not fit its field · `MSMQ_OPTION_*` a caller's argument. */
export const ERROR_CODES = {
  MSMQ_DECODE_TRUNCATED: 'The bytes end before the field does.',
  MSMQ_DECODE_EXCESS: 'Bytes are left over after the packet.',
  MSMQ_DECODE_VERSION: 'BaseHeader.VersionNumber is not 0x10.',
  MSMQ_DECODE_SIGNATURE: 'The signature of the packet or datagram is wrong.',
  MSMQ_DECODE_PACKET_SIZE: 'BaseHeader.PacketSize is below the smallest packet of its kind or above 4 MiB.',
  MSMQ_DECODE_INTERNAL_TYPE: 'InternalHeader.Flags.PT is none of 1, 2, 3.',
  MSMQ_DECODE_INTERNAL_SIZE: 'PacketSize is not the exact size of this internal packet.',
  MSMQ_DECODE_SESSION_HEADER: 'BaseHeader.Flags.SH contradicts the packet.',
  MSMQ_DECODE_QUEUE_TYPE: 'A queue type is not one the specification lists for this field.',
  MSMQ_DECODE_DELIVERY_MODE: 'UserHeader.Flags.DM is neither 0 nor 1.',
  MSMQ_DECODE_TRANSACTION_EXPRESS: 'A TransactionHeader is present in an express message.',
  MSMQ_DECODE_PROPERTIES_MISSING: 'UserHeader.Flags.MP is clear; the MessagePropertiesHeader is mandatory.',
  MSMQ_DECODE_NAME_SIZE: 'The byte count of a direct format name is odd or zero.',
  MSMQ_DECODE_STRING_UNTERMINATED: 'A string does not end in its null character.',
  MSMQ_DECODE_STRING_NULL: 'A string holds a null character before its end.',
  MSMQ_DECODE_WCHAR_COUNT: 'A count of characters asks for more than the packet holds.',
  MSMQ_DECODE_LABEL_LENGTH: 'MessagePropertiesHeader.LabelLength is over 250.',
  MSMQ_DECODE_BODY_SIZE: 'A body size does not fit, or MessageSize is over AllocationBodySize.',
  MSMQ_DECODE_EXTENSION_SIZE: 'MessagePropertiesHeader.ExtensionSize does not fit.',
  MSMQ_DECODE_SEQUENCE_NUMBER: 'A transactional sequence number is 0 or not above the previous one.',
  MSMQ_DECODE_SECURITY_SIZE: 'A size in the SecurityHeader does not fit or is out of range.',
  MSMQ_DECODE_SENDER_ID: 'The sender identifier contradicts its type, or its type is unknown.',
  MSMQ_DECODE_PROVIDER_INFO: 'ProviderInfo is too short, or its name is not terminated inside it.',
  MSMQ_DECODE_SECTION_ID: 'A header does not carry its own identifier.',
  MSMQ_DECODE_ADDRESS_SIZE: 'A multi-queue address header is smaller than its fixed part or larger than the packet.',
  MSMQ_DECODE_ADDRESS_COUNT: 'A multi-queue address header announces more elements than its bytes can hold.',
  MSMQ_DECODE_FORMAT_TYPE: 'A multi-queue element is of an unknown format type.',
  MSMQ_DECODE_HTTP_BODY: 'The parts of a CompoundMessageHeader do not fit each other.',
  MSMQ_DECODE_HEX: 'The input is not hexadecimal text.',
  MSMQ_ENCODE_RANGE: 'A value does not fit its field.',
  MSMQ_ENCODE_SIZE: 'The packet would be larger than 4 MiB.',
  MSMQ_OPTION_GUID: 'A GUID is not written as 8-4-4-4-12 hexadecimal digits.',
  MSMQ_OPTION_FORMAT_NAME: 'A format name does not follow the grammar of [MS-MQMQ] 2.1.',
  MSMQ_OPTION_INPUT: 'The input cannot be read.',
} as const satisfies Record<`MSMQ_${string}`, string>

export type ErrorCode = keyof typeof ERROR_CODES
