import type { UserMessagePacket } from '../protocol/binary/packet.js'
import { QUEUE_TYPE, type QueueName } from '../protocol/binary/queue-name.js'
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
  const admin = user.adminQueue === null ? null : nameText(user.adminQueue, machineOf(adminType))
  const adminMachine =
    user.adminQueue?.type === 'PrivateQueueFormatName' ? user.adminQueue.queueManager : machineOf(adminType)
  return {
    destination: user.destinationQueue === null ? null : nameText(user.destinationQueue, receiver),
    admin,
    response:
      responseType === QUEUE_TYPE.SAME_AS_ADMIN
        ? admin
        : user.responseQueue === null
          ? null
          : nameText(
              user.responseQueue,
              responseType === QUEUE_TYPE.PRIVATE_ON_ADMIN ? adminMachine : machineOf(responseType),
            ),
  }
}

/** `machine` is where a private queue is that is named by its number alone. */
function nameText(name: QueueName, machine: Guid): string {
  switch (name.type) {
    case 'DirectQueueFormatName':
      return `DIRECT=${name.name}`
    case 'PublicQueueFormatName':
      return `PUBLIC=${name.guid}`
    case 'PrivateQueueFormatName':
      return privateName(name.queueManager, name.number)
    case 'PrivateQueueFormatNameId':
      return privateName(machine, name.number)
  }
}

/** Numbers are hexadecimal in format names. */
export function privateName(queueManager: Guid, number: number): string {
  return `PRIVATE=${queueManager}\\${number.toString(16).padStart(8, '0')}`
}
