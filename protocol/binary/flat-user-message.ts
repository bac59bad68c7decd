import { decodeGuid } from '../guid.js'
import { messageClassName, messageKind } from '../message-class.js'
import { sidText } from '../sid.js'
import { BASE_HEADER_SIZE } from './base-header.js'
import { sizeOfCompoundMessageHeader } from './compound-message-header.js'
import type { CountedText } from './counted-text.js'
import { DEBUG_FLAGS, sizeOfDebugHeader } from './debug-header.js'
import { EXTENSION_FLAGS, recogniseExtensionHeader } from './extension-header.js'
import { decodeFinalAckBody } from './final-ack.js'
import { type FlatFields, flattenFlags } from './flat-fields.js'
import { type MessagePropertiesHeader, MP_FLAGS, sizeOfMessagePropertiesHeader } from './message-properties-header.js'
import {
  type MqfAddressHeader,
  type MultiQueueFormatHeader,
  mqfElements,
  sizeOfAddressHeader,
  sizeOfMultiQueueFormatHeader,
} from './multi-queue-format-header.js'
import { decodeOrderAckBody } from './order-ack.js'
import type { UserMessagePacket } from './packet.js'
import type { QueueName } from './queue-name.js'
import { SECURITY_FLAGS, SENDER_ID_TYPE, type SecurityHeader, sizeOfSecurityHeader } from './security-header.js'
import { acknowledgedRecoverable, SESSION_HEADER_SIZE, type SessionHeader } from './session-header.js'
import { type SoapHeader, sizeOfSoapHeader } from './soap-header.js'
import { sizeOfSrmpEnvelopeHeader } from './srmp-envelope-header.js'
import { sizeOfTransactionHeader, type TransactionHeader, TX_FLAGS } from './transaction-header.js'
import { sizeOfUserHeader, USER_FLAGS, USER_HEADER_OFFSET, type UserHeader } from './user-header.js'

/** Adds the headers of a user message after its BaseHeader. */
export function flattenUserMessage(out: FlatFields, packet: UserMessagePacket): void {
  flattenUserHeader(out, packet.user)
  if (packet.transaction !== null) flattenTransaction(out, packet.transaction)
  if (packet.security !== null) flattenSecurity(out, packet.security)
  flattenProperties(out, packet)
  if (packet.debug !== null) {
    flattenFlags(out, 'DebugHeader.Flags', packet.debug.flags, DEBUG_FLAGS)
    out['DebugHeader.Reserved'] = packet.debug.reserved
    if (packet.debug.queueIdentifier !== null) out['DebugHeader.QueueIdentifier'] = packet.debug.queueIdentifier
  }
  if (packet.srmpEnvelope !== null) {
    flattenCountedText(out, 'SRMPEnvelopeHeader', packet.srmpEnvelope, 'HeaderId', 'Reserved', 'DataLength', 'Data')
  }
  if (packet.compoundMessage !== null) {
    const prefix = 'CompoundMessageHeader'
    out[`${prefix}.HeaderId`] = packet.compoundMessage.headerId
    out[`${prefix}.Reserved`] = packet.compoundMessage.reserved
    out[`${prefix}.HTTPBodySize`] = packet.compoundMessage.data.length
    out[`${prefix}.MsgBodySize`] = packet.compoundMessage.msgBodySize
    out[`${prefix}.MsgBodyOffset`] = packet.compoundMessage.msgBodyOffset
    out[`${prefix}.Data`] = packet.compoundMessage.data.toString('hex')
  }
  if (packet.soap !== null) flattenSoap(out, packet.soap)
  if (packet.multiQueueFormat !== null) flattenMultiQueueFormat(out, packet.multiQueueFormat)
  if (packet.trailing.length > 0) flattenTrailing(out, packet.trailing)
  if (packet.session !== null) flattenSession(out, packet.session)
  flattenOffsets(out, packet)
}

function flattenUserHeader(out: FlatFields, user: UserHeader): void {
  const prefix = 'UserHeader'
  out[`${prefix}.SourceQueueManager`] = user.sourceQueueManager
  out[`${prefix}.QueueManagerAddress`] = user.queueManagerAddress
  out[`${prefix}.TimeToBeReceived`] = user.timeToBeReceived
  out[`${prefix}.SentTime`] = user.sentTime
  out[`${prefix}.MessageID`] = user.messageId
  flattenFlags(out, `${prefix}.Flags`, user.flags, USER_FLAGS)
  flattenQueueName(out, `${prefix}.DestinationQueue`, user.destinationQueue)
  flattenQueueName(out, `${prefix}.AdminQueue`, user.adminQueue)
  flattenQueueName(out, `${prefix}.ResponseQueue`, user.responseQueue)
  if (user.connectorType !== null) out[`${prefix}.ConnectorType`] = user.connectorType
}

function flattenQueueName(out: FlatFields, prefix: string, queue: QueueName | null): void {
  if (queue === null) return
  out[`${prefix}.Type`] = queue.type
  switch (queue.type) {
    case 'DirectQueueFormatName':
      out[`${prefix}.Count`] = queue.count
      out[`${prefix}.DirectFormatName`] = queue.name
      return
    case 'PrivateQueueFormatNameId':
      out[`${prefix}.PrivateQueueIdentifier`] = queue.number
      return
    case 'PublicQueueFormatName':
      out[`${prefix}.PublicQueueIdentifier`] = queue.guid
      return
    case 'PrivateQueueFormatName':
      out[`${prefix}.SourceQueueManager`] = queue.queueManager
      out[`${prefix}.PrivateQueueIdentifier`] = queue.number
      return
  }
}

function flattenTransaction(out: FlatFields, transaction: TransactionHeader): void {
  const prefix = 'TransactionHeader'
  flattenFlags(out, `${prefix}.Flags`, transaction.flags, TX_FLAGS)
  out[`${prefix}.TxSequenceID.Ordinal`] = transaction.sequenceId.ordinal
  out[`${prefix}.TxSequenceID.TimeStamp`] = transaction.sequenceId.timeStamp
  out[`${prefix}.TxSequenceNumber`] = transaction.sequenceNumber
  out[`${prefix}.PreviousTxSequenceNumber`] = transaction.previousSequenceNumber
  if (transaction.connectorQmGuid !== null) out[`${prefix}.ConnectorQMGuid`] = transaction.connectorQmGuid
}

function flattenSecurity(out: FlatFields, security: SecurityHeader): void {
  const prefix = 'SecurityHeader'
  const data = `${prefix}.SecurityData`
  const { securityId, encryptionKey, signature, senderCert, providerInfo } = security
  flattenFlags(out, `${prefix}.Flags`, security.flags, SECURITY_FLAGS)
  out[`${prefix}.SenderIdSize`] = securityId.length
  out[`${prefix}.EncryptionKeySize`] = encryptionKey.length
  out[`${prefix}.SignatureSize`] = signature.length
  out[`${prefix}.SenderCertSize`] = senderCert.length
  out[`${prefix}.ProviderInfoSize`] =
    providerInfo === null ? 0 : 4 + 2 * (providerInfo.providerName.length + 1) + providerInfo.rest.length
  if (securityId.length > 0) {
    out[`${data}.SecurityID.Hex`] = securityId.toString('hex')
    const type = security.flags & SECURITY_FLAGS.ST
    if (type === SENDER_ID_TYPE.SID) out[`${data}.SecurityID.SID`] = sidText(securityId)
    if (type === SENDER_ID_TYPE.QUEUE_MANAGER) out[`${data}.SecurityID.GUID`] = decodeGuid(securityId, 0)
  }
  if (encryptionKey.length > 0) out[`${data}.EncryptionKey`] = encryptionKey.toString('hex')
  if (signature.length > 0) out[`${data}.Signature`] = signature.toString('hex')
  if (senderCert.length > 0) out[`${data}.SenderCert`] = senderCert.toString('hex')
  if (providerInfo !== null) {
    out[`${data}.ProviderInfo.ProviderType`] = providerInfo.providerType
    out[`${data}.ProviderInfo.ProviderName`] = providerInfo.providerName
    if (providerInfo.rest.length > 0) out[`${data}.ProviderInfo.Rest`] = providerInfo.rest.toString('hex')
  }
}

function flattenProperties(out: FlatFields, packet: UserMessagePacket): void {
  const prefix = 'MessagePropertiesHeader'
  const properties: MessagePropertiesHeader = packet.properties
  flattenFlags(out, `${prefix}.Flags`, properties.flags, MP_FLAGS)
  out[`${prefix}.LabelLength`] = properties.labelLength
  out[`${prefix}.MessageClass`] = properties.messageClass
  out[`${prefix}.MessageClassName`] = messageClassName(properties.messageClass)
  out[`${prefix}.CorrelationID.Hex`] = properties.correlationId.toString('hex')
  const kind = messageKind(properties.messageClass)
  if (packet.packetType === 'UserMessage' && kind === 'Acknowledgment') {
    out[`${prefix}.CorrelationID.QueueManagerGuid`] = decodeGuid(properties.correlationId, 0)
    out[`${prefix}.CorrelationID.Ordinal`] = properties.correlationId.readUInt32LE(16)
  }
  out[`${prefix}.BodyType`] = properties.bodyType
  out[`${prefix}.ApplicationTag`] = properties.applicationTag
  out[`${prefix}.MessageSize`] = properties.messageSize
  out[`${prefix}.AllocationBodySize`] = properties.allocationBodySize
  out[`${prefix}.PrivacyLevel`] = properties.privacyLevel
  out[`${prefix}.HashAlgorithm`] = properties.hashAlgorithm
  out[`${prefix}.EncryptionAlgorithm`] = properties.encryptionAlgorithm
  out[`${prefix}.ExtensionSize`] = properties.extensionSize
  if (properties.labelLength > 0) out[`${prefix}.Label`] = properties.label
  if (properties.extensionSize > 0) out[`${prefix}.ExtensionData`] = properties.extensionData.toString('hex')
  if (properties.allocationBodySize > 0) out[`${prefix}.MessageBody`] = properties.body.toString('hex')
  flattenAcknowledgement(out, packet)
  if (packet.packetType === 'UserMessage') out.MessageKind = kind
}

function flattenAcknowledgement(out: FlatFields, packet: UserMessagePacket): void {
  if (packet.packetType === 'OrderAck') {
    const body = decodeOrderAckBody(packet.properties.body)
    out['OrderAckBody.TxSequenceID.Ordinal'] = body.sequenceId.ordinal
    out['OrderAckBody.TxSequenceID.TimeStamp'] = body.sequenceId.timeStamp
    out['OrderAckBody.TxSequenceNumber'] = body.sequenceNumber
    out['OrderAckBody.TxPreviousSequenceNumber'] = body.previousSequenceNumber
    out['OrderAckBody.Reserved'] = body.reserved.toString('hex')
  } else if (packet.packetType === 'FinalAck') {
    const body = decodeFinalAckBody(packet.properties.body)
    out['FinalAckBody.TxSequenceID.Ordinal'] = body.sequenceId.ordinal
    out['FinalAckBody.TxSequenceID.TimeStamp'] = body.sequenceId.timeStamp
    out['FinalAckBody.TxSequenceNumber'] = body.sequenceNumber
    out['FinalAckBody.TxPreviousSequenceNumber'] = body.previousSequenceNumber
    out['FinalAckBody.SourceGUID'] = body.sourceGuid
    out['FinalAckBody.MessageID'] = body.messageId
  }
}

function flattenCountedText(
  out: FlatFields,
  prefix: string,
  section: CountedText,
  id: string,
  reserved: string,
  length: string,
  text: string,
): void {
  out[`${prefix}.${id}`] = section.id
  out[`${prefix}.${reserved}`] = section.reserved
  out[`${prefix}.${length}`] = section.text === null ? 0 : section.text.length + 1
  if (section.text !== null) out[`${prefix}.${text}`] = section.text
}

function flattenSoap(out: FlatFields, soap: SoapHeader): void {
  flattenCountedText(out, 'SoapHeader', soap.header, 'HeaderSectionID', 'Reserved', 'HeaderDataLength', 'Header')
  flattenCountedText(out, 'SoapHeader', soap.body, 'BodySectionID', 'Reserved1', 'BodyDataLength', 'Body')
}

function flattenMultiQueueFormat(out: FlatFields, header: MultiQueueFormatHeader): void {
  flattenAddressHeader(out, 'Destination', header.destination)
  flattenAddressHeader(out, 'Administration', header.administration)
  flattenAddressHeader(out, 'Response', header.response)
  const prefix = 'MultiQueueFormatHeader.Signature'
  out[`${prefix}.ID`] = header.signature.id
  out[`${prefix}.Reserved`] = header.signature.reserved
  out[`${prefix}.Size`] = header.signature.signature.length
  if (header.signature.signature.length > 0) out[`${prefix}.Signature`] = header.signature.signature.toString('hex')
}

function flattenAddressHeader(out: FlatFields, role: string, header: MqfAddressHeader): void {
  const prefix = `MultiQueueFormatHeader.${role}`
  out[`${prefix}.HeaderSize`] = sizeOfAddressHeader(header)
  out[`${prefix}.HeaderID`] = header.headerId
  out[`${prefix}.Reserved`] = header.reserved
  out[`${prefix}.ElementCount`] = header.elementCount
  mqfElements(header).forEach((element, index) => {
    const path = `${prefix}.Elements.${index}`
    out[`${path}.FormatType`] = element.formatType
    switch (element.formatType) {
      case 1:
        out[`${path}.PublicQueueIdentifier`] = element.guid
        return
      case 2:
        out[`${path}.SourceQueueManager`] = element.queueManager
        out[`${path}.PrivateQueueIdentifier`] = element.number
        return
      case 3:
        out[`${path}.DirectFormatName`] = element.name
        return
      case 6:
        out[`${path}.DistributionListIdentifier`] = element.guid
        return
    }
  })
}

function flattenTrailing(out: FlatFields, trailing: Buffer): void {
  const extension = recogniseExtensionHeader(trailing)
  if (extension !== null) {
    out['ExtensionHeader.HeaderSize'] = extension.headerSize
    out['ExtensionHeader.RemainingHeadersSize'] = extension.remainingHeadersSize
    flattenFlags(out, 'ExtensionHeader.Flags', extension.flags, EXTENSION_FLAGS)
    out['ExtensionHeader.Reserved'] = extension.reserved
  }
  out.TrailingBytes = trailing.toString('hex')
}

// Where each header present starts, from the packet's first byte.
function flattenOffsets(out: FlatFields, packet: UserMessagePacket): void {
  let at = USER_HEADER_OFFSET
  const place = (name: string, size: number): void => {
    out[`HeaderOffsets.${name}`] = at
    at += size
  }
  out['HeaderOffsets.BaseHeader'] = at - BASE_HEADER_SIZE
  place('UserHeader', sizeOfUserHeader(packet.user))
  if (packet.transaction !== null) place('TransactionHeader', sizeOfTransactionHeader(packet.transaction))
  if (packet.security !== null) place('SecurityHeader', sizeOfSecurityHeader(packet.security))
  place('MessagePropertiesHeader', sizeOfMessagePropertiesHeader(packet.properties))
  if (packet.debug !== null) place('DebugHeader', sizeOfDebugHeader(packet.debug))
  if (packet.srmpEnvelope !== null) place('SRMPEnvelopeHeader', sizeOfSrmpEnvelopeHeader(packet.srmpEnvelope))
  if (packet.compoundMessage !== null) {
    place('CompoundMessageHeader', sizeOfCompoundMessageHeader(packet.compoundMessage))
  }
  if (packet.soap !== null) place('SoapHeader', sizeOfSoapHeader(packet.soap))
  if (packet.multiQueueFormat !== null) {
    place('MultiQueueFormatHeader', sizeOfMultiQueueFormatHeader(packet.multiQueueFormat))
  }
  if (packet.trailing.length > 0) place('TrailingBytes', packet.trailing.length)
  if (packet.session !== null) place('SessionHeader', SESSION_HEADER_SIZE)
}

export function flattenSession(out: FlatFields, session: SessionHeader): void {
  const prefix = 'SessionHeader'
  out[`${prefix}.AckSequenceNumber`] = session.ackSequenceNumber
  out[`${prefix}.RecoverableMsgAckSeqNumber`] = session.recoverableMsgAckSeqNumber
  out[`${prefix}.RecoverableMsgAckFlags`] = session.recoverableMsgAckFlags
  out[`${prefix}.UserMsgSequenceNumber`] = session.userMsgSequenceNumber
  out[`${prefix}.RecoverableMsgSeqNumber`] = session.recoverableMsgSeqNumber
  out[`${prefix}.WindowSize`] = session.windowSize
  out[`${prefix}.Reserved`] = session.reserved
  acknowledgedRecoverable(session).forEach((number, index) => {
    out[`${prefix}.AckedRecoverable.${index}`] = number
  })
}
