import { PACKET_SIGNATURE } from '../../protocol/binary/base-header.js'
import { buildEstablishConnection } from '../../protocol/binary/build.js'
import { OPERATING_SYSTEM_FLAGS } from '../../protocol/binary/establish-connection.js'
import { type Guid, NIL_GUID } from '../../protocol/guid.js'

/** Who asks, in a probe: always the same, and no queue manager's. */
const PROBE_GUID = '00000000-0000-4000-8000-6d716c616221' as Guid

/**
 * What a health check sends to TCP 1801: the first packet of a session, for any queue manager, 572 bytes. [MS-MQQB] 2.2.3.
 * A queue manager answers at once. It leaves nothing behind: what a receiver remembers of others it learns from user
 * messages, and a session that ends before its ConnectionParameters was none.
 */
export const MSMQ_PROBE: Buffer = buildEstablishConnection({
  response: false,
  clientGuid: PROBE_GUID,
  serverGuid: NIL_GUID,
  timeStamp: 0,
  operatingSystem: 0x10 | OPERATING_SYSTEM_FLAGS.SE,
})

/** What each answer has in its first 16 bytes: "LIOR", the signature of MSMQ packets. [MS-MQMQ] 2.2.19.1. */
export const MSMQ_ANSWER: Buffer = Buffer.alloc(4)
MSMQ_ANSWER.writeUInt32LE(PACKET_SIGNATURE)
