import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { QUEUE_TYPE, queueNameText } from '../protocol/binary/queue-name.js'
import { USER_FLAGS } from '../protocol/binary/user-header.js'
import { type Guid, NIL_GUID } from '../protocol/guid.js'

/** The names of queues that a message carries, as format names. Source: [MS-MQMQ] 2.2.19.2. */
export interface MessageQueueNames {
  readonly destination: string | null
  readonly admin: string | null
  readonly response: string | null
}

/** `here` is the queue manager that holds the message: some names say "on the machine that receives it". */
export function messageQueueNames({ user }: UserMessagePacket, here: Guid): MessageQueueNames {
  const receiver = user.queueManagerAddress === NIL_GUID ? here : user.queueManagerAddress
  const adminType = (user.flags & USER_FLAGS.AQ) >>> USER_FLAGS.AQ_SHIFT
  const responseType = (user.flags & USER_FLAGS.RQ) >>> USER_FLAGS.RQ_SHIFT
  const machineOf = (type: number) => (type === QUEUE_TYPE.PRIVATE_ON_SOURCE ? user.sourceQueueManager : receiver)
  const admin = user.adminQueue === null ? null : queueNameText(user.adminQueue, machineOf(adminType))
  const adminMachine =
    user.adminQueue?.type === 'PrivateQueueFormatName' ? user.adminQueue.queueManager : machineOf(adminType)
  return {
    destination: user.destinationQueue === null ? null : queueNameText(user.destinationQueue, receiver),
    admin,
    response:
      responseType === QUEUE_TYPE.SAME_AS_ADMIN
        ? admin
        : user.responseQueue === null
          ? null
          : queueNameText(
              user.responseQueue,
              responseType === QUEUE_TYPE.PRIVATE_ON_ADMIN ? adminMachine : machineOf(responseType),
            ),
  }
}
