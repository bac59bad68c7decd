-- MSMQ for Wireshark and tshark, by mqlab.
--
-- Message Queuing binary protocol ([MS-MQQB], TCP 1801 and wherever it is recognised), its ping (UDP 3527), and the
-- parts of SRMP ([MC-MQSRM]) in HTTP. For Wireshark 4.0 and later: Lua 5.2 and 5.4 alike. Install it by
-- `mqlab dissector install`, or put it into the personal Lua plugins folder, see docs/dissector.md.
--
-- Made from the tables that mqlab's own decoders are held against (protocol/binary/*.ts) and from
-- capture/wireshark/parts/*.lua. Do not edit it: after a change there, build and run
--
--     node build/capture/wireshark/regenerate.js

local mqqb = Proto("mqqb", "Message Queuing Binary Protocol")
local ping = Proto("mqqbping", "Message Queuing Ping")
local srmp = Proto("srmp", "SOAP Reliable Messaging Protocol")

local F = {} -- fields by the names of filters
local M = {} -- for a word of flags, the fields of its bits
local E = {} -- expert infos

F["mqqb.base.versionnumber"] = ProtoField.uint8("mqqb.base.versionnumber", "VersionNumber", base.HEX)
F["mqqb.base.reserved"] = ProtoField.uint8("mqqb.base.reserved", "Reserved", base.HEX)
F["mqqb.base.flags"] = ProtoField.uint16("mqqb.base.flags", "Flags", base.HEX)
M["mqqb.base.flags"] = {
  ProtoField.uint16("mqqb.base.flags.pr", "PR: priority", base.DEC, nil, 0x7),
  ProtoField.bool("mqqb.base.flags.in", "IN: internal packet", 16, nil, 0x8),
  ProtoField.bool("mqqb.base.flags.sh", "SH: SessionHeader present", 16, nil, 0x10),
  ProtoField.bool("mqqb.base.flags.dh", "DH: DebugHeader present", 16, nil, 0x20),
  ProtoField.bool("mqqb.base.flags.tr", "TR: tracing on", 16, nil, 0x100),
}
F["mqqb.base.signature"] = ProtoField.uint32("mqqb.base.signature", "Signature", base.HEX)
F["mqqb.base.packetsize"] = ProtoField.uint32("mqqb.base.packetsize", "PacketSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.base.timetoreachqueue"] = ProtoField.uint32("mqqb.base.timetoreachqueue", "TimeToReachQueue", base.UNIT_STRING, { " s", " s" })
F["mqqb.internal.reserved"] = ProtoField.uint16("mqqb.internal.reserved", "Reserved", base.HEX)
F["mqqb.internal.flags"] = ProtoField.uint16("mqqb.internal.flags", "Flags", base.HEX)
M["mqqb.internal.flags"] = {
  ProtoField.uint16("mqqb.internal.flags.pt", "PT: packet type", base.DEC, { [0x1] = "SESSION_ACK", [0x2] = "ESTABLISH_CONNECTION", [0x3] = "CONNECTION_PARAMETERS" }, 0xf),
  ProtoField.bool("mqqb.internal.flags.cs", "CS: connection refused", 16, nil, 0x10),
}
F["mqqb.establishconnection.clientguid"] = ProtoField.guid("mqqb.establishconnection.clientguid", "ClientGuid")
F["mqqb.establishconnection.serverguid"] = ProtoField.guid("mqqb.establishconnection.serverguid", "ServerGuid")
F["mqqb.establishconnection.timestamp"] = ProtoField.uint32("mqqb.establishconnection.timestamp", "TimeStamp", base.UNIT_STRING, { " ms", " ms" })
F["mqqb.establishconnection.operatingsystem"] = ProtoField.uint16("mqqb.establishconnection.operatingsystem", "OperatingSystem", base.HEX)
M["mqqb.establishconnection.operatingsystem"] = {
  ProtoField.uint16("mqqb.establishconnection.operatingsystem.re", "RE: always 16", base.DEC, nil, 0xff),
  ProtoField.bool("mqqb.establishconnection.operatingsystem.se", "SE: no ping was sent", 16, nil, 0x100),
  ProtoField.bool("mqqb.establishconnection.operatingsystem.os", "OS: server edition", 16, nil, 0x200),
  ProtoField.bool("mqqb.establishconnection.operatingsystem.qs", "QS: quality of service", 16, nil, 0x400),
}
F["mqqb.establishconnection.reserved"] = ProtoField.uint16("mqqb.establishconnection.reserved", "Reserved", base.HEX)
F["mqqb.establishconnection.padding"] = ProtoField.bytes("mqqb.establishconnection.padding", "Padding")
F["mqqb.connectionparameters.recoverableacktimeout"] = ProtoField.uint32("mqqb.connectionparameters.recoverableacktimeout", "RecoverableAckTimeout", base.UNIT_STRING, { " ms", " ms" })
F["mqqb.connectionparameters.acktimeout"] = ProtoField.uint32("mqqb.connectionparameters.acktimeout", "AckTimeout", base.UNIT_STRING, { " ms", " ms" })
F["mqqb.connectionparameters.reserved"] = ProtoField.uint16("mqqb.connectionparameters.reserved", "Reserved", base.HEX)
F["mqqb.connectionparameters.windowsize"] = ProtoField.uint16("mqqb.connectionparameters.windowsize", "WindowSize", base.UNIT_STRING, { " packets", " packets" })
F["mqqb.session.acksequencenumber"] = ProtoField.uint16("mqqb.session.acksequencenumber", "AckSequenceNumber", base.DEC)
F["mqqb.session.recoverablemsgackseqnumber"] = ProtoField.uint16("mqqb.session.recoverablemsgackseqnumber", "RecoverableMsgAckSeqNumber", base.DEC)
F["mqqb.session.recoverablemsgackflags"] = ProtoField.uint32("mqqb.session.recoverablemsgackflags", "RecoverableMsgAckFlags", base.HEX)
F["mqqb.session.usermsgsequencenumber"] = ProtoField.uint16("mqqb.session.usermsgsequencenumber", "UserMsgSequenceNumber", base.DEC)
F["mqqb.session.recoverablemsgseqnumber"] = ProtoField.uint16("mqqb.session.recoverablemsgseqnumber", "RecoverableMsgSeqNumber", base.DEC)
F["mqqb.session.windowsize"] = ProtoField.uint16("mqqb.session.windowsize", "WindowSize", base.UNIT_STRING, { " packets", " packets" })
F["mqqb.session.reserved"] = ProtoField.uint16("mqqb.session.reserved", "Reserved", base.HEX)
F["mqqb.user.sourcequeuemanager"] = ProtoField.guid("mqqb.user.sourcequeuemanager", "SourceQueueManager")
F["mqqb.user.queuemanageraddress"] = ProtoField.guid("mqqb.user.queuemanageraddress", "QueueManagerAddress")
F["mqqb.user.timetobereceived"] = ProtoField.uint32("mqqb.user.timetobereceived", "TimeToBeReceived", base.UNIT_STRING, { " s", " s" })
F["mqqb.user.senttime"] = ProtoField.uint32("mqqb.user.senttime", "SentTime", base.UNIT_STRING, { " s", " s" })
F["mqqb.user.messageid"] = ProtoField.uint32("mqqb.user.messageid", "MessageID", base.DEC)
F["mqqb.user.flags"] = ProtoField.uint32("mqqb.user.flags", "Flags", base.HEX)
M["mqqb.user.flags"] = {
  ProtoField.uint32("mqqb.user.flags.rc", "RC: routing servers passed", base.DEC, nil, 0x1f),
  ProtoField.uint32("mqqb.user.flags.dm", "DM: delivery mode", base.DEC, { [0x0] = "EXPRESS", [0x1] = "RECOVERABLE" }, 0x60),
  ProtoField.bool("mqqb.user.flags.x1", "X1: reserved", 32, nil, 0x80),
  ProtoField.bool("mqqb.user.flags.jn", "JN: negative source journaling", 32, nil, 0x100),
  ProtoField.bool("mqqb.user.flags.jp", "JP: positive source journaling", 32, nil, 0x200),
  ProtoField.uint32("mqqb.user.flags.dq", "DQ: type of the destination queue", base.DEC, { [0x0] = "NONE", [0x1] = "SAME_AS_ADMIN", [0x2] = "PRIVATE_ON_SOURCE", [0x3] = "PRIVATE_ON_DESTINATION", [0x4] = "PRIVATE_ON_ADMIN", [0x5] = "PUBLIC", [0x6] = "PRIVATE", [0x7] = "DIRECT" }, 0x1c00),
  ProtoField.uint32("mqqb.user.flags.aq", "AQ: type of the administration queue", base.DEC, { [0x0] = "NONE", [0x1] = "SAME_AS_ADMIN", [0x2] = "PRIVATE_ON_SOURCE", [0x3] = "PRIVATE_ON_DESTINATION", [0x4] = "PRIVATE_ON_ADMIN", [0x5] = "PUBLIC", [0x6] = "PRIVATE", [0x7] = "DIRECT" }, 0xe000),
  ProtoField.uint32("mqqb.user.flags.rq", "RQ: type of the response queue", base.DEC, { [0x0] = "NONE", [0x1] = "SAME_AS_ADMIN", [0x2] = "PRIVATE_ON_SOURCE", [0x3] = "PRIVATE_ON_DESTINATION", [0x4] = "PRIVATE_ON_ADMIN", [0x5] = "PUBLIC", [0x6] = "PRIVATE", [0x7] = "DIRECT" }, 0x70000),
  ProtoField.bool("mqqb.user.flags.sh", "SH: SecurityHeader present", 32, nil, 0x80000),
  ProtoField.bool("mqqb.user.flags.th", "TH: TransactionHeader present", 32, nil, 0x100000),
  ProtoField.bool("mqqb.user.flags.mp", "MP: MessagePropertiesHeader present", 32, nil, 0x200000),
  ProtoField.bool("mqqb.user.flags.cq", "CQ: ConnectorType present", 32, nil, 0x400000),
  ProtoField.bool("mqqb.user.flags.mq", "MQ: MultiQueueFormatHeader present", 32, nil, 0x800000),
  ProtoField.bool("mqqb.user.flags.x2", "X2: reserved", 32, nil, 0x1000000),
  ProtoField.bool("mqqb.user.flags.ah", "AH: came over HTTP", 32, nil, 0x2000000),
  ProtoField.uint32("mqqb.user.flags.x3", "X3: reserved", base.DEC, nil, 0xc000000),
  ProtoField.bool("mqqb.user.flags.hh", "HH: SoapHeader present", 32, nil, 0x10000000),
  ProtoField.uint32("mqqb.user.flags.x4", "X4: reserved", base.DEC, nil, 0xe0000000),
}
F["mqqb.user.destinationqueue.count"] = ProtoField.uint16("mqqb.user.destinationqueue.count", "DestinationQueue.Count", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.user.destinationqueue.directformatname"] = ProtoField.string("mqqb.user.destinationqueue.directformatname", "DestinationQueue.DirectFormatName")
F["mqqb.user.destinationqueue.privatequeueidentifier"] = ProtoField.uint32("mqqb.user.destinationqueue.privatequeueidentifier", "DestinationQueue.PrivateQueueIdentifier", base.DEC)
F["mqqb.user.destinationqueue.publicqueueidentifier"] = ProtoField.guid("mqqb.user.destinationqueue.publicqueueidentifier", "DestinationQueue.PublicQueueIdentifier")
F["mqqb.user.destinationqueue.sourcequeuemanager"] = ProtoField.guid("mqqb.user.destinationqueue.sourcequeuemanager", "DestinationQueue.SourceQueueManager")
F["mqqb.user.adminqueue.count"] = ProtoField.uint16("mqqb.user.adminqueue.count", "AdminQueue.Count", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.user.adminqueue.directformatname"] = ProtoField.string("mqqb.user.adminqueue.directformatname", "AdminQueue.DirectFormatName")
F["mqqb.user.adminqueue.privatequeueidentifier"] = ProtoField.uint32("mqqb.user.adminqueue.privatequeueidentifier", "AdminQueue.PrivateQueueIdentifier", base.DEC)
F["mqqb.user.adminqueue.publicqueueidentifier"] = ProtoField.guid("mqqb.user.adminqueue.publicqueueidentifier", "AdminQueue.PublicQueueIdentifier")
F["mqqb.user.adminqueue.sourcequeuemanager"] = ProtoField.guid("mqqb.user.adminqueue.sourcequeuemanager", "AdminQueue.SourceQueueManager")
F["mqqb.user.responsequeue.count"] = ProtoField.uint16("mqqb.user.responsequeue.count", "ResponseQueue.Count", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.user.responsequeue.directformatname"] = ProtoField.string("mqqb.user.responsequeue.directformatname", "ResponseQueue.DirectFormatName")
F["mqqb.user.responsequeue.privatequeueidentifier"] = ProtoField.uint32("mqqb.user.responsequeue.privatequeueidentifier", "ResponseQueue.PrivateQueueIdentifier", base.DEC)
F["mqqb.user.responsequeue.publicqueueidentifier"] = ProtoField.guid("mqqb.user.responsequeue.publicqueueidentifier", "ResponseQueue.PublicQueueIdentifier")
F["mqqb.user.responsequeue.sourcequeuemanager"] = ProtoField.guid("mqqb.user.responsequeue.sourcequeuemanager", "ResponseQueue.SourceQueueManager")
F["mqqb.user.connectortype"] = ProtoField.guid("mqqb.user.connectortype", "ConnectorType")
F["mqqb.transaction.flags"] = ProtoField.uint32("mqqb.transaction.flags", "Flags", base.HEX)
M["mqqb.transaction.flags"] = {
  ProtoField.bool("mqqb.transaction.flags.cg", "CG: ConnectorQMGuid present", 32, nil, 0x1),
  ProtoField.bool("mqqb.transaction.flags.fa", "FA: final acknowledgement wanted", 32, nil, 0x2),
  ProtoField.bool("mqqb.transaction.flags.fm", "FM: first message of its transaction", 32, nil, 0x4),
  ProtoField.bool("mqqb.transaction.flags.lm", "LM: last message of its transaction", 32, nil, 0x8),
  ProtoField.uint32("mqqb.transaction.flags.id", "ID: transaction identifier", base.DEC, nil, 0xfffff0),
}
F["mqqb.transaction.txsequenceid.ordinal"] = ProtoField.uint32("mqqb.transaction.txsequenceid.ordinal", "TxSequenceID.Ordinal", base.DEC)
F["mqqb.transaction.txsequenceid.timestamp"] = ProtoField.uint32("mqqb.transaction.txsequenceid.timestamp", "TxSequenceID.TimeStamp", base.DEC)
F["mqqb.transaction.txsequencenumber"] = ProtoField.uint32("mqqb.transaction.txsequencenumber", "TxSequenceNumber", base.DEC)
F["mqqb.transaction.previoustxsequencenumber"] = ProtoField.uint32("mqqb.transaction.previoustxsequencenumber", "PreviousTxSequenceNumber", base.DEC)
F["mqqb.transaction.connectorqmguid"] = ProtoField.guid("mqqb.transaction.connectorqmguid", "ConnectorQMGuid")
F["mqqb.security.flags"] = ProtoField.uint16("mqqb.security.flags", "Flags", base.HEX)
M["mqqb.security.flags"] = {
  ProtoField.uint16("mqqb.security.flags.st", "ST: type of the sender identifier", base.DEC, { [0x0] = "NONE", [0x1] = "SID", [0x2] = "QUEUE_MANAGER" }, 0xf),
  ProtoField.bool("mqqb.security.flags.au", "AU: authenticated", 16, nil, 0x10),
  ProtoField.bool("mqqb.security.flags.eb", "EB: body encrypted", 16, nil, 0x20),
  ProtoField.bool("mqqb.security.flags.de", "DE: default cryptographic provider", 16, nil, 0x40),
  ProtoField.bool("mqqb.security.flags.ai", "AI: SecurityData present", 16, nil, 0x80),
  ProtoField.uint16("mqqb.security.flags.as", "AS: signature version", base.DEC, nil, 0xf00),
}
F["mqqb.security.senderidsize"] = ProtoField.uint16("mqqb.security.senderidsize", "SenderIdSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.security.encryptionkeysize"] = ProtoField.uint16("mqqb.security.encryptionkeysize", "EncryptionKeySize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.security.signaturesize"] = ProtoField.uint16("mqqb.security.signaturesize", "SignatureSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.security.sendercertsize"] = ProtoField.uint32("mqqb.security.sendercertsize", "SenderCertSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.security.providerinfosize"] = ProtoField.uint32("mqqb.security.providerinfosize", "ProviderInfoSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.security.securitydata.securityid"] = ProtoField.bytes("mqqb.security.securitydata.securityid", "SecurityData.SecurityID")
F["mqqb.security.securitydata.encryptionkey"] = ProtoField.bytes("mqqb.security.securitydata.encryptionkey", "SecurityData.EncryptionKey")
F["mqqb.security.securitydata.signature"] = ProtoField.bytes("mqqb.security.securitydata.signature", "SecurityData.Signature")
F["mqqb.security.securitydata.sendercert"] = ProtoField.bytes("mqqb.security.securitydata.sendercert", "SecurityData.SenderCert")
F["mqqb.security.securitydata.providerinfo.providertype"] = ProtoField.uint32("mqqb.security.securitydata.providerinfo.providertype", "SecurityData.ProviderInfo.ProviderType", base.DEC)
F["mqqb.security.securitydata.providerinfo.providername"] = ProtoField.string("mqqb.security.securitydata.providerinfo.providername", "SecurityData.ProviderInfo.ProviderName")
F["mqqb.security.securitydata.providerinfo.rest"] = ProtoField.bytes("mqqb.security.securitydata.providerinfo.rest", "SecurityData.ProviderInfo.Rest")
F["mqqb.security.securitydata.securityid.guid"] = ProtoField.guid("mqqb.security.securitydata.securityid.guid", "SecurityData.SecurityID.GUID")
F["mqqb.messageproperties.flags"] = ProtoField.uint8("mqqb.messageproperties.flags", "Flags", base.HEX)
M["mqqb.messageproperties.flags"] = {
  ProtoField.bool("mqqb.messageproperties.flags.pa", "PA: positive acknowledgement on arrival", 8, nil, 0x1),
  ProtoField.bool("mqqb.messageproperties.flags.pr", "PR: positive acknowledgement on the read", 8, nil, 0x2),
  ProtoField.bool("mqqb.messageproperties.flags.na", "NA: negative acknowledgement on arrival", 8, nil, 0x4),
  ProtoField.bool("mqqb.messageproperties.flags.nr", "NR: negative acknowledgement on the read", 8, nil, 0x8),
}
F["mqqb.messageproperties.labellength"] = ProtoField.uint8("mqqb.messageproperties.labellength", "LabelLength", base.UNIT_STRING, { " characters", " characters" })
F["mqqb.messageproperties.messageclass"] = ProtoField.uint16("mqqb.messageproperties.messageclass", "MessageClass", base.HEX, { [0x0] = "NORMAL", [0x1] = "REPORT", [0x2] = "ACK_REACH_QUEUE", [0xff] = "ORDER_ACK", [0x4000] = "ACK_RECEIVE", [0x8000] = "NACK_BAD_DST_Q", [0x8001] = "NACK_DELETED", [0x8002] = "NACK_REACH_QUEUE_TIMEOUT", [0x8003] = "NACK_Q_EXCEED_QUOTA", [0x8004] = "NACK_ACCESS_DENIED", [0x8005] = "NACK_HOP_COUNT_EXCEEDED", [0x8006] = "NACK_BAD_SIGNATURE", [0x8007] = "NACK_BAD_ENCRYPTION", [0x8009] = "NACK_NOT_TRANSACTIONAL_Q", [0x800a] = "NACK_NOT_TRANSACTIONAL_MSG", [0x800b] = "NACK_UNSUPPORTED_CRYPTO_PROVIDER", [0xc000] = "NACK_Q_DELETED", [0xc001] = "NACK_Q_PURGED", [0xc002] = "NACK_RECEIVE_TIMEOUT", [0xc004] = "NACK_RECEIVE_REJECTED" })
F["mqqb.messageproperties.correlationid"] = ProtoField.bytes("mqqb.messageproperties.correlationid", "CorrelationID")
F["mqqb.messageproperties.bodytype"] = ProtoField.uint32("mqqb.messageproperties.bodytype", "BodyType", base.DEC)
F["mqqb.messageproperties.applicationtag"] = ProtoField.uint32("mqqb.messageproperties.applicationtag", "ApplicationTag", base.DEC)
F["mqqb.messageproperties.messagesize"] = ProtoField.uint32("mqqb.messageproperties.messagesize", "MessageSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.messageproperties.allocationbodysize"] = ProtoField.uint32("mqqb.messageproperties.allocationbodysize", "AllocationBodySize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.messageproperties.privacylevel"] = ProtoField.uint32("mqqb.messageproperties.privacylevel", "PrivacyLevel", base.DEC, { [0x0] = "NONE", [0x1] = "BODY_BASE", [0x3] = "BODY_ENHANCED", [0x5] = "BODY_AES" })
F["mqqb.messageproperties.hashalgorithm"] = ProtoField.uint32("mqqb.messageproperties.hashalgorithm", "HashAlgorithm", base.HEX, { [0x8001] = "MD2", [0x8002] = "MD4", [0x8003] = "MD5", [0x8004] = "SHA_1", [0x800c] = "SHA_256", [0x800e] = "SHA_512" })
F["mqqb.messageproperties.encryptionalgorithm"] = ProtoField.uint32("mqqb.messageproperties.encryptionalgorithm", "EncryptionAlgorithm", base.HEX, { [0x6602] = "RC2", [0x660e] = "AES_128", [0x660f] = "AES_192", [0x6610] = "AES_256", [0x6801] = "RC4" })
F["mqqb.messageproperties.extensionsize"] = ProtoField.uint32("mqqb.messageproperties.extensionsize", "ExtensionSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.messageproperties.label"] = ProtoField.string("mqqb.messageproperties.label", "Label")
F["mqqb.messageproperties.extensiondata"] = ProtoField.bytes("mqqb.messageproperties.extensiondata", "ExtensionData")
F["mqqb.messageproperties.messagebody"] = ProtoField.bytes("mqqb.messageproperties.messagebody", "MessageBody")
F["mqqb.debug.flags"] = ProtoField.uint16("mqqb.debug.flags", "Flags", base.HEX)
M["mqqb.debug.flags"] = {
  ProtoField.uint16("mqqb.debug.flags.qt", "QT: queue type", base.DEC, { [0x0] = "NONE", [0x1] = "PUBLIC" }, 0x3),
}
F["mqqb.debug.reserved"] = ProtoField.uint16("mqqb.debug.reserved", "Reserved", base.HEX)
F["mqqb.debug.queueidentifier"] = ProtoField.guid("mqqb.debug.queueidentifier", "QueueIdentifier")
F["mqqb.srmpenvelope.headerid"] = ProtoField.uint16("mqqb.srmpenvelope.headerid", "HeaderId", base.HEX)
F["mqqb.srmpenvelope.reserved"] = ProtoField.uint16("mqqb.srmpenvelope.reserved", "Reserved", base.HEX)
F["mqqb.srmpenvelope.datalength"] = ProtoField.uint32("mqqb.srmpenvelope.datalength", "DataLength", base.UNIT_STRING, { " characters", " characters" })
F["mqqb.srmpenvelope.data"] = ProtoField.string("mqqb.srmpenvelope.data", "Data")
F["mqqb.compoundmessage.headerid"] = ProtoField.uint16("mqqb.compoundmessage.headerid", "HeaderId", base.DEC)
F["mqqb.compoundmessage.reserved"] = ProtoField.uint16("mqqb.compoundmessage.reserved", "Reserved", base.HEX)
F["mqqb.compoundmessage.httpbodysize"] = ProtoField.uint32("mqqb.compoundmessage.httpbodysize", "HTTPBodySize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.compoundmessage.msgbodysize"] = ProtoField.uint32("mqqb.compoundmessage.msgbodysize", "MsgBodySize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.compoundmessage.msgbodyoffset"] = ProtoField.uint32("mqqb.compoundmessage.msgbodyoffset", "MsgBodyOffset", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.compoundmessage.data"] = ProtoField.bytes("mqqb.compoundmessage.data", "Data")
F["mqqb.soap.headersectionid"] = ProtoField.uint16("mqqb.soap.headersectionid", "HeaderSectionID", base.HEX)
F["mqqb.soap.reserved"] = ProtoField.uint16("mqqb.soap.reserved", "Reserved", base.HEX)
F["mqqb.soap.headerdatalength"] = ProtoField.uint32("mqqb.soap.headerdatalength", "HeaderDataLength", base.UNIT_STRING, { " characters", " characters" })
F["mqqb.soap.header"] = ProtoField.string("mqqb.soap.header", "Header")
F["mqqb.soap.bodysectionid"] = ProtoField.uint16("mqqb.soap.bodysectionid", "BodySectionID", base.HEX)
F["mqqb.soap.reserved1"] = ProtoField.uint16("mqqb.soap.reserved1", "Reserved1", base.HEX)
F["mqqb.soap.bodydatalength"] = ProtoField.uint32("mqqb.soap.bodydatalength", "BodyDataLength", base.UNIT_STRING, { " characters", " characters" })
F["mqqb.soap.body"] = ProtoField.string("mqqb.soap.body", "Body")
F["mqqb.multiqueueformat.destination.headersize"] = ProtoField.uint32("mqqb.multiqueueformat.destination.headersize", "Destination.HeaderSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.multiqueueformat.destination.headerid"] = ProtoField.uint16("mqqb.multiqueueformat.destination.headerid", "Destination.HeaderID", base.HEX)
F["mqqb.multiqueueformat.destination.reserved"] = ProtoField.uint16("mqqb.multiqueueformat.destination.reserved", "Destination.Reserved", base.HEX)
F["mqqb.multiqueueformat.destination.elementcount"] = ProtoField.uint32("mqqb.multiqueueformat.destination.elementcount", "Destination.ElementCount", base.DEC)
F["mqqb.multiqueueformat.destination.elements.formattype"] = ProtoField.uint16("mqqb.multiqueueformat.destination.elements.formattype", "Destination.Elements.FormatType", base.DEC, { [0x1] = "PUBLIC", [0x2] = "PRIVATE", [0x3] = "DIRECT", [0x6] = "DISTRIBUTION_LIST" })
F["mqqb.multiqueueformat.destination.elements.publicqueueidentifier"] = ProtoField.guid("mqqb.multiqueueformat.destination.elements.publicqueueidentifier", "Destination.Elements.PublicQueueIdentifier")
F["mqqb.multiqueueformat.destination.elements.sourcequeuemanager"] = ProtoField.guid("mqqb.multiqueueformat.destination.elements.sourcequeuemanager", "Destination.Elements.SourceQueueManager")
F["mqqb.multiqueueformat.destination.elements.privatequeueidentifier"] = ProtoField.uint32("mqqb.multiqueueformat.destination.elements.privatequeueidentifier", "Destination.Elements.PrivateQueueIdentifier", base.DEC)
F["mqqb.multiqueueformat.destination.elements.directformatname"] = ProtoField.string("mqqb.multiqueueformat.destination.elements.directformatname", "Destination.Elements.DirectFormatName")
F["mqqb.multiqueueformat.destination.elements.distributionlistidentifier"] = ProtoField.guid("mqqb.multiqueueformat.destination.elements.distributionlistidentifier", "Destination.Elements.DistributionListIdentifier")
F["mqqb.multiqueueformat.destination.rest"] = ProtoField.bytes("mqqb.multiqueueformat.destination.rest", "Destination.Rest")
F["mqqb.multiqueueformat.administration.headersize"] = ProtoField.uint32("mqqb.multiqueueformat.administration.headersize", "Administration.HeaderSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.multiqueueformat.administration.headerid"] = ProtoField.uint16("mqqb.multiqueueformat.administration.headerid", "Administration.HeaderID", base.HEX)
F["mqqb.multiqueueformat.administration.reserved"] = ProtoField.uint16("mqqb.multiqueueformat.administration.reserved", "Administration.Reserved", base.HEX)
F["mqqb.multiqueueformat.administration.elementcount"] = ProtoField.uint32("mqqb.multiqueueformat.administration.elementcount", "Administration.ElementCount", base.DEC)
F["mqqb.multiqueueformat.administration.elements.formattype"] = ProtoField.uint16("mqqb.multiqueueformat.administration.elements.formattype", "Administration.Elements.FormatType", base.DEC, { [0x1] = "PUBLIC", [0x2] = "PRIVATE", [0x3] = "DIRECT", [0x6] = "DISTRIBUTION_LIST" })
F["mqqb.multiqueueformat.administration.elements.publicqueueidentifier"] = ProtoField.guid("mqqb.multiqueueformat.administration.elements.publicqueueidentifier", "Administration.Elements.PublicQueueIdentifier")
F["mqqb.multiqueueformat.administration.elements.sourcequeuemanager"] = ProtoField.guid("mqqb.multiqueueformat.administration.elements.sourcequeuemanager", "Administration.Elements.SourceQueueManager")
F["mqqb.multiqueueformat.administration.elements.privatequeueidentifier"] = ProtoField.uint32("mqqb.multiqueueformat.administration.elements.privatequeueidentifier", "Administration.Elements.PrivateQueueIdentifier", base.DEC)
F["mqqb.multiqueueformat.administration.elements.directformatname"] = ProtoField.string("mqqb.multiqueueformat.administration.elements.directformatname", "Administration.Elements.DirectFormatName")
F["mqqb.multiqueueformat.administration.elements.distributionlistidentifier"] = ProtoField.guid("mqqb.multiqueueformat.administration.elements.distributionlistidentifier", "Administration.Elements.DistributionListIdentifier")
F["mqqb.multiqueueformat.administration.rest"] = ProtoField.bytes("mqqb.multiqueueformat.administration.rest", "Administration.Rest")
F["mqqb.multiqueueformat.response.headersize"] = ProtoField.uint32("mqqb.multiqueueformat.response.headersize", "Response.HeaderSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.multiqueueformat.response.headerid"] = ProtoField.uint16("mqqb.multiqueueformat.response.headerid", "Response.HeaderID", base.HEX)
F["mqqb.multiqueueformat.response.reserved"] = ProtoField.uint16("mqqb.multiqueueformat.response.reserved", "Response.Reserved", base.HEX)
F["mqqb.multiqueueformat.response.elementcount"] = ProtoField.uint32("mqqb.multiqueueformat.response.elementcount", "Response.ElementCount", base.DEC)
F["mqqb.multiqueueformat.response.elements.formattype"] = ProtoField.uint16("mqqb.multiqueueformat.response.elements.formattype", "Response.Elements.FormatType", base.DEC, { [0x1] = "PUBLIC", [0x2] = "PRIVATE", [0x3] = "DIRECT", [0x6] = "DISTRIBUTION_LIST" })
F["mqqb.multiqueueformat.response.elements.publicqueueidentifier"] = ProtoField.guid("mqqb.multiqueueformat.response.elements.publicqueueidentifier", "Response.Elements.PublicQueueIdentifier")
F["mqqb.multiqueueformat.response.elements.sourcequeuemanager"] = ProtoField.guid("mqqb.multiqueueformat.response.elements.sourcequeuemanager", "Response.Elements.SourceQueueManager")
F["mqqb.multiqueueformat.response.elements.privatequeueidentifier"] = ProtoField.uint32("mqqb.multiqueueformat.response.elements.privatequeueidentifier", "Response.Elements.PrivateQueueIdentifier", base.DEC)
F["mqqb.multiqueueformat.response.elements.directformatname"] = ProtoField.string("mqqb.multiqueueformat.response.elements.directformatname", "Response.Elements.DirectFormatName")
F["mqqb.multiqueueformat.response.elements.distributionlistidentifier"] = ProtoField.guid("mqqb.multiqueueformat.response.elements.distributionlistidentifier", "Response.Elements.DistributionListIdentifier")
F["mqqb.multiqueueformat.response.rest"] = ProtoField.bytes("mqqb.multiqueueformat.response.rest", "Response.Rest")
F["mqqb.multiqueueformat.signature.id"] = ProtoField.uint16("mqqb.multiqueueformat.signature.id", "Signature.ID", base.HEX)
F["mqqb.multiqueueformat.signature.reserved"] = ProtoField.uint16("mqqb.multiqueueformat.signature.reserved", "Signature.Reserved", base.HEX)
F["mqqb.multiqueueformat.signature.size"] = ProtoField.uint32("mqqb.multiqueueformat.signature.size", "Signature.Size", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.multiqueueformat.signature.signature"] = ProtoField.bytes("mqqb.multiqueueformat.signature.signature", "Signature.Signature")
F["mqqb.usermessage.trailing"] = ProtoField.bytes("mqqb.usermessage.trailing", "Trailing")
F["mqqb.extension.headersize"] = ProtoField.uint32("mqqb.extension.headersize", "HeaderSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.extension.remainingheaderssize"] = ProtoField.uint32("mqqb.extension.remainingheaderssize", "RemainingHeadersSize", base.UNIT_STRING, { " bytes", " bytes" })
F["mqqb.extension.flags"] = ProtoField.uint8("mqqb.extension.flags", "Flags", base.HEX)
M["mqqb.extension.flags"] = {
  ProtoField.bool("mqqb.extension.flags.dead_letter", "DEAD_LETTER: dead-letter header follows", 8, nil, 0x1),
  ProtoField.bool("mqqb.extension.flags.subqueue", "SUBQUEUE: subqueue header follows", 8, nil, 0x2),
  ProtoField.bool("mqqb.extension.flags.dead_letter_invalid", "DEAD_LETTER_INVALID: dead-letter queue invalid", 8, nil, 0x8),
  ProtoField.bool("mqqb.extension.flags.extended_address", "EXTENDED_ADDRESS: extended address header follows", 8, nil, 0x10),
}
F["mqqb.extension.reserved"] = ProtoField.uint24("mqqb.extension.reserved", "Reserved", base.HEX)
F["mqqb.extension.headers"] = ProtoField.bytes("mqqb.extension.headers", "Headers")
F["mqqb.orderack.txsequenceid.ordinal"] = ProtoField.uint32("mqqb.orderack.txsequenceid.ordinal", "TxSequenceID.Ordinal", base.DEC)
F["mqqb.orderack.txsequenceid.timestamp"] = ProtoField.uint32("mqqb.orderack.txsequenceid.timestamp", "TxSequenceID.TimeStamp", base.DEC)
F["mqqb.orderack.txsequencenumber"] = ProtoField.uint32("mqqb.orderack.txsequencenumber", "TxSequenceNumber", base.DEC)
F["mqqb.orderack.txprevioussequencenumber"] = ProtoField.uint32("mqqb.orderack.txprevioussequencenumber", "TxPreviousSequenceNumber", base.DEC)
F["mqqb.orderack.reserved"] = ProtoField.bytes("mqqb.orderack.reserved", "Reserved")
F["mqqb.finalack.txsequenceid.ordinal"] = ProtoField.uint32("mqqb.finalack.txsequenceid.ordinal", "TxSequenceID.Ordinal", base.DEC)
F["mqqb.finalack.txsequenceid.timestamp"] = ProtoField.uint32("mqqb.finalack.txsequenceid.timestamp", "TxSequenceID.TimeStamp", base.DEC)
F["mqqb.finalack.txsequencenumber"] = ProtoField.uint32("mqqb.finalack.txsequencenumber", "TxSequenceNumber", base.DEC)
F["mqqb.finalack.txprevioussequencenumber"] = ProtoField.uint32("mqqb.finalack.txprevioussequencenumber", "TxPreviousSequenceNumber", base.DEC)
F["mqqb.finalack.sourceguid"] = ProtoField.guid("mqqb.finalack.sourceguid", "SourceGUID")
F["mqqb.finalack.messageid"] = ProtoField.uint32("mqqb.finalack.messageid", "MessageID", base.DEC)
F["mqqb.messageproperties.correlationid.queuemanagerguid"] = ProtoField.guid("mqqb.messageproperties.correlationid.queuemanagerguid", "CorrelationID.QueueManagerGuid")
F["mqqb.messageproperties.correlationid.ordinal"] = ProtoField.uint32("mqqb.messageproperties.correlationid.ordinal", "CorrelationID.Ordinal", base.DEC)
F["mqqb.ping.flags"] = ProtoField.uint16("mqqb.ping.flags", "Flags", base.HEX)
M["mqqb.ping.flags"] = {
  ProtoField.bool("mqqb.ping.flags.rc", "RC: the initiator runs no server edition", 16, nil, 0x1),
  ProtoField.bool("mqqb.ping.flags.rf", "RF: a session would be refused", 16, nil, 0x2),
}
F["mqqb.ping.signature"] = ProtoField.uint16("mqqb.ping.signature", "Signature", base.HEX)
F["mqqb.ping.cookie"] = ProtoField.uint32("mqqb.ping.cookie", "Cookie", base.DEC)
F["mqqb.ping.qmguid"] = ProtoField.guid("mqqb.ping.qmguid", "QMGuid")
F["mqqb.user.padding"] = ProtoField.bytes("mqqb.user.padding", "Padding")
F["mqqb.security.padding"] = ProtoField.bytes("mqqb.security.padding", "Padding")
F["mqqb.messageproperties.padding"] = ProtoField.bytes("mqqb.messageproperties.padding", "Padding")
F["mqqb.srmpenvelope.padding"] = ProtoField.bytes("mqqb.srmpenvelope.padding", "Padding")
F["mqqb.compoundmessage.padding"] = ProtoField.bytes("mqqb.compoundmessage.padding", "Padding")
F["mqqb.soap.padding"] = ProtoField.bytes("mqqb.soap.padding", "Padding")
F["mqqb.multiqueueformat.padding"] = ProtoField.bytes("mqqb.multiqueueformat.padding", "Padding")

F["mqqb.type"] = ProtoField.string("mqqb.type", "Packet type")
F["mqqb.length"] = ProtoField.uint32("mqqb.length", "Length")
F["mqqb.message"] = ProtoField.string("mqqb.message", "Message")
F["mqqb.acknowledged"] = ProtoField.string("mqqb.acknowledged", "Acknowledged message")
F["mqqb.txseq"] = ProtoField.string("mqqb.txseq", "Sequence")
F["mqqb.user.txseq"] = ProtoField.string("mqqb.user.txseq", "Sequence of the message")
F["mqqb.orderack.txseq"] = ProtoField.string("mqqb.orderack.txseq", "Sequence acknowledged")
F["mqqb.finalack.txseq"] = ProtoField.string("mqqb.finalack.txseq", "Sequence of the message")
F["mqqb.destination"] = ProtoField.string("mqqb.destination", "Destination")
F["mqqb.admin"] = ProtoField.string("mqqb.admin", "Administration queue")
F["mqqb.response"] = ProtoField.string("mqqb.response", "Response queue")
F["mqqb.sent"] = ProtoField.absolute_time("mqqb.sent", "Sent", base.UTC)
F["mqqb.security.securitydata.securityid.sid"] = ProtoField.string("mqqb.security.securitydata.securityid.sid", "Security identifier of the sender")
F["mqqb.session.ackedrecoverable"] = ProtoField.uint16("mqqb.session.ackedrecoverable", "Recoverable message acknowledged")
F["mqqb.skipped"] = ProtoField.bytes("mqqb.skipped", "No packet")

E["mqqb.malformed.truncated"] = ProtoExpert.new("mqqb.malformed.truncated", "Malformed: truncated", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.name_size"] = ProtoExpert.new("mqqb.malformed.name_size", "Malformed: name size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.string_unterminated"] = ProtoExpert.new("mqqb.malformed.string_unterminated", "Malformed: string unterminated", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.string_null"] = ProtoExpert.new("mqqb.malformed.string_null", "Malformed: string null", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.version"] = ProtoExpert.new("mqqb.malformed.version", "Malformed: version", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.signature"] = ProtoExpert.new("mqqb.malformed.signature", "Malformed: signature", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.packet_size"] = ProtoExpert.new("mqqb.malformed.packet_size", "Malformed: packet size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.note.reserved_bits"] = ProtoExpert.new("mqqb.note.reserved_bits", "reserved bits", expert.group.PROTOCOL, expert.severity.NOTE)
E["mqqb.malformed.internal_type"] = ProtoExpert.new("mqqb.malformed.internal_type", "Malformed: internal type", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.note.refused"] = ProtoExpert.new("mqqb.note.refused", "refused", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.malformed.internal_size"] = ProtoExpert.new("mqqb.malformed.internal_size", "Malformed: internal size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.excess"] = ProtoExpert.new("mqqb.malformed.excess", "Malformed: excess", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.session_header"] = ProtoExpert.new("mqqb.malformed.session_header", "Malformed: session header", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.delivery_mode"] = ProtoExpert.new("mqqb.malformed.delivery_mode", "Malformed: delivery mode", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.queue_type"] = ProtoExpert.new("mqqb.malformed.queue_type", "Malformed: queue type", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.transaction_express"] = ProtoExpert.new("mqqb.malformed.transaction_express", "Malformed: transaction express", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.properties_missing"] = ProtoExpert.new("mqqb.malformed.properties_missing", "Malformed: properties missing", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.sequence_number"] = ProtoExpert.new("mqqb.malformed.sequence_number", "Malformed: sequence number", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.security_size"] = ProtoExpert.new("mqqb.malformed.security_size", "Malformed: security size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.sender_id"] = ProtoExpert.new("mqqb.malformed.sender_id", "Malformed: sender id", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.provider_info"] = ProtoExpert.new("mqqb.malformed.provider_info", "Malformed: provider info", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.label_length"] = ProtoExpert.new("mqqb.malformed.label_length", "Malformed: label length", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.body_size"] = ProtoExpert.new("mqqb.malformed.body_size", "Malformed: body size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.extension_size"] = ProtoExpert.new("mqqb.malformed.extension_size", "Malformed: extension size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.note.nack"] = ProtoExpert.new("mqqb.note.nack", "nack", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.malformed.wchar_count"] = ProtoExpert.new("mqqb.malformed.wchar_count", "Malformed: wchar count", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.http_body"] = ProtoExpert.new("mqqb.malformed.http_body", "Malformed: http body", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.section_id"] = ProtoExpert.new("mqqb.malformed.section_id", "Malformed: section id", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.address_size"] = ProtoExpert.new("mqqb.malformed.address_size", "Malformed: address size", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.address_count"] = ProtoExpert.new("mqqb.malformed.address_count", "Malformed: address count", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.malformed.format_type"] = ProtoExpert.new("mqqb.malformed.format_type", "Malformed: format type", expert.group.MALFORMED, expert.severity.ERROR)
E["mqqb.note.ack_of_nothing"] = ProtoExpert.new("mqqb.note.ack_of_nothing", "ack of nothing", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.ack_without_adminq"] = ProtoExpert.new("mqqb.warning.ack_without_adminq", "ack without adminq", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.adminq_without_ack"] = ProtoExpert.new("mqqb.warning.adminq_without_ack", "adminq without ack", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.ah_set"] = ProtoExpert.new("mqqb.warning.ah_set", "ah set", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.hop_count"] = ProtoExpert.new("mqqb.warning.hop_count", "hop count", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.trace_without_debug"] = ProtoExpert.new("mqqb.warning.trace_without_debug", "trace without debug", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.transaction_priority"] = ProtoExpert.new("mqqb.warning.transaction_priority", "transaction priority", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.security_empty"] = ProtoExpert.new("mqqb.warning.security_empty", "security empty", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.trailing_bytes"] = ProtoExpert.new("mqqb.warning.trailing_bytes", "trailing bytes", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.session_inside"] = ProtoExpert.new("mqqb.warning.session_inside", "session inside", expert.group.PROTOCOL, expert.severity.WARN)
E["mqqb.warning.window_zero"] = ProtoExpert.new("mqqb.warning.window_zero", "window zero", expert.group.PROTOCOL, expert.severity.WARN)

E["mqqb.note.cut_short"] = ProtoExpert.new("mqqb.note.cut_short", "cut short", expert.group.UNDECODED, expert.severity.NOTE)
E["mqqb.note.skipped"] = ProtoExpert.new("mqqb.note.skipped", "no packet", expert.group.UNDECODED, expert.severity.NOTE)
E["srmp.malformed"] = ProtoExpert.new("srmp.malformed", "Malformed envelope", expert.group.MALFORMED, expert.severity.ERROR)

-- What begins with the name of a protocol belongs to it.
local function of_protocol(everything, name)
  local own = {}
  for filter, one in pairs(everything) do
    if string.sub(filter, 1, #name + 1) == name .. "." then own[#own + 1] = one end
  end
  return own
end

local function all_fields()
  local all = {}
  for filter, field in pairs(F) do all[filter] = field end
  for filter, fields in pairs(M) do
    for index, field in ipairs(fields) do all[filter .. "." .. index] = field end
  end
  return all
end

mqqb.fields = of_protocol(all_fields(), "mqqb")
mqqb.experts = of_protocol(E, "mqqb")

local MSMQ_PORT = 1801
local MSMQ_PING_PORT = 3527
local VERSION_NUMBER = 16
local PACKET_SIGNATURE = 1380927820
local PACKET_SIZE_MAX = 4194304
local USER_MESSAGE_SIZE_MIN = 120
local CLASSES = {
  [0x0] = "NORMAL",
  [0x1] = "REPORT",
  [0x2] = "ACK_REACH_QUEUE",
  [0xff] = "ORDER_ACK",
  [0x4000] = "ACK_RECEIVE",
  [0x8000] = "NACK_BAD_DST_Q",
  [0x8001] = "NACK_DELETED",
  [0x8002] = "NACK_REACH_QUEUE_TIMEOUT",
  [0x8003] = "NACK_Q_EXCEED_QUOTA",
  [0x8004] = "NACK_ACCESS_DENIED",
  [0x8005] = "NACK_HOP_COUNT_EXCEEDED",
  [0x8006] = "NACK_BAD_SIGNATURE",
  [0x8007] = "NACK_BAD_ENCRYPTION",
  [0x8009] = "NACK_NOT_TRANSACTIONAL_Q",
  [0x800a] = "NACK_NOT_TRANSACTIONAL_MSG",
  [0x800b] = "NACK_UNSUPPORTED_CRYPTO_PROVIDER",
  [0xc000] = "NACK_Q_DELETED",
  [0xc001] = "NACK_Q_PURGED",
  [0xc002] = "NACK_RECEIVE_TIMEOUT",
  [0xc004] = "NACK_RECEIVE_REJECTED",
}

-- Reading one packet. All offsets count from its first byte.

local buffer       -- the packet's bytes
local given        -- how many there are
local at           -- next byte to read
local limit        -- first byte out of bounds
local tree         -- where fields go; nil while nothing is to be shown
local values       -- numbers and texts by full name, such as "UserHeader.MessageID"
local offsets      -- where they lie
local sizes
local items        -- what shows them

local floor = math.floor
local ELEMENTS_SHOWN_MAX = 256

local function number_of(name)
  return values[name] or 0
end

-- Numbers are doubles in one Lua and integers in another, which only this writes alike.
local function decimal(number)
  return string.format("%.0f", number)
end

local function refuse(code, name, why, place)
  error({ code = code, name = name, why = why, item = items[place or name], tree = tree }, 0)
end

local function remark(name, expert_info, why)
  local item = items[name] or tree
  if item and tree then item:add_proto_expert_info(expert_info, name .. ": " .. why) end
end

local function take(name, size)
  local from = at
  if from + size > limit then
    refuse("MSMQ_DECODE_TRUNCATED", name, decimal(size) .. " bytes needed, " .. decimal(limit - from) .. " left")
  end
  at = from + size
  offsets[name] = from
  sizes[name] = size
  return buffer(from, size)
end

-- `masks`: the fields of a flags word.
local function number(name, field, size, masks)
  local range = take(name, size)
  values[name] = range:le_uint()
  if not tree then return end
  local item = tree:add_le(field, range)
  items[name] = item
  if masks then
    for index = 1, #masks do item:add_le(masks[index], range) end
  end
end

local function guid(name, field)
  local range = take(name, 16)
  if tree then items[name] = tree:add_le(field, range) end
end

local function bytes(name, field, size)
  if size == 0 then return end
  local range = take(name, size)
  if tree then items[name] = tree:add(field, range) end
end

-- The first null character at an even place, counted from 1; nil when there is none.
local function null_in(raw)
  local from = 1
  while true do
    local found = string.find(raw, "\0\0", from, true)
    if not found or found % 2 == 1 then return found end
    from = found + 1
  end
end

local function text(name, field, size)
  if size == 0 then return end
  local range = take(name, size)
  if size < 2 or size % 2 == 1 then refuse("MSMQ_DECODE_NAME_SIZE", name, "holds no terminated UTF-16 text") end
  local null = null_in(range:raw())
  if buffer(at - 2, 2):le_uint() ~= 0 then
    refuse("MSMQ_DECODE_STRING_UNTERMINATED", name, "the last character is not null")
  end
  if null and null < size - 1 then refuse("MSMQ_DECODE_STRING_NULL", name, "a null character before the end") end
  local value = size > 2 and buffer(at - size, size - 2):le_ustring() or ""
  values[name] = value
  if tree then items[name] = tree:add(field, range, value) end
end

local function padding(name, field)
  local size = -at % 4
  if size == 0 then return end
  local range = take(name .. ".Padding", size)
  if tree then tree:add(field, range) end
end

local function each(count, read)
  local shown = tree
  for turn = 1, count do
    if turn > ELEMENTS_SHOWN_MAX then tree = nil end
    read()
  end
  tree = shown
end

local function within(stop, read)
  local outer = limit
  limit = stop
  read()
  limit = outer
end

local function structure(name, read)
  local outer, from = tree, at
  local item
  if tree and at < limit then
    item = tree:add(buffer(at, limit - at), name)
    tree = item
  end
  read()
  tree = outer
  if item and at > from then item:set_len(at - from) end
end

local function inside(name, field, read)
  local outer_at, outer_limit, outer_tree = at, limit, tree
  at = offsets[field]
  limit = at + sizes[field]
  if tree and items[field] then
    tree = items[field]
    items[name] = tree
  end
  read()
  at, limit, tree = outer_at, outer_limit, outer_tree
end

local function peek32(offset)
  if offset + 4 > given then return 0 end
  return buffer(offset, 4):le_uint()
end

-- Looked for piece by piece: the text may end soon and the packet late.
local function null_within(size)
  local stop = at + size - size % 2
  local from, piece = at, 64
  while from < stop do
    local taken = math.min(piece, stop - from)
    local null = null_in(buffer(from, taken):raw())
    if null then return from + null + 1 - at end
    from = from + taken
    piece = piece * 2
  end
  return 0
end

local function is_sid(size)
  if size < 8 or at + size > limit or buffer(at, 1):uint() ~= 1 then return false end
  local count = buffer(at + 1, 1):uint()
  return count <= 15 and size == 8 + 4 * count
end

local function is_one_of(number, ...)
  for index = 1, select("#", ...) do
    if number == select(index, ...) then return true end
  end
  return false
end

local function ends_with(value, suffix)
  return value ~= nil and #value >= #suffix and string.lower(string.sub(value, -#suffix)) == suffix
end

-- Runs `read` over bytes. Returns nil, or what is wrong with them.
local function try_reading(range, into, read)
  buffer, given = range, range:len()
  at, limit, tree = 0, given, into
  values, offsets, sizes, items = {}, {}, {}, {}
  local succeeded, fault = pcall(read)
  if succeeded then return nil end
  if type(fault) ~= "table" then error(fault, 0) end
  return fault
end

-- BaseHeader, [MS-MQMQ] 2.2.19.1
local function read_base_header()
  number("BaseHeader.VersionNumber", F["mqqb.base.versionnumber"], 1)
  number("BaseHeader.Reserved", F["mqqb.base.reserved"], 1)
  number("BaseHeader.Flags", F["mqqb.base.flags"], 2, M["mqqb.base.flags"])
  number("BaseHeader.Signature", F["mqqb.base.signature"], 4)
  number("BaseHeader.PacketSize", F["mqqb.base.packetsize"], 4)
  number("BaseHeader.TimeToReachQueue", F["mqqb.base.timetoreachqueue"], 4)
  if not (number_of("BaseHeader.VersionNumber") == 16) then refuse("MSMQ_DECODE_VERSION", "BaseHeader.VersionNumber", "must be 16", "BaseHeader.VersionNumber") end
  if not (number_of("BaseHeader.Signature") == 1380927820) then refuse("MSMQ_DECODE_SIGNATURE", "BaseHeader.Signature", "must be 0x524f494c", "BaseHeader.Signature") end
  if (not (number_of("BaseHeader.PacketSize") > 16) or number_of("BaseHeader.PacketSize") > (4194304 + (2097152 * ((not ((floor(number_of("BaseHeader.Flags") / 8) % 2) ~= 0) and ((floor(peek32(60) / 33554432) % 2) ~= 0)) and 1 or 0)))) then refuse("MSMQ_DECODE_PACKET_SIZE", "BaseHeader.PacketSize", "must be 17 to 4194304", "BaseHeader.PacketSize") end
  if ((floor(number_of("BaseHeader.Flags") / 64) % 4) ~= 0 or (floor(number_of("BaseHeader.Flags") / 512) % 128) ~= 0) then remark("BaseHeader.Flags", E["mqqb.note.reserved_bits"], "reserved bits are set") end
end

-- InternalHeader, [MS-MQQB] 2.2.1
local function read_internal_header()
  number("InternalHeader.Reserved", F["mqqb.internal.reserved"], 2)
  number("InternalHeader.Flags", F["mqqb.internal.flags"], 2, M["mqqb.internal.flags"])
  if not (is_one_of((number_of("InternalHeader.Flags") % 16), 1, 2, 3)) then refuse("MSMQ_DECODE_INTERNAL_TYPE", "InternalHeader.Flags.PT", "must be 1, 2 or 3", "InternalHeader.Flags") end
  if ((floor(number_of("InternalHeader.Flags") / 32) % 2048) ~= 0) then remark("InternalHeader.Flags", E["mqqb.note.reserved_bits"], "reserved bits are set") end
  if (floor(number_of("InternalHeader.Flags") / 16) % 2) ~= 0 then remark("InternalHeader.Flags", E["mqqb.note.refused"], "the connection is refused") end
end

-- EstablishConnectionHeader, [MS-MQQB] 2.2.3.1
local function read_establish_connection_header()
  guid("EstablishConnectionHeader.ClientGuid", F["mqqb.establishconnection.clientguid"])
  guid("EstablishConnectionHeader.ServerGuid", F["mqqb.establishconnection.serverguid"])
  number("EstablishConnectionHeader.TimeStamp", F["mqqb.establishconnection.timestamp"], 4)
  number("EstablishConnectionHeader.OperatingSystem", F["mqqb.establishconnection.operatingsystem"], 2, M["mqqb.establishconnection.operatingsystem"])
  number("EstablishConnectionHeader.Reserved", F["mqqb.establishconnection.reserved"], 2)
  bytes("EstablishConnectionHeader.Padding", F["mqqb.establishconnection.padding"], 512)
end

-- ConnectionParametersHeader, [MS-MQQB] 2.2.2.1
local function read_connection_parameters_header()
  number("ConnectionParametersHeader.RecoverableAckTimeout", F["mqqb.connectionparameters.recoverableacktimeout"], 4)
  number("ConnectionParametersHeader.AckTimeout", F["mqqb.connectionparameters.acktimeout"], 4)
  number("ConnectionParametersHeader.Reserved", F["mqqb.connectionparameters.reserved"], 2)
  number("ConnectionParametersHeader.WindowSize", F["mqqb.connectionparameters.windowsize"], 2)
end

-- SessionHeader, [MS-MQMQ] 2.2.20.4
local function read_session_header()
  number("SessionHeader.AckSequenceNumber", F["mqqb.session.acksequencenumber"], 2)
  number("SessionHeader.RecoverableMsgAckSeqNumber", F["mqqb.session.recoverablemsgackseqnumber"], 2)
  number("SessionHeader.RecoverableMsgAckFlags", F["mqqb.session.recoverablemsgackflags"], 4)
  number("SessionHeader.UserMsgSequenceNumber", F["mqqb.session.usermsgsequencenumber"], 2)
  number("SessionHeader.RecoverableMsgSeqNumber", F["mqqb.session.recoverablemsgseqnumber"], 2)
  number("SessionHeader.WindowSize", F["mqqb.session.windowsize"], 2)
  number("SessionHeader.Reserved", F["mqqb.session.reserved"], 2)
end

-- UserHeader, [MS-MQMQ] 2.2.19.2
local function read_user_header()
  guid("UserHeader.SourceQueueManager", F["mqqb.user.sourcequeuemanager"])
  guid("UserHeader.QueueManagerAddress", F["mqqb.user.queuemanageraddress"])
  number("UserHeader.TimeToBeReceived", F["mqqb.user.timetobereceived"], 4)
  number("UserHeader.SentTime", F["mqqb.user.senttime"], 4)
  number("UserHeader.MessageID", F["mqqb.user.messageid"], 4)
  number("UserHeader.Flags", F["mqqb.user.flags"], 4, M["mqqb.user.flags"])
  if (floor(number_of("UserHeader.Flags") / 32) % 4) > 1 then refuse("MSMQ_DECODE_DELIVERY_MODE", "UserHeader.Flags.DM", "must be 0 or 1", "UserHeader.Flags") end
  if not (is_one_of((floor(number_of("UserHeader.Flags") / 1024) % 8), 0, 3, 5, 7)) then refuse("MSMQ_DECODE_QUEUE_TYPE", "UserHeader.Flags.DQ", "must be 0, 3, 5 or 7", "UserHeader.Flags") end
  if is_one_of((floor(number_of("UserHeader.Flags") / 8192) % 8), 1, 4) then refuse("MSMQ_DECODE_QUEUE_TYPE", "UserHeader.Flags.AQ", "must be 0, 2, 3, 5, 6 or 7", "UserHeader.Flags") end
  if ((floor(number_of("UserHeader.Flags") / 1048576) % 2) ~= 0 and (floor(number_of("UserHeader.Flags") / 32) % 4) == 0) then refuse("MSMQ_DECODE_TRANSACTION_EXPRESS", "UserHeader.Flags.DM", "0 with a TransactionHeader", "UserHeader.Flags") end
  if not ((floor(number_of("UserHeader.Flags") / 2097152) % 2) ~= 0) then refuse("MSMQ_DECODE_PROPERTIES_MISSING", "UserHeader.Flags.MP", "must be set", "UserHeader.Flags") end
  if ((floor(number_of("UserHeader.Flags") / 128) % 2) ~= 0 or (floor(number_of("UserHeader.Flags") / 16777216) % 2) ~= 0 or (floor(number_of("UserHeader.Flags") / 67108864) % 4) ~= 0 or (floor(number_of("UserHeader.Flags") / 536870912) % 8) ~= 0) then remark("UserHeader.Flags", E["mqqb.note.reserved_bits"], "reserved bits are set") end
  if (floor(number_of("UserHeader.Flags") / 1024) % 8) == 7 then
    number("UserHeader.DestinationQueue.Count", F["mqqb.user.destinationqueue.count"], 2)
    if (number_of("UserHeader.DestinationQueue.Count") < 2 or ((number_of("UserHeader.DestinationQueue.Count") % 2) ~= 0)) then refuse("MSMQ_DECODE_NAME_SIZE", "UserHeader.DestinationQueue.Count", "must be even and at least 2", "UserHeader.DestinationQueue.Count") end
    if number_of("UserHeader.DestinationQueue.Count") > (limit - at) then refuse("MSMQ_DECODE_TRUNCATED", "UserHeader.DestinationQueue.Count", "more than the packet has left", "UserHeader.DestinationQueue.Count") end
    text("UserHeader.DestinationQueue.DirectFormatName", F["mqqb.user.destinationqueue.directformatname"], number_of("UserHeader.DestinationQueue.Count"))
    padding("UserHeader", F["mqqb.user.padding"])
  end
  if is_one_of((floor(number_of("UserHeader.Flags") / 1024) % 8), 2, 3, 4) then
    number("UserHeader.DestinationQueue.PrivateQueueIdentifier", F["mqqb.user.destinationqueue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 1024) % 8) == 5 then
    guid("UserHeader.DestinationQueue.PublicQueueIdentifier", F["mqqb.user.destinationqueue.publicqueueidentifier"])
  end
  if (floor(number_of("UserHeader.Flags") / 1024) % 8) == 6 then
    guid("UserHeader.DestinationQueue.SourceQueueManager", F["mqqb.user.destinationqueue.sourcequeuemanager"])
    number("UserHeader.DestinationQueue.PrivateQueueIdentifier", F["mqqb.user.destinationqueue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 8192) % 8) == 7 then
    number("UserHeader.AdminQueue.Count", F["mqqb.user.adminqueue.count"], 2)
    if (number_of("UserHeader.AdminQueue.Count") < 2 or ((number_of("UserHeader.AdminQueue.Count") % 2) ~= 0)) then refuse("MSMQ_DECODE_NAME_SIZE", "UserHeader.AdminQueue.Count", "must be even and at least 2", "UserHeader.AdminQueue.Count") end
    if number_of("UserHeader.AdminQueue.Count") > (limit - at) then refuse("MSMQ_DECODE_TRUNCATED", "UserHeader.AdminQueue.Count", "more than the packet has left", "UserHeader.AdminQueue.Count") end
    text("UserHeader.AdminQueue.DirectFormatName", F["mqqb.user.adminqueue.directformatname"], number_of("UserHeader.AdminQueue.Count"))
    padding("UserHeader", F["mqqb.user.padding"])
  end
  if is_one_of((floor(number_of("UserHeader.Flags") / 8192) % 8), 2, 3, 4) then
    number("UserHeader.AdminQueue.PrivateQueueIdentifier", F["mqqb.user.adminqueue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 8192) % 8) == 5 then
    guid("UserHeader.AdminQueue.PublicQueueIdentifier", F["mqqb.user.adminqueue.publicqueueidentifier"])
  end
  if (floor(number_of("UserHeader.Flags") / 8192) % 8) == 6 then
    guid("UserHeader.AdminQueue.SourceQueueManager", F["mqqb.user.adminqueue.sourcequeuemanager"])
    number("UserHeader.AdminQueue.PrivateQueueIdentifier", F["mqqb.user.adminqueue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 65536) % 8) == 7 then
    number("UserHeader.ResponseQueue.Count", F["mqqb.user.responsequeue.count"], 2)
    if (number_of("UserHeader.ResponseQueue.Count") < 2 or ((number_of("UserHeader.ResponseQueue.Count") % 2) ~= 0)) then refuse("MSMQ_DECODE_NAME_SIZE", "UserHeader.ResponseQueue.Count", "must be even and at least 2", "UserHeader.ResponseQueue.Count") end
    if number_of("UserHeader.ResponseQueue.Count") > (limit - at) then refuse("MSMQ_DECODE_TRUNCATED", "UserHeader.ResponseQueue.Count", "more than the packet has left", "UserHeader.ResponseQueue.Count") end
    text("UserHeader.ResponseQueue.DirectFormatName", F["mqqb.user.responsequeue.directformatname"], number_of("UserHeader.ResponseQueue.Count"))
    padding("UserHeader", F["mqqb.user.padding"])
  end
  if is_one_of((floor(number_of("UserHeader.Flags") / 65536) % 8), 2, 3, 4) then
    number("UserHeader.ResponseQueue.PrivateQueueIdentifier", F["mqqb.user.responsequeue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 65536) % 8) == 5 then
    guid("UserHeader.ResponseQueue.PublicQueueIdentifier", F["mqqb.user.responsequeue.publicqueueidentifier"])
  end
  if (floor(number_of("UserHeader.Flags") / 65536) % 8) == 6 then
    guid("UserHeader.ResponseQueue.SourceQueueManager", F["mqqb.user.responsequeue.sourcequeuemanager"])
    number("UserHeader.ResponseQueue.PrivateQueueIdentifier", F["mqqb.user.responsequeue.privatequeueidentifier"], 4)
  end
  if (floor(number_of("UserHeader.Flags") / 4194304) % 2) ~= 0 then
    guid("UserHeader.ConnectorType", F["mqqb.user.connectortype"])
  end
end

-- TransactionHeader, [MS-MQMQ] 2.2.20.5
local function read_transaction_header()
  number("TransactionHeader.Flags", F["mqqb.transaction.flags"], 4, M["mqqb.transaction.flags"])
  number("TransactionHeader.TxSequenceID.Ordinal", F["mqqb.transaction.txsequenceid.ordinal"], 4)
  number("TransactionHeader.TxSequenceID.TimeStamp", F["mqqb.transaction.txsequenceid.timestamp"], 4)
  number("TransactionHeader.TxSequenceNumber", F["mqqb.transaction.txsequencenumber"], 4)
  number("TransactionHeader.PreviousTxSequenceNumber", F["mqqb.transaction.previoustxsequencenumber"], 4)
  if number_of("TransactionHeader.TxSequenceNumber") == 0 then refuse("MSMQ_DECODE_SEQUENCE_NUMBER", "TransactionHeader.TxSequenceNumber", "must be at least 1", "TransactionHeader.TxSequenceNumber") end
  if not (number_of("TransactionHeader.PreviousTxSequenceNumber") < number_of("TransactionHeader.TxSequenceNumber")) then refuse("MSMQ_DECODE_SEQUENCE_NUMBER", "TransactionHeader.PreviousTxSequenceNumber", "must be below TxSequenceNumber", "TransactionHeader.PreviousTxSequenceNumber") end
  if ((floor(number_of("TransactionHeader.Flags") / 16777216) % 256) ~= 0) then remark("TransactionHeader.Flags", E["mqqb.note.reserved_bits"], "unused bits are set") end
  if (number_of("TransactionHeader.Flags") % 2) ~= 0 then
    guid("TransactionHeader.ConnectorQMGuid", F["mqqb.transaction.connectorqmguid"])
  end
end

-- SecurityHeader, [MS-MQMQ] 2.2.20.6
local function read_security_header()
  number("SecurityHeader.Flags", F["mqqb.security.flags"], 2, M["mqqb.security.flags"])
  number("SecurityHeader.SenderIdSize", F["mqqb.security.senderidsize"], 2)
  number("SecurityHeader.EncryptionKeySize", F["mqqb.security.encryptionkeysize"], 2)
  number("SecurityHeader.SignatureSize", F["mqqb.security.signaturesize"], 2)
  number("SecurityHeader.SenderCertSize", F["mqqb.security.sendercertsize"], 4)
  number("SecurityHeader.ProviderInfoSize", F["mqqb.security.providerinfosize"], 4)
  if number_of("SecurityHeader.SenderIdSize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.SenderIdSize", "more than the packet has left", "SecurityHeader.SenderIdSize") end
  if number_of("SecurityHeader.EncryptionKeySize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.EncryptionKeySize", "more than the packet has left", "SecurityHeader.EncryptionKeySize") end
  if number_of("SecurityHeader.SignatureSize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.SignatureSize", "more than the packet has left", "SecurityHeader.SignatureSize") end
  if number_of("SecurityHeader.SenderCertSize") > 65535 then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.SenderCertSize", "at most 65535", "SecurityHeader.SenderCertSize") end
  if number_of("SecurityHeader.SenderCertSize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.SenderCertSize", "more than the packet has left", "SecurityHeader.SenderCertSize") end
  if number_of("SecurityHeader.ProviderInfoSize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.ProviderInfoSize", "more than the packet has left", "SecurityHeader.ProviderInfoSize") end
  if (number_of("SecurityHeader.Flags") % 16) > 2 then refuse("MSMQ_DECODE_SENDER_ID", "SecurityHeader.Flags.ST", "must be 0, 1 or 2", "SecurityHeader.Flags") end
  if ((number_of("SecurityHeader.Flags") % 16) == 0 and number_of("SecurityHeader.SenderIdSize") ~= 0) then refuse("MSMQ_DECODE_SENDER_ID", "SecurityHeader.SenderIdSize", "must be 0 with ST 0", "SecurityHeader.SenderIdSize") end
  if ((number_of("SecurityHeader.Flags") % 16) == 2 and not (number_of("SecurityHeader.SenderIdSize") == 16)) then refuse("MSMQ_DECODE_SENDER_ID", "SecurityHeader.SenderIdSize", "must be 16 with ST 2", "SecurityHeader.SenderIdSize") end
  if ((number_of("SecurityHeader.Flags") % 16) == 1 and not (is_sid(number_of("SecurityHeader.SenderIdSize")))) then refuse("MSMQ_DECODE_SENDER_ID", "SecurityHeader.SecurityData.SecurityID", "is no SID", "SecurityHeader.SecurityData.SecurityID") end
  bytes("SecurityHeader.SecurityData.SecurityID", F["mqqb.security.securitydata.securityid"], number_of("SecurityHeader.SenderIdSize"))
  padding("SecurityHeader", F["mqqb.security.padding"])
  bytes("SecurityHeader.SecurityData.EncryptionKey", F["mqqb.security.securitydata.encryptionkey"], number_of("SecurityHeader.EncryptionKeySize"))
  padding("SecurityHeader", F["mqqb.security.padding"])
  bytes("SecurityHeader.SecurityData.Signature", F["mqqb.security.securitydata.signature"], number_of("SecurityHeader.SignatureSize"))
  padding("SecurityHeader", F["mqqb.security.padding"])
  bytes("SecurityHeader.SecurityData.SenderCert", F["mqqb.security.securitydata.sendercert"], number_of("SecurityHeader.SenderCertSize"))
  padding("SecurityHeader", F["mqqb.security.padding"])
  if number_of("SecurityHeader.ProviderInfoSize") ~= 0 then
    if number_of("SecurityHeader.ProviderInfoSize") < 6 then refuse("MSMQ_DECODE_PROVIDER_INFO", "SecurityHeader.ProviderInfoSize", "at least 6", "SecurityHeader.ProviderInfoSize") end
    if number_of("SecurityHeader.ProviderInfoSize") > (limit - at) then refuse("MSMQ_DECODE_SECURITY_SIZE", "SecurityHeader.ProviderInfoSize", "more than the packet has left", "SecurityHeader.ProviderInfoSize") end
    number("SecurityHeader.SecurityData.ProviderInfo.ProviderType", F["mqqb.security.securitydata.providerinfo.providertype"], 4)
    if null_within((number_of("SecurityHeader.ProviderInfoSize") - 4)) == 0 then refuse("MSMQ_DECODE_PROVIDER_INFO", "SecurityHeader.SecurityData.ProviderInfo.ProviderName", "not terminated", "SecurityHeader.SecurityData.ProviderInfo.ProviderName") end
    text("SecurityHeader.SecurityData.ProviderInfo.ProviderName", F["mqqb.security.securitydata.providerinfo.providername"], null_within((number_of("SecurityHeader.ProviderInfoSize") - 4)))
    bytes("SecurityHeader.SecurityData.ProviderInfo.Rest", F["mqqb.security.securitydata.providerinfo.rest"], (number_of("SecurityHeader.ProviderInfoSize") - (4 + (sizes["SecurityHeader.SecurityData.ProviderInfo.ProviderName"] or 0))))
  end
  padding("SecurityHeader", F["mqqb.security.padding"])
end

-- SecurityHeader, [MS-MQMQ] 2.2.20.6
local function read_security_header_in_security_header_security_data_security_id()
  guid("SecurityHeader.SecurityData.SecurityID.GUID", F["mqqb.security.securitydata.securityid.guid"])
end

-- MessagePropertiesHeader, [MS-MQMQ] 2.2.19.3
local function read_message_properties_header()
  number("MessagePropertiesHeader.Flags", F["mqqb.messageproperties.flags"], 1, M["mqqb.messageproperties.flags"])
  number("MessagePropertiesHeader.LabelLength", F["mqqb.messageproperties.labellength"], 1)
  number("MessagePropertiesHeader.MessageClass", F["mqqb.messageproperties.messageclass"], 2)
  bytes("MessagePropertiesHeader.CorrelationID", F["mqqb.messageproperties.correlationid"], 20)
  number("MessagePropertiesHeader.BodyType", F["mqqb.messageproperties.bodytype"], 4)
  number("MessagePropertiesHeader.ApplicationTag", F["mqqb.messageproperties.applicationtag"], 4)
  number("MessagePropertiesHeader.MessageSize", F["mqqb.messageproperties.messagesize"], 4)
  number("MessagePropertiesHeader.AllocationBodySize", F["mqqb.messageproperties.allocationbodysize"], 4)
  number("MessagePropertiesHeader.PrivacyLevel", F["mqqb.messageproperties.privacylevel"], 4)
  number("MessagePropertiesHeader.HashAlgorithm", F["mqqb.messageproperties.hashalgorithm"], 4)
  number("MessagePropertiesHeader.EncryptionAlgorithm", F["mqqb.messageproperties.encryptionalgorithm"], 4)
  number("MessagePropertiesHeader.ExtensionSize", F["mqqb.messageproperties.extensionsize"], 4)
  if number_of("MessagePropertiesHeader.LabelLength") > 250 then refuse("MSMQ_DECODE_LABEL_LENGTH", "MessagePropertiesHeader.LabelLength", "at most 250", "MessagePropertiesHeader.LabelLength") end
  if number_of("MessagePropertiesHeader.MessageSize") > (limit - at) then refuse("MSMQ_DECODE_BODY_SIZE", "MessagePropertiesHeader.MessageSize", "more than the packet has left", "MessagePropertiesHeader.MessageSize") end
  if number_of("MessagePropertiesHeader.AllocationBodySize") > (limit - at) then refuse("MSMQ_DECODE_BODY_SIZE", "MessagePropertiesHeader.AllocationBodySize", "more than the packet has left", "MessagePropertiesHeader.AllocationBodySize") end
  if number_of("MessagePropertiesHeader.MessageSize") > number_of("MessagePropertiesHeader.AllocationBodySize") then refuse("MSMQ_DECODE_BODY_SIZE", "MessagePropertiesHeader.MessageSize", "more than AllocationBodySize", "MessagePropertiesHeader.MessageSize") end
  if number_of("MessagePropertiesHeader.ExtensionSize") > (limit - at) then refuse("MSMQ_DECODE_EXTENSION_SIZE", "MessagePropertiesHeader.ExtensionSize", "more than the packet has left", "MessagePropertiesHeader.ExtensionSize") end
  if (2 * number_of("MessagePropertiesHeader.LabelLength")) > (limit - at) then refuse("MSMQ_DECODE_TRUNCATED", "MessagePropertiesHeader.LabelLength", "more than the packet has left", "MessagePropertiesHeader.LabelLength") end
  if ((2 * number_of("MessagePropertiesHeader.LabelLength")) + number_of("MessagePropertiesHeader.ExtensionSize") + number_of("MessagePropertiesHeader.AllocationBodySize")) > (limit - at) then refuse("MSMQ_DECODE_BODY_SIZE", "MessagePropertiesHeader.AllocationBodySize", "with label and extension, more than the packet has left", "MessagePropertiesHeader.AllocationBodySize") end
  if ((floor(number_of("MessagePropertiesHeader.Flags") / 16) % 16) ~= 0) then remark("MessagePropertiesHeader.Flags", E["mqqb.note.reserved_bits"], "unused bits are set") end
  if is_one_of(number_of("MessagePropertiesHeader.MessageClass"), 32768, 32769, 32770, 32771, 32772, 32773, 32774, 32775, 32777, 32778, 32779, 49152, 49153, 49154, 49156) then remark("MessagePropertiesHeader.MessageClass", E["mqqb.note.nack"], "a negative acknowledgement") end
  text("MessagePropertiesHeader.Label", F["mqqb.messageproperties.label"], (2 * number_of("MessagePropertiesHeader.LabelLength")))
  bytes("MessagePropertiesHeader.ExtensionData", F["mqqb.messageproperties.extensiondata"], number_of("MessagePropertiesHeader.ExtensionSize"))
  bytes("MessagePropertiesHeader.MessageBody", F["mqqb.messageproperties.messagebody"], number_of("MessagePropertiesHeader.AllocationBodySize"))
  padding("MessagePropertiesHeader", F["mqqb.messageproperties.padding"])
end

-- DebugHeader, [MS-MQMQ] 2.2.20.8
local function read_debug_header()
  number("DebugHeader.Flags", F["mqqb.debug.flags"], 2, M["mqqb.debug.flags"])
  if (number_of("DebugHeader.Flags") % 4) > 1 then refuse("MSMQ_DECODE_QUEUE_TYPE", "DebugHeader.Flags.QT", "must be 0 or 1", "DebugHeader.Flags") end
  number("DebugHeader.Reserved", F["mqqb.debug.reserved"], 2)
  if (number_of("DebugHeader.Flags") % 4) == 1 then
    guid("DebugHeader.QueueIdentifier", F["mqqb.debug.queueidentifier"])
  end
end

-- SRMPEnvelopeHeader, [MS-MQRR] 2.2.5.1.2.1
local function read_srmpenvelope_header()
  number("SRMPEnvelopeHeader.HeaderId", F["mqqb.srmpenvelope.headerid"], 2)
  number("SRMPEnvelopeHeader.Reserved", F["mqqb.srmpenvelope.reserved"], 2)
  number("SRMPEnvelopeHeader.DataLength", F["mqqb.srmpenvelope.datalength"], 4)
  if (2 * number_of("SRMPEnvelopeHeader.DataLength")) > (limit - at) then refuse("MSMQ_DECODE_WCHAR_COUNT", "SRMPEnvelopeHeader.DataLength", "more than the packet has left", "SRMPEnvelopeHeader.DataLength") end
  text("SRMPEnvelopeHeader.Data", F["mqqb.srmpenvelope.data"], (2 * number_of("SRMPEnvelopeHeader.DataLength")))
  padding("SRMPEnvelopeHeader", F["mqqb.srmpenvelope.padding"])
end

-- CompoundMessageHeader, [MS-MQRR] 2.2.5.1.2.2
local function read_compound_message_header()
  number("CompoundMessageHeader.HeaderId", F["mqqb.compoundmessage.headerid"], 2)
  number("CompoundMessageHeader.Reserved", F["mqqb.compoundmessage.reserved"], 2)
  number("CompoundMessageHeader.HTTPBodySize", F["mqqb.compoundmessage.httpbodysize"], 4)
  number("CompoundMessageHeader.MsgBodySize", F["mqqb.compoundmessage.msgbodysize"], 4)
  number("CompoundMessageHeader.MsgBodyOffset", F["mqqb.compoundmessage.msgbodyoffset"], 4)
  if number_of("CompoundMessageHeader.HTTPBodySize") > (limit - at) then refuse("MSMQ_DECODE_HTTP_BODY", "CompoundMessageHeader.HTTPBodySize", "more than the packet has left", "CompoundMessageHeader.HTTPBodySize") end
  if number_of("CompoundMessageHeader.MsgBodySize") > number_of("CompoundMessageHeader.HTTPBodySize") then refuse("MSMQ_DECODE_HTTP_BODY", "CompoundMessageHeader.MsgBodySize", "more than HTTPBodySize", "CompoundMessageHeader.MsgBodySize") end
  if (number_of("CompoundMessageHeader.MsgBodyOffset") + number_of("CompoundMessageHeader.MsgBodySize")) > number_of("CompoundMessageHeader.HTTPBodySize") then refuse("MSMQ_DECODE_HTTP_BODY", "CompoundMessageHeader.MsgBodyOffset", "the body would end outside", "CompoundMessageHeader.MsgBodyOffset") end
  bytes("CompoundMessageHeader.Data", F["mqqb.compoundmessage.data"], number_of("CompoundMessageHeader.HTTPBodySize"))
  padding("CompoundMessageHeader", F["mqqb.compoundmessage.padding"])
end

-- SoapHeader, [MS-MQMQ] 2.2.20.7
local function read_soap_header()
  number("SoapHeader.HeaderSectionID", F["mqqb.soap.headersectionid"], 2)
  if not (number_of("SoapHeader.HeaderSectionID") == 800) then refuse("MSMQ_DECODE_SECTION_ID", "SoapHeader.HeaderSectionID", "must be 800", "SoapHeader.HeaderSectionID") end
  number("SoapHeader.Reserved", F["mqqb.soap.reserved"], 2)
  number("SoapHeader.HeaderDataLength", F["mqqb.soap.headerdatalength"], 4)
  if (2 * number_of("SoapHeader.HeaderDataLength")) > (limit - at) then refuse("MSMQ_DECODE_WCHAR_COUNT", "SoapHeader.HeaderDataLength", "more than the packet has left", "SoapHeader.HeaderDataLength") end
  text("SoapHeader.Header", F["mqqb.soap.header"], (2 * number_of("SoapHeader.HeaderDataLength")))
  padding("SoapHeader", F["mqqb.soap.padding"])
  number("SoapHeader.BodySectionID", F["mqqb.soap.bodysectionid"], 2)
  if not (number_of("SoapHeader.BodySectionID") == 900) then refuse("MSMQ_DECODE_SECTION_ID", "SoapHeader.BodySectionID", "must be 900", "SoapHeader.BodySectionID") end
  number("SoapHeader.Reserved1", F["mqqb.soap.reserved1"], 2)
  number("SoapHeader.BodyDataLength", F["mqqb.soap.bodydatalength"], 4)
  if (2 * number_of("SoapHeader.BodyDataLength")) > (limit - at) then refuse("MSMQ_DECODE_WCHAR_COUNT", "SoapHeader.BodyDataLength", "more than the packet has left", "SoapHeader.BodyDataLength") end
  text("SoapHeader.Body", F["mqqb.soap.body"], (2 * number_of("SoapHeader.BodyDataLength")))
  padding("SoapHeader", F["mqqb.soap.padding"])
end

-- MultiQueueFormatHeader, [MS-MQMQ] 2.2.20.2
local function read_multi_queue_format_header()
  number("MultiQueueFormatHeader.Destination.HeaderSize", F["mqqb.multiqueueformat.destination.headersize"], 4)
  if (number_of("MultiQueueFormatHeader.Destination.HeaderSize") < 12 or number_of("MultiQueueFormatHeader.Destination.HeaderSize") > ((limit - at) + 4)) then refuse("MSMQ_DECODE_ADDRESS_SIZE", "MultiQueueFormatHeader.Destination.HeaderSize", "must be at least 12, and fit into the packet", "MultiQueueFormatHeader.Destination.HeaderSize") end
  number("MultiQueueFormatHeader.Destination.HeaderID", F["mqqb.multiqueueformat.destination.headerid"], 2)
  if not (number_of("MultiQueueFormatHeader.Destination.HeaderID") == 100) then refuse("MSMQ_DECODE_SECTION_ID", "MultiQueueFormatHeader.Destination.HeaderID", "must be 100", "MultiQueueFormatHeader.Destination.HeaderID") end
  number("MultiQueueFormatHeader.Destination.Reserved", F["mqqb.multiqueueformat.destination.reserved"], 2)
  number("MultiQueueFormatHeader.Destination.ElementCount", F["mqqb.multiqueueformat.destination.elementcount"], 4)
  if (4 * number_of("MultiQueueFormatHeader.Destination.ElementCount")) > (number_of("MultiQueueFormatHeader.Destination.HeaderSize") - 12) then refuse("MSMQ_DECODE_ADDRESS_COUNT", "MultiQueueFormatHeader.Destination.ElementCount", "too many for HeaderSize", "MultiQueueFormatHeader.Destination.ElementCount") end
  within(((offsets["MultiQueueFormatHeader.Destination.HeaderSize"] or 0) + number_of("MultiQueueFormatHeader.Destination.HeaderSize")), function()
    each(number_of("MultiQueueFormatHeader.Destination.ElementCount"), function()
      number("MultiQueueFormatHeader.Destination.Elements.FormatType", F["mqqb.multiqueueformat.destination.elements.formattype"], 2)
      if not (is_one_of(number_of("MultiQueueFormatHeader.Destination.Elements.FormatType"), 1, 2, 3, 6)) then refuse("MSMQ_DECODE_FORMAT_TYPE", "MultiQueueFormatHeader.Destination.Elements.FormatType", "must be 1, 2, 3 or 6", "MultiQueueFormatHeader.Destination.Elements.#.FormatType") end
      if number_of("MultiQueueFormatHeader.Destination.Elements.FormatType") == 1 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Destination.Elements.PublicQueueIdentifier", F["mqqb.multiqueueformat.destination.elements.publicqueueidentifier"])
      end
      if number_of("MultiQueueFormatHeader.Destination.Elements.FormatType") == 2 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Destination.Elements.SourceQueueManager", F["mqqb.multiqueueformat.destination.elements.sourcequeuemanager"])
        number("MultiQueueFormatHeader.Destination.Elements.PrivateQueueIdentifier", F["mqqb.multiqueueformat.destination.elements.privatequeueidentifier"], 4)
      end
      if number_of("MultiQueueFormatHeader.Destination.Elements.FormatType") == 3 then
        if null_within((limit - at)) == 0 then refuse("MSMQ_DECODE_STRING_UNTERMINATED", "MultiQueueFormatHeader.Destination.Elements.DirectFormatName", "has no null before HeaderSize ends", "MultiQueueFormatHeader.Destination.Elements.#.DirectFormatName") end
        text("MultiQueueFormatHeader.Destination.Elements.DirectFormatName", F["mqqb.multiqueueformat.destination.elements.directformatname"], null_within((limit - at)))
      end
      if number_of("MultiQueueFormatHeader.Destination.Elements.FormatType") == 6 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Destination.Elements.DistributionListIdentifier", F["mqqb.multiqueueformat.destination.elements.distributionlistidentifier"])
      end
    end)
    bytes("MultiQueueFormatHeader.Destination.Rest", F["mqqb.multiqueueformat.destination.rest"], (limit - at))
  end)
  padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
  number("MultiQueueFormatHeader.Administration.HeaderSize", F["mqqb.multiqueueformat.administration.headersize"], 4)
  if (number_of("MultiQueueFormatHeader.Administration.HeaderSize") < 12 or number_of("MultiQueueFormatHeader.Administration.HeaderSize") > ((limit - at) + 4)) then refuse("MSMQ_DECODE_ADDRESS_SIZE", "MultiQueueFormatHeader.Administration.HeaderSize", "must be at least 12, and fit into the packet", "MultiQueueFormatHeader.Administration.HeaderSize") end
  number("MultiQueueFormatHeader.Administration.HeaderID", F["mqqb.multiqueueformat.administration.headerid"], 2)
  if not (number_of("MultiQueueFormatHeader.Administration.HeaderID") == 200) then refuse("MSMQ_DECODE_SECTION_ID", "MultiQueueFormatHeader.Administration.HeaderID", "must be 200", "MultiQueueFormatHeader.Administration.HeaderID") end
  number("MultiQueueFormatHeader.Administration.Reserved", F["mqqb.multiqueueformat.administration.reserved"], 2)
  number("MultiQueueFormatHeader.Administration.ElementCount", F["mqqb.multiqueueformat.administration.elementcount"], 4)
  if (4 * number_of("MultiQueueFormatHeader.Administration.ElementCount")) > (number_of("MultiQueueFormatHeader.Administration.HeaderSize") - 12) then refuse("MSMQ_DECODE_ADDRESS_COUNT", "MultiQueueFormatHeader.Administration.ElementCount", "too many for HeaderSize", "MultiQueueFormatHeader.Administration.ElementCount") end
  within(((offsets["MultiQueueFormatHeader.Administration.HeaderSize"] or 0) + number_of("MultiQueueFormatHeader.Administration.HeaderSize")), function()
    each(number_of("MultiQueueFormatHeader.Administration.ElementCount"), function()
      number("MultiQueueFormatHeader.Administration.Elements.FormatType", F["mqqb.multiqueueformat.administration.elements.formattype"], 2)
      if not (is_one_of(number_of("MultiQueueFormatHeader.Administration.Elements.FormatType"), 1, 2, 3, 6)) then refuse("MSMQ_DECODE_FORMAT_TYPE", "MultiQueueFormatHeader.Administration.Elements.FormatType", "must be 1, 2, 3 or 6", "MultiQueueFormatHeader.Administration.Elements.#.FormatType") end
      if number_of("MultiQueueFormatHeader.Administration.Elements.FormatType") == 1 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Administration.Elements.PublicQueueIdentifier", F["mqqb.multiqueueformat.administration.elements.publicqueueidentifier"])
      end
      if number_of("MultiQueueFormatHeader.Administration.Elements.FormatType") == 2 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Administration.Elements.SourceQueueManager", F["mqqb.multiqueueformat.administration.elements.sourcequeuemanager"])
        number("MultiQueueFormatHeader.Administration.Elements.PrivateQueueIdentifier", F["mqqb.multiqueueformat.administration.elements.privatequeueidentifier"], 4)
      end
      if number_of("MultiQueueFormatHeader.Administration.Elements.FormatType") == 3 then
        if null_within((limit - at)) == 0 then refuse("MSMQ_DECODE_STRING_UNTERMINATED", "MultiQueueFormatHeader.Administration.Elements.DirectFormatName", "has no null before HeaderSize ends", "MultiQueueFormatHeader.Administration.Elements.#.DirectFormatName") end
        text("MultiQueueFormatHeader.Administration.Elements.DirectFormatName", F["mqqb.multiqueueformat.administration.elements.directformatname"], null_within((limit - at)))
      end
      if number_of("MultiQueueFormatHeader.Administration.Elements.FormatType") == 6 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Administration.Elements.DistributionListIdentifier", F["mqqb.multiqueueformat.administration.elements.distributionlistidentifier"])
      end
    end)
    bytes("MultiQueueFormatHeader.Administration.Rest", F["mqqb.multiqueueformat.administration.rest"], (limit - at))
  end)
  padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
  number("MultiQueueFormatHeader.Response.HeaderSize", F["mqqb.multiqueueformat.response.headersize"], 4)
  if (number_of("MultiQueueFormatHeader.Response.HeaderSize") < 12 or number_of("MultiQueueFormatHeader.Response.HeaderSize") > ((limit - at) + 4)) then refuse("MSMQ_DECODE_ADDRESS_SIZE", "MultiQueueFormatHeader.Response.HeaderSize", "must be at least 12, and fit into the packet", "MultiQueueFormatHeader.Response.HeaderSize") end
  number("MultiQueueFormatHeader.Response.HeaderID", F["mqqb.multiqueueformat.response.headerid"], 2)
  if not (number_of("MultiQueueFormatHeader.Response.HeaderID") == 300) then refuse("MSMQ_DECODE_SECTION_ID", "MultiQueueFormatHeader.Response.HeaderID", "must be 300", "MultiQueueFormatHeader.Response.HeaderID") end
  number("MultiQueueFormatHeader.Response.Reserved", F["mqqb.multiqueueformat.response.reserved"], 2)
  number("MultiQueueFormatHeader.Response.ElementCount", F["mqqb.multiqueueformat.response.elementcount"], 4)
  if (4 * number_of("MultiQueueFormatHeader.Response.ElementCount")) > (number_of("MultiQueueFormatHeader.Response.HeaderSize") - 12) then refuse("MSMQ_DECODE_ADDRESS_COUNT", "MultiQueueFormatHeader.Response.ElementCount", "too many for HeaderSize", "MultiQueueFormatHeader.Response.ElementCount") end
  within(((offsets["MultiQueueFormatHeader.Response.HeaderSize"] or 0) + number_of("MultiQueueFormatHeader.Response.HeaderSize")), function()
    each(number_of("MultiQueueFormatHeader.Response.ElementCount"), function()
      number("MultiQueueFormatHeader.Response.Elements.FormatType", F["mqqb.multiqueueformat.response.elements.formattype"], 2)
      if not (is_one_of(number_of("MultiQueueFormatHeader.Response.Elements.FormatType"), 1, 2, 3, 6)) then refuse("MSMQ_DECODE_FORMAT_TYPE", "MultiQueueFormatHeader.Response.Elements.FormatType", "must be 1, 2, 3 or 6", "MultiQueueFormatHeader.Response.Elements.#.FormatType") end
      if number_of("MultiQueueFormatHeader.Response.Elements.FormatType") == 1 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Response.Elements.PublicQueueIdentifier", F["mqqb.multiqueueformat.response.elements.publicqueueidentifier"])
      end
      if number_of("MultiQueueFormatHeader.Response.Elements.FormatType") == 2 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Response.Elements.SourceQueueManager", F["mqqb.multiqueueformat.response.elements.sourcequeuemanager"])
        number("MultiQueueFormatHeader.Response.Elements.PrivateQueueIdentifier", F["mqqb.multiqueueformat.response.elements.privatequeueidentifier"], 4)
      end
      if number_of("MultiQueueFormatHeader.Response.Elements.FormatType") == 3 then
        if null_within((limit - at)) == 0 then refuse("MSMQ_DECODE_STRING_UNTERMINATED", "MultiQueueFormatHeader.Response.Elements.DirectFormatName", "has no null before HeaderSize ends", "MultiQueueFormatHeader.Response.Elements.#.DirectFormatName") end
        text("MultiQueueFormatHeader.Response.Elements.DirectFormatName", F["mqqb.multiqueueformat.response.elements.directformatname"], null_within((limit - at)))
      end
      if number_of("MultiQueueFormatHeader.Response.Elements.FormatType") == 6 then
        padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
        guid("MultiQueueFormatHeader.Response.Elements.DistributionListIdentifier", F["mqqb.multiqueueformat.response.elements.distributionlistidentifier"])
      end
    end)
    bytes("MultiQueueFormatHeader.Response.Rest", F["mqqb.multiqueueformat.response.rest"], (limit - at))
  end)
  padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
  number("MultiQueueFormatHeader.Signature.ID", F["mqqb.multiqueueformat.signature.id"], 2)
  if not (number_of("MultiQueueFormatHeader.Signature.ID") == 350) then refuse("MSMQ_DECODE_SECTION_ID", "MultiQueueFormatHeader.Signature.ID", "must be 350", "MultiQueueFormatHeader.Signature.ID") end
  number("MultiQueueFormatHeader.Signature.Reserved", F["mqqb.multiqueueformat.signature.reserved"], 2)
  number("MultiQueueFormatHeader.Signature.Size", F["mqqb.multiqueueformat.signature.size"], 4)
  if number_of("MultiQueueFormatHeader.Signature.Size") > (limit - at) then refuse("MSMQ_DECODE_TRUNCATED", "MultiQueueFormatHeader.Signature.Size", "more than the packet has left", "MultiQueueFormatHeader.Signature.Size") end
  bytes("MultiQueueFormatHeader.Signature.Signature", F["mqqb.multiqueueformat.signature.signature"], number_of("MultiQueueFormatHeader.Signature.Size"))
  padding("MultiQueueFormatHeader", F["mqqb.multiqueueformat.padding"])
end

-- UserMessage, [MS-MQMQ] 2.2.20
local function read_user_message()
  bytes("UserMessage.Trailing", F["mqqb.usermessage.trailing"], (limit - at))
end

-- ExtensionHeader, [MS-MQRR] 2.2.5.2
local function read_extension_header_in_user_message_trailing()
  number("ExtensionHeader.HeaderSize", F["mqqb.extension.headersize"], 4)
  number("ExtensionHeader.RemainingHeadersSize", F["mqqb.extension.remainingheaderssize"], 4)
  number("ExtensionHeader.Flags", F["mqqb.extension.flags"], 1, M["mqqb.extension.flags"])
  number("ExtensionHeader.Reserved", F["mqqb.extension.reserved"], 3)
  bytes("ExtensionHeader.Headers", F["mqqb.extension.headers"], number_of("ExtensionHeader.RemainingHeadersSize"))
end

-- OrderAckBody, [MS-MQQB] 2.2.4.1
local function read_order_ack_body_in_message_properties_header_message_body()
  number("OrderAckBody.TxSequenceID.Ordinal", F["mqqb.orderack.txsequenceid.ordinal"], 4)
  number("OrderAckBody.TxSequenceID.TimeStamp", F["mqqb.orderack.txsequenceid.timestamp"], 4)
  number("OrderAckBody.TxSequenceNumber", F["mqqb.orderack.txsequencenumber"], 4)
  number("OrderAckBody.TxPreviousSequenceNumber", F["mqqb.orderack.txprevioussequencenumber"], 4)
  bytes("OrderAckBody.Reserved", F["mqqb.orderack.reserved"], 20)
  if number_of("OrderAckBody.TxSequenceNumber") == 0 then remark("OrderAckBody.TxSequenceNumber", E["mqqb.note.ack_of_nothing"], "acknowledges no message: numbers start at 1") end
end

-- FinalAckBody, [MS-MQQB] 2.2.5.1
local function read_final_ack_body_in_message_properties_header_message_body()
  number("FinalAckBody.TxSequenceID.Ordinal", F["mqqb.finalack.txsequenceid.ordinal"], 4)
  number("FinalAckBody.TxSequenceID.TimeStamp", F["mqqb.finalack.txsequenceid.timestamp"], 4)
  number("FinalAckBody.TxSequenceNumber", F["mqqb.finalack.txsequencenumber"], 4)
  number("FinalAckBody.TxPreviousSequenceNumber", F["mqqb.finalack.txprevioussequencenumber"], 4)
  guid("FinalAckBody.SourceGUID", F["mqqb.finalack.sourceguid"])
  number("FinalAckBody.MessageID", F["mqqb.finalack.messageid"], 4)
end

-- MessagePropertiesHeader, [MS-MQMQ] 2.2.19.3
local function read_message_properties_header_in_message_properties_header_correlation_id()
  guid("MessagePropertiesHeader.CorrelationID.QueueManagerGuid", F["mqqb.messageproperties.correlationid.queuemanagerguid"])
  number("MessagePropertiesHeader.CorrelationID.Ordinal", F["mqqb.messageproperties.correlationid.ordinal"], 4)
end

local function read_packet()
  structure("BaseHeader", read_base_header)
  if number_of("BaseHeader.PacketSize") > given then refuse("MSMQ_DECODE_TRUNCATED", "BaseHeader.PacketSize", "not all of its bytes are there", "BaseHeader.PacketSize") end
  if (floor(number_of("BaseHeader.Flags") / 8) % 2) ~= 0 then
    limit = math.min(number_of("BaseHeader.PacketSize"), given)
    structure("InternalHeader", read_internal_header)
    if (((number_of("InternalHeader.Flags") % 16) == 1 and not (number_of("BaseHeader.PacketSize") == 36)) or ((number_of("InternalHeader.Flags") % 16) == 2 and not (number_of("BaseHeader.PacketSize") == 572)) or ((number_of("InternalHeader.Flags") % 16) == 3 and not (number_of("BaseHeader.PacketSize") == 32))) then refuse("MSMQ_DECODE_INTERNAL_SIZE", "BaseHeader.PacketSize", "must be 36, 572 or 32, by the type", "BaseHeader.PacketSize") end
    if given > limit then refuse("MSMQ_DECODE_EXCESS", "BaseHeader.PacketSize", "more bytes are there", "BaseHeader.PacketSize") end
    if (number_of("InternalHeader.Flags") % 16) == 2 then
      structure("EstablishConnectionHeader", read_establish_connection_header)
    end
    if (number_of("InternalHeader.Flags") % 16) == 3 then
      structure("ConnectionParametersHeader", read_connection_parameters_header)
    end
    if (number_of("InternalHeader.Flags") % 16) == 1 then
      if not ((floor(number_of("BaseHeader.Flags") / 16) % 2) ~= 0) then refuse("MSMQ_DECODE_SESSION_HEADER", "BaseHeader.Flags.SH", "must be set in a SessionAck", "BaseHeader.Flags") end
      structure("SessionHeader", read_session_header)
    end
  end
  if not ((floor(number_of("BaseHeader.Flags") / 8) % 2) ~= 0) then
    if number_of("BaseHeader.PacketSize") < 120 then refuse("MSMQ_DECODE_PACKET_SIZE", "BaseHeader.PacketSize", "a user message has at least 120", "BaseHeader.PacketSize") end
    limit = math.min(number_of("BaseHeader.PacketSize"), given)
    structure("UserHeader", read_user_header)
    if (floor(number_of("UserHeader.Flags") / 1048576) % 2) ~= 0 then
      structure("TransactionHeader", read_transaction_header)
    end
    if (floor(number_of("UserHeader.Flags") / 524288) % 2) ~= 0 then
      structure("SecurityHeader", read_security_header)
    end
    if (number_of("SecurityHeader.Flags") % 16) == 2 then
      inside("SecurityHeader", "SecurityHeader.SecurityData.SecurityID", read_security_header_in_security_header_security_data_security_id)
    end
    structure("MessagePropertiesHeader", read_message_properties_header)
    if (floor(number_of("BaseHeader.Flags") / 32) % 2) ~= 0 then
      structure("DebugHeader", read_debug_header)
    end
    if (floor(number_of("UserHeader.Flags") / 33554432) % 2) ~= 0 then
      structure("SRMPEnvelopeHeader", read_srmpenvelope_header)
      structure("CompoundMessageHeader", read_compound_message_header)
    end
    if (floor(number_of("UserHeader.Flags") / 268435456) % 2) ~= 0 then
      structure("SoapHeader", read_soap_header)
    end
    if (floor(number_of("UserHeader.Flags") / 8388608) % 2) ~= 0 then
      structure("MultiQueueFormatHeader", read_multi_queue_format_header)
    end
    if ((limit - at) ~= 0 and not (((floor(number_of("BaseHeader.Flags") / 16) % 2) ~= 0 and (limit - at) == 16))) then
      structure("UserMessage", read_user_message)
      if (peek32((offsets["UserMessage.Trailing"] or 0)) == 12 and not ((12 + peek32(((offsets["UserMessage.Trailing"] or 0) + 4))) > (sizes["UserMessage.Trailing"] or 0))) then
        inside("ExtensionHeader", "UserMessage.Trailing", read_extension_header_in_user_message_trailing)
      end
    end
    if ((floor(number_of("BaseHeader.Flags") / 16) % 2) ~= 0 and (limit - at) == 0) then
      limit = math.min((number_of("BaseHeader.PacketSize") + 16), given)
    end
    if (floor(number_of("BaseHeader.Flags") / 16) % 2) ~= 0 then
      structure("SessionHeader", read_session_header)
    end
    if given > limit then refuse("MSMQ_DECODE_EXCESS", "BaseHeader.PacketSize", "more bytes are there", "BaseHeader.PacketSize") end
    if (number_of("MessagePropertiesHeader.MessageClass") == 255 and number_of("MessagePropertiesHeader.MessageSize") == 36 and (not (((number_of("BaseHeader.Flags") % 16) ~= 0 or (floor(number_of("BaseHeader.Flags") / 32) % 2) ~= 0 or (floor(number_of("BaseHeader.Flags") / 256) % 2) ~= 0)) and values["MessagePropertiesHeader.Label"] == "QM Ordering Ack" and ((is_one_of((floor(number_of("UserHeader.Flags") / 1024) % 8), 2, 3, 4) and number_of("UserHeader.DestinationQueue.PrivateQueueIdentifier") == 4) or ends_with(values["UserHeader.DestinationQueue.DirectFormatName"], "\\private$\\order_queue$")))) then
      inside("OrderAckBody", "MessagePropertiesHeader.MessageBody", read_order_ack_body_in_message_properties_header_message_body)
    end
    if (not (number_of("MessagePropertiesHeader.MessageClass") < 16384) and (not (((number_of("BaseHeader.Flags") % 16) ~= 0 or (floor(number_of("BaseHeader.Flags") / 32) % 2) ~= 0 or (floor(number_of("BaseHeader.Flags") / 256) % 2) ~= 0)) and values["MessagePropertiesHeader.Label"] == "QM Ordering Ack" and ((is_one_of((floor(number_of("UserHeader.Flags") / 1024) % 8), 2, 3, 4) and number_of("UserHeader.DestinationQueue.PrivateQueueIdentifier") == 4) or ends_with(values["UserHeader.DestinationQueue.DirectFormatName"], "\\private$\\order_queue$")))) then
      if not (number_of("MessagePropertiesHeader.MessageSize") == 36) then refuse("MSMQ_DECODE_BODY_SIZE", "MessagePropertiesHeader.MessageSize", "must be 36 in a FinalAck", "MessagePropertiesHeader.MessageSize") end
      inside("FinalAckBody", "MessagePropertiesHeader.MessageBody", read_final_ack_body_in_message_properties_header_message_body)
    end
    if (is_one_of(number_of("MessagePropertiesHeader.MessageClass"), 2, 16384, 32768, 32769, 32770, 32771, 32772, 32773, 32774, 32775, 32777, 32778, 32779, 49152, 49153, 49154, 49156) and not ((not (number_of("MessagePropertiesHeader.MessageClass") < 16384) and (not (((number_of("BaseHeader.Flags") % 16) ~= 0 or (floor(number_of("BaseHeader.Flags") / 32) % 2) ~= 0 or (floor(number_of("BaseHeader.Flags") / 256) % 2) ~= 0)) and values["MessagePropertiesHeader.Label"] == "QM Ordering Ack" and ((is_one_of((floor(number_of("UserHeader.Flags") / 1024) % 8), 2, 3, 4) and number_of("UserHeader.DestinationQueue.PrivateQueueIdentifier") == 4) or ends_with(values["UserHeader.DestinationQueue.DirectFormatName"], "\\private$\\order_queue$")))))) then
      inside("MessagePropertiesHeader", "MessagePropertiesHeader.CorrelationID", read_message_properties_header_in_message_properties_header_correlation_id)
    end
  end
  if not ((floor(number_of("BaseHeader.Flags") / 8) % 2) ~= 0) then
    if (((number_of("MessagePropertiesHeader.Flags") % 16) ~= 0) and not ((floor(number_of("UserHeader.Flags") / 8192) % 8) ~= 0)) then remark("UserHeader.Flags", E["mqqb.warning.ack_without_adminq"], "Acknowledgements are wanted but no administration queue is named ([MS-MQMQ] 2.2.19.2).") end
    if (not (((number_of("MessagePropertiesHeader.Flags") % 16) ~= 0)) and (floor(number_of("UserHeader.Flags") / 8192) % 8) ~= 0) then remark("UserHeader.Flags", E["mqqb.warning.adminq_without_ack"], "An administration queue is named but no acknowledgement is wanted ([MS-MQMQ] 2.2.19.2).") end
    if (floor(number_of("UserHeader.Flags") / 33554432) % 2) ~= 0 then remark("UserHeader.Flags", E["mqqb.warning.ah_set"], "UserHeader.Flags.AH must not be set when sent ([MS-MQMQ] 2.2.19.2).") end
    if (number_of("UserHeader.Flags") % 32) > 29 then remark("UserHeader.Flags", E["mqqb.warning.hop_count"], "UserHeader.Flags.RC is over 0x1D ([MS-MQMQ] 2.2.19.2).") end
    if ((floor(number_of("BaseHeader.Flags") / 256) % 2) ~= 0 and not ((floor(number_of("BaseHeader.Flags") / 32) % 2) ~= 0)) then remark("BaseHeader.Flags", E["mqqb.warning.trace_without_debug"], "BaseHeader.Flags.TR is set without DH ([MS-MQMQ] 2.2.19.1).") end
    if ((floor(number_of("UserHeader.Flags") / 1048576) % 2) ~= 0 and (number_of("BaseHeader.Flags") % 8) ~= 0) then remark("BaseHeader.Flags", E["mqqb.warning.transaction_priority"], "A transactional message must have priority 0 ([MS-MQMQ] 2.2.19.1).") end
    if ((floor(number_of("UserHeader.Flags") / 524288) % 2) ~= 0 and not ((number_of("SecurityHeader.SenderIdSize") ~= 0 or number_of("SecurityHeader.EncryptionKeySize") ~= 0 or number_of("SecurityHeader.SignatureSize") ~= 0 or number_of("SecurityHeader.SenderCertSize") ~= 0 or number_of("SecurityHeader.ProviderInfoSize") ~= 0))) then remark("SecurityHeader.Flags", E["mqqb.warning.security_empty"], "The SecurityHeader carries nothing ([MS-MQMQ] 2.2.20.6).") end
    if (sizes["UserMessage.Trailing"] or 0) ~= 0 then remark("UserMessage.Trailing", E["mqqb.warning.trailing_bytes"], "Bytes follow the last known header inside PacketSize.") end
    if ((floor(number_of("BaseHeader.Flags") / 16) % 2) ~= 0 and (offsets["SessionHeader.AckSequenceNumber"] or 0) < number_of("BaseHeader.PacketSize")) then remark("BaseHeader.PacketSize", E["mqqb.warning.session_inside"], "PacketSize counts the SessionHeader, against [MS-MQMQ] 2.2.19.1.") end
  end
  if ((sizes["SessionHeader.WindowSize"] or 0) ~= 0 and number_of("SessionHeader.WindowSize") == 0) then remark("SessionHeader.WindowSize", E["mqqb.warning.window_zero"], "SessionHeader.WindowSize is 0 ([MS-MQMQ] 2.2.20.4).") end
  if (number_of("InternalHeader.Flags") % 16) == 1 then
    if not ((number_of("SessionHeader.AckSequenceNumber") ~= 0 or number_of("SessionHeader.RecoverableMsgAckFlags") ~= 0)) then remark("SessionHeader.AckSequenceNumber", E["mqqb.note.ack_of_nothing"], "acknowledges no message") end
  end
end

-- Ping, [MS-MQQB] 2.2.7
local function read_ping()
  number("Ping.Flags", F["mqqb.ping.flags"], 2, M["mqqb.ping.flags"])
  number("Ping.Signature", F["mqqb.ping.signature"], 2)
  if not (number_of("Ping.Signature") == 21832) then refuse("MSMQ_DECODE_SIGNATURE", "Ping.Signature", "must be 0x5548", "Ping.Signature") end
  number("Ping.Cookie", F["mqqb.ping.cookie"], 4)
  guid("Ping.QMGuid", F["mqqb.ping.qmguid"])
  if given > 24 then refuse("MSMQ_DECODE_EXCESS", "Ping.QMGuid", "bytes follow; a ping has 24", "Ping.QMGuid") end
  if (floor(number_of("Ping.Flags") / 2) % 2) ~= 0 then remark("Ping.Flags", E["mqqb.note.refused"], "a session would be refused") end
end

local function read_ping_packet()
  structure("Ping", read_ping)
end

-- What a packet says beyond its fields: names as people know them, and the line in the list of packets.

local function guid_at(offset)
  local raw = buffer(offset, 16):raw()
  local b = { string.byte(raw, 1, 16) }
  return string.format(
    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
    b[4], b[3], b[2], b[1], b[6], b[5], b[8], b[7], b[9], b[10], b[11], b[12], b[13], b[14], b[15], b[16]
  )
end

local function derive(into, filter, value, name)
  local from = offsets[name]
  if into then into:add(F[filter], buffer(from, sizes[name]), value):set_generated() end
  return value
end

local function sequence_text(structure_name)
  return string.format(
    "%08x:%08x",
    values[structure_name .. ".TxSequenceID.TimeStamp"],
    values[structure_name .. ".TxSequenceID.Ordinal"]
  )
end

local function sequence(into, structure_name, filter)
  local value = sequence_text(structure_name)
  derive(into, filter, value, structure_name .. ".TxSequenceID.Ordinal")
  derive(into, "mqqb.txseq", value, structure_name .. ".TxSequenceID.Ordinal")
  return value
end

-- The format name of a queue; `machine` is the field with the GUID of the one that it is on, if it has a number only.
local function queue_text(queue, machine)
  local name = "UserHeader." .. queue
  if values[name .. ".DirectFormatName"] then
    return "DIRECT=" .. values[name .. ".DirectFormatName"], name .. ".DirectFormatName"
  end
  if offsets[name .. ".PublicQueueIdentifier"] then
    return "PUBLIC=" .. guid_at(offsets[name .. ".PublicQueueIdentifier"]), name .. ".PublicQueueIdentifier"
  end
  local queue_number = values[name .. ".PrivateQueueIdentifier"]
  if not queue_number then return nil end
  local owner = offsets[name .. ".SourceQueueManager"] or offsets[machine]
  return string.format("PRIVATE=%s\\%08x", guid_at(owner), queue_number), name .. ".PrivateQueueIdentifier"
end

-- By the type of the name: who sent the message, who gets it, or who has the administration queue.
local function machine_of(queue_type)
  if queue_type == 2 then return "UserHeader.SourceQueueManager" end
  if queue_type == 4 and offsets["UserHeader.AdminQueue.SourceQueueManager"] then
    return "UserHeader.AdminQueue.SourceQueueManager"
  end
  return "UserHeader.QueueManagerAddress"
end

local function queue(into, filter, queue_name, shift)
  local queue_type = floor(values["UserHeader.Flags"] / shift) % 8
  local value, name = queue_text(queue_name, machine_of(queue_type))
  if value then derive(into, filter, value, name) end
  return value
end

local function sid_text(from, size)
  local parts = { "S-1" }
  local high, low = buffer(from + 2, 2):uint(), buffer(from + 4, 4):uint()
  parts[2] = high == 0 and decimal(low) or string.format("0x%04x%08x", high, low)
  for offset = from + 8, from + size - 4, 4 do parts[#parts + 1] = decimal(buffer(offset, 4):le_uint()) end
  return table.concat(parts, "-")
end

local function recoverable_numbers(into)
  local first, bits = values["SessionHeader.RecoverableMsgAckSeqNumber"], values["SessionHeader.RecoverableMsgAckFlags"]
  local numbers = {}
  for bit = 0, 31 do
    if floor(bits / 2 ^ bit) % 2 == 1 then
      local acknowledged = floor((first + bit) % 65536)
      numbers[#numbers + 1] = decimal(acknowledged)
      derive(into, "mqqb.session.ackedrecoverable", acknowledged, "SessionHeader.RecoverableMsgAckFlags")
    end
  end
  return numbers
end

local PACKET_TYPES = { "SessionAck", "EstablishConnection", "ConnectionParameters" }

local function packet_type()
  if floor(values["BaseHeader.Flags"] / 8) % 2 == 1 then
    return PACKET_TYPES[floor(values["InternalHeader.Flags"] % 16)]
  end
  if values["OrderAckBody.TxSequenceNumber"] then return "OrderAck" end
  if values["FinalAckBody.TxSequenceNumber"] then return "FinalAck" end
  return "UserMessage"
end

local function class_name()
  local class = values["MessagePropertiesHeader.MessageClass"]
  return CLASSES[class] or string.format("class 0x%04x", class)
end

local function mark_infinite(name)
  if items[name] and values[name] == 4294967295 then items[name]:append_text(" (for ever)") end
end

local function message_line(into)
  local message = guid_at(offsets["UserHeader.SourceQueueManager"]) .. "\\" .. decimal(values["UserHeader.MessageID"])
  derive(into, "mqqb.message", message, "UserHeader.MessageID")
  local destination = queue(into, "mqqb.destination", "DestinationQueue", 1024)
  queue(into, "mqqb.admin", "AdminQueue", 8192)
  queue(into, "mqqb.response", "ResponseQueue", 65536)
  derive(into, "mqqb.sent", NSTime.new(values["UserHeader.SentTime"]), "UserHeader.SentTime")
  local sid = "SecurityHeader.SecurityData.SecurityID"
  if offsets[sid] and values["SecurityHeader.Flags"] % 16 == 1 then
    derive(into, "mqqb.security.securitydata.securityid.sid", sid_text(offsets[sid], sizes[sid]), sid)
  end
  local line = { "UserMessage ", decimal(values["UserHeader.MessageID"]) }
  if values["TransactionHeader.TxSequenceNumber"] then
    line[#line + 1] = " seq " .. sequence(into, "TransactionHeader", "mqqb.user.txseq")
    line[#line + 1] = " #" .. decimal(values["TransactionHeader.TxSequenceNumber"])
    line[#line + 1] = " (prev " .. decimal(values["TransactionHeader.PreviousTxSequenceNumber"]) .. ")"
  elseif floor(values["UserHeader.Flags"] / 32) % 4 == 1 then
    line[#line + 1] = " recoverable"
  end
  if values["MessagePropertiesHeader.MessageClass"] ~= 0 then line[#line + 1] = " " .. class_name() end
  local acknowledged = "MessagePropertiesHeader.CorrelationID.QueueManagerGuid"
  if offsets[acknowledged] then
    local about = guid_at(offsets[acknowledged]) .. "\\" .. decimal(values["MessagePropertiesHeader.CorrelationID.Ordinal"])
    line[#line + 1] = " of " .. derive(into, "mqqb.acknowledged", about, "MessagePropertiesHeader.CorrelationID")
  end
  local towards = destination and " → " .. string.gsub(destination, "^DIRECT=", "") or ""
  line[#line + 1] = towards .. ", " .. decimal(values["MessagePropertiesHeader.MessageSize"]) .. " bytes"
  return table.concat(line), towards
end

local function order_ack_line(into)
  return "OrderAck seq " .. sequence(into, "OrderAckBody", "mqqb.orderack.txseq")
    .. " up to #" .. decimal(values["OrderAckBody.TxSequenceNumber"])
end

local function final_ack_line(into)
  local about = guid_at(offsets["FinalAckBody.SourceGUID"]) .. "\\" .. decimal(values["FinalAckBody.MessageID"])
  derive(into, "mqqb.acknowledged", about, "FinalAckBody.MessageID")
  return "FinalAck " .. class_name() .. " seq " .. sequence(into, "FinalAckBody", "mqqb.finalack.txseq")
    .. " #" .. decimal(values["FinalAckBody.TxSequenceNumber"]) .. " of " .. about
end

local function session_line(numbers)
  local line = " ack " .. decimal(values["SessionHeader.AckSequenceNumber"])
  if #numbers > 0 then line = line .. ", on disk " .. table.concat(numbers, " ") end
  return line .. ", window " .. decimal(values["SessionHeader.WindowSize"])
end

local NIL_GUID = "00000000-0000-0000-0000-000000000000"

local function establish_line()
  local server = guid_at(offsets["EstablishConnectionHeader.ServerGuid"])
  return "EstablishConnection " .. guid_at(offsets["EstablishConnectionHeader.ClientGuid"]) .. " → "
    .. (server == NIL_GUID and "any" or server)
end

local function parameters_line()
  return "ConnectionParameters window " .. decimal(values["ConnectionParametersHeader.WindowSize"])
    .. ", ack within " .. decimal(values["ConnectionParametersHeader.AckTimeout"]) .. " ms, of recoverable ones within "
    .. decimal(values["ConnectionParametersHeader.RecoverableAckTimeout"]) .. " ms"
end

-- The line of a whole packet; `into` gets the derived fields.
local function tell(into, kind)
  mark_infinite("BaseHeader.TimeToReachQueue")
  mark_infinite("UserHeader.TimeToBeReceived")
  local refused = values["InternalHeader.Flags"] and floor(values["InternalHeader.Flags"] / 16) % 2 == 1
  local numbers = values["SessionHeader.AckSequenceNumber"] and recoverable_numbers(into)
  if kind == "EstablishConnection" then return establish_line() .. (refused and ", refused" or "") end
  if kind == "ConnectionParameters" then return parameters_line() .. (refused and ", refused" or "") end
  if kind == "SessionAck" then return "SessionAck" .. session_line(numbers) end
  local line, towards = message_line(into)
  if kind == "OrderAck" then line = order_ack_line(into) .. towards end
  if kind == "FinalAck" then line = final_ack_line(into) .. towards end
  if numbers then line = line .. " [SessionHeader" .. session_line(numbers) .. "]" end
  return line
end

-- TCP streams, which hold packets back to back, and pings, which are datagrams.

local BASE_HEADER_SIZE = 16
local SESSION_HEADER_SIZE = 16

local function add_expert(item, name, why)
  item:add_proto_expert_info(E[name], why)
end

-- Does a packet begin here, as far as its first 12 bytes tell?
local function begins_packet(tvb, offset)
  if offset + 12 > tvb:len() or tvb(offset, 1):uint() ~= VERSION_NUMBER then return false end
  if tvb(offset + 4, 4):le_uint() ~= PACKET_SIGNATURE then return false end
  local size = tvb(offset + 8, 4):le_uint()
  if floor(tvb(offset + 2, 2):le_uint() / 8) % 2 == 1 then return size == 32 or size == 36 or size == 572 end
  return size >= USER_MESSAGE_SIZE_MIN and size <= PACKET_SIZE_MAX
end

-- May these few bytes be the first of a packet, of which the others are still to come?
local function may_begin_packet(tvb, offset)
  local length = math.min(tvb:len() - offset, 8)
  if tvb(offset, 1):uint() ~= VERSION_NUMBER then return false end
  return length <= 4 or tvb(offset + 4, length - 4):raw() == string.sub("LIOR", 1, length - 4)
end

-- Bytes of the packet that begins here: PacketSize, and the SessionHeader unless PacketSize counts it, which
-- only its headers tell.
local function size_of_packet(tvb, offset)
  local size = tvb(offset + 8, 4):le_uint()
  local flags = tvb(offset + 2, 2):le_uint()
  if floor(flags / 8) % 2 == 1 or floor(flags / 16) % 2 == 0 or offset + size > tvb:len() then return size end
  local fault = try_reading(tvb(offset, size):tvb(), nil, read_packet)
  if fault and string.sub(fault.name, 1, 14) == "SessionHeader." then return size + SESSION_HEADER_SIZE end
  return size
end

local function malformed(item, fault)
  local name = fault.code:gsub("^MSMQ_DECODE_", "mqqb.malformed."):lower()
  local place = fault.item or fault.tree or item
  place:add_proto_expert_info(E[name], fault.name .. ": " .. fault.why)
  return "malformed: " .. fault.name .. " " .. fault.why
end

local function show_packet(tvb, root)
  local item = root:add(mqqb, tvb())
  local fault = try_reading(tvb, item, read_packet)
  if fault then
    local line = malformed(item, fault)
    item:append_text(", " .. line)
    return line
  end
  local kind = packet_type()
  item:add(F["mqqb.type"], tvb(0, given), kind):set_generated()
  item:add(F["mqqb.length"], tvb(0, given), given):set_generated()
  local line = tell(item, kind)
  item:append_text(", " .. line)
  return line
end

local function show_cut(tvb, root)
  local item = root:add(mqqb, tvb())
  try_reading(tvb, item, read_packet)
  add_expert(item, "mqqb.note.cut_short", "the capture holds only the first bytes of this packet")
  item:append_text(", cut short by the capture")
  return "packet cut short by the capture"
end

-- Offset of the next packet from `offset` on, or of the end.
local function next_packet(tvb, offset)
  local raw = tvb(offset):raw()
  local from = 1
  while true do
    local found = string.find(raw, "LIOR", from, true)
    if not found then return tvb:len() end
    if found > 4 and begins_packet(tvb, offset + found - 5) then return offset + found - 5 end
    from = found + 1
  end
end

local function show_skipped(tvb, offset, root)
  local stop = next_packet(tvb, offset + 1)
  local item = root:add(mqqb, tvb(offset, stop - offset))
  item:add(F["mqqb.skipped"], tvb(offset, stop - offset))
  local why = decimal(stop - offset) .. " bytes of no packet"
  add_expert(item, "mqqb.note.skipped", why .. ": the capture starts inside one, or misses a piece")
  item:append_text(", " .. why)
  return stop, why
end

-- A header that is damaged: what can be read of it, then on with the next that is whole.
local function show_damaged(tvb, offset, root)
  local stop = next_packet(tvb, offset + 1)
  return stop, show_packet(tvb(offset, stop - offset):tvb(), root)
end

-- Shows what begins at `offset`. Returns where it ends and its line, or what is missing to the end of the packet.
local function show_next(tvb, offset, root, is_whole)
  local left = tvb:len() - offset
  if left < 12 and may_begin_packet(tvb, offset) then
    if is_whole then return nil, DESEGMENT_ONE_MORE_SEGMENT end
    return tvb:len(), show_cut(tvb(offset):tvb(), root)
  end
  if begins_packet(tvb, offset) then
    local size = size_of_packet(tvb, offset)
    if size > left then
      if is_whole then return nil, size - left end
      return tvb:len(), show_cut(tvb(offset):tvb(), root)
    end
    return offset + size, show_packet(tvb(offset, size):tvb(), root)
  end
  local has_signature = left >= 8 and tvb(offset + 4, 4):le_uint() == PACKET_SIGNATURE
  if left >= 12 and (has_signature or tvb(offset, 1):uint() == VERSION_NUMBER) then
    return show_damaged(tvb, offset, root)
  end
  return show_skipped(tvb, offset, root)
end

-- Packets of one frame may come in several calls. What was shown in those before stays in the line, and this goes on.
local function set_line(pinfo, lines)
  if #lines == 0 then return end
  local line = table.concat(lines, "; ")
  if pinfo.private["mqqb.shown"] then line = "; " .. line end
  pinfo.private["mqqb.shown"] = "yes"
  pinfo.cols.info = line
end

local function dissect_stream(tvb, pinfo, root, can_wait)
  pinfo.cols.protocol = "MQQB"
  local lines = {}
  local offset = 0
  while offset < tvb:len() do
    local stop, line = show_next(tvb, offset, root, can_wait)
    if not stop then
      pinfo.desegment_offset = offset
      pinfo.desegment_len = line
      break
    end
    lines[#lines + 1] = line
    offset = stop
  end
  set_line(pinfo, lines)
  return tvb:len()
end

local function is_whole(tvb)
  return tvb:reported_len() == tvb:len()
end

function mqqb.dissector(tvb, pinfo, root)
  return dissect_stream(tvb, pinfo, root, pinfo.can_desegment > 0 and is_whole(tvb))
end

local function is_mqqb(tvb, pinfo, root)
  if tvb:len() < BASE_HEADER_SIZE or not begins_packet(tvb, 0) then return false end
  pinfo.conversation = mqqb
  dissect_stream(tvb, pinfo, root, is_whole(tvb)) -- TCP asks with can_desegment 0 here, and waits all the same
  return true
end

function ping.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = "MQQB"
  local item = root:add(mqqb, tvb())
  local fault = try_reading(tvb, item, read_ping_packet)
  if fault then
    pinfo.cols.info = "Ping, " .. malformed(item, fault)
    return tvb:len()
  end
  item:add(F["mqqb.type"], tvb(0, given), "Ping"):set_generated()
  item:add(F["mqqb.length"], tvb(0, given), given):set_generated()
  local line = "Ping " .. decimal(values["Ping.Cookie"]) .. " of " .. guid_at(offsets["Ping.QMGuid"])
  if floor(values["Ping.Flags"] / 2) % 2 == 1 then line = line .. ", would be refused" end
  item:append_text(", " .. line)
  pinfo.cols.info = line
  return tvb:len()
end

DissectorTable.get("tcp.port"):add(MSMQ_PORT, mqqb)
DissectorTable.get("udp.port"):add(MSMQ_PING_PORT, ping)
mqqb:register_heuristic("tcp", is_mqqb)

F["srmp.action"] = ProtoField.string("srmp.action", "path/action")
F["srmp.to"] = ProtoField.string("srmp.to", "path/to")
F["srmp.id"] = ProtoField.string("srmp.id", "path/id")
F["srmp.via"] = ProtoField.string("srmp.via", "path/rev/via")
F["srmp.expiresat"] = ProtoField.string("srmp.expiresat", "properties/expiresAt")
F["srmp.sentat"] = ProtoField.string("srmp.sentat", "properties/sentAt")
F["srmp.durable"] = ProtoField.bool("srmp.durable", "services/durable")
F["srmp.deliveryreceiptto"] = ProtoField.string("srmp.deliveryreceiptto", "services/deliveryReceiptRequest/sendTo")
F["srmp.commitmentreceiptto"] = ProtoField.string("srmp.commitmentreceiptto", "services/commitmentReceiptRequest/sendTo")
F["srmp.commitmentreceipt.positiveonly"] = ProtoField.bool("srmp.commitmentreceipt.positiveonly", "services/commitmentReceiptRequest/positiveOnly")
F["srmp.commitmentreceipt.negativeonly"] = ProtoField.bool("srmp.commitmentreceipt.negativeonly", "services/commitmentReceiptRequest/negativeOnly")
F["srmp.stream.streamid"] = ProtoField.string("srmp.stream.streamid", "stream/streamId")
F["srmp.stream.current"] = ProtoField.uint32("srmp.stream.current", "stream/current")
F["srmp.stream.previous"] = ProtoField.uint32("srmp.stream.previous", "stream/previous")
F["srmp.stream.sendreceiptsto"] = ProtoField.string("srmp.stream.sendreceiptsto", "stream/start/sendReceiptsTo")
F["srmp.streamreceipt.streamid"] = ProtoField.string("srmp.streamreceipt.streamid", "streamReceipt/streamId")
F["srmp.streamreceipt.lastordinal"] = ProtoField.uint32("srmp.streamreceipt.lastordinal", "streamReceipt/lastOrdinal")
F["srmp.deliveryreceipt.receivedat"] = ProtoField.string("srmp.deliveryreceipt.receivedat", "deliveryReceipt/receivedAt")
F["srmp.deliveryreceipt.id"] = ProtoField.string("srmp.deliveryreceipt.id", "deliveryReceipt/id")
F["srmp.commitmentreceipt.decidedat"] = ProtoField.string("srmp.commitmentreceipt.decidedat", "commitmentReceipt/decidedAt")
F["srmp.commitmentreceipt.decision"] = ProtoField.string("srmp.commitmentreceipt.decision", "commitmentReceipt/decision")
F["srmp.commitmentreceipt.id"] = ProtoField.string("srmp.commitmentreceipt.id", "commitmentReceipt/id")
F["srmp.msmq.class"] = ProtoField.uint32("srmp.msmq.class", "Msmq/Class")
F["srmp.msmq.priority"] = ProtoField.uint32("srmp.msmq.priority", "Msmq/Priority")
F["srmp.msmq.journal"] = ProtoField.bool("srmp.msmq.journal", "Msmq/Journal")
F["srmp.msmq.deadletter"] = ProtoField.bool("srmp.msmq.deadletter", "Msmq/DeadLetter")
F["srmp.msmq.correlation"] = ProtoField.string("srmp.msmq.correlation", "Msmq/Correlation")
F["srmp.msmq.trace"] = ProtoField.bool("srmp.msmq.trace", "Msmq/Trace")
F["srmp.msmq.connectortype"] = ProtoField.string("srmp.msmq.connectortype", "Msmq/ConnectorType")
F["srmp.msmq.app"] = ProtoField.uint32("srmp.msmq.app", "Msmq/App")
F["srmp.msmq.bodytype"] = ProtoField.uint32("srmp.msmq.bodytype", "Msmq/BodyType")
F["srmp.msmq.hashalgorithm"] = ProtoField.uint32("srmp.msmq.hashalgorithm", "Msmq/HashAlgorithm")
F["srmp.msmq.eod.first"] = ProtoField.bool("srmp.msmq.eod.first", "Msmq/Eod/First")
F["srmp.msmq.eod.last"] = ProtoField.bool("srmp.msmq.eod.last", "Msmq/Eod/Last")
F["srmp.msmq.eod.connectorid"] = ProtoField.string("srmp.msmq.eod.connectorid", "Msmq/Eod/ConnectorId")
F["srmp.msmq.provider.type"] = ProtoField.uint32("srmp.msmq.provider.type", "Msmq/Provider/Type")
F["srmp.msmq.provider.name"] = ProtoField.string("srmp.msmq.provider.name", "Msmq/Provider/Name")
F["srmp.msmq.sourceqmguid"] = ProtoField.string("srmp.msmq.sourceqmguid", "Msmq/SourceQmGuid")
F["srmp.msmq.destinationmqf"] = ProtoField.string("srmp.msmq.destinationmqf", "Msmq/DestinationMqf")
F["srmp.msmq.adminmqf"] = ProtoField.string("srmp.msmq.adminmqf", "Msmq/AdminMqf")
F["srmp.msmq.responsemqf"] = ProtoField.string("srmp.msmq.responsemqf", "Msmq/ResponseMqf")
F["srmp.msmq.ttrq"] = ProtoField.string("srmp.msmq.ttrq", "Msmq/TTrq")
local ELEMENTS = {
  ["envelope/header/path/action"] = { "srmp.action", "string" },
  ["envelope/header/path/to"] = { "srmp.to", "string" },
  ["envelope/header/path/id"] = { "srmp.id", "string" },
  ["envelope/header/path/rev/via"] = { "srmp.via", "string" },
  ["envelope/header/properties/expiresat"] = { "srmp.expiresat", "string" },
  ["envelope/header/properties/sentat"] = { "srmp.sentat", "string" },
  ["envelope/header/services/durable"] = { "srmp.durable", "present" },
  ["envelope/header/services/deliveryreceiptrequest/sendto"] = { "srmp.deliveryreceiptto", "string" },
  ["envelope/header/services/commitmentreceiptrequest/sendto"] = { "srmp.commitmentreceiptto", "string" },
  ["envelope/header/services/commitmentreceiptrequest/positiveonly"] = { "srmp.commitmentreceipt.positiveonly", "present" },
  ["envelope/header/services/commitmentreceiptrequest/negativeonly"] = { "srmp.commitmentreceipt.negativeonly", "present" },
  ["envelope/header/stream/streamid"] = { "srmp.stream.streamid", "string" },
  ["envelope/header/stream/current"] = { "srmp.stream.current", "number" },
  ["envelope/header/stream/previous"] = { "srmp.stream.previous", "number" },
  ["envelope/header/stream/start/sendreceiptsto"] = { "srmp.stream.sendreceiptsto", "string" },
  ["envelope/header/streamreceipt/streamid"] = { "srmp.streamreceipt.streamid", "string" },
  ["envelope/header/streamreceipt/lastordinal"] = { "srmp.streamreceipt.lastordinal", "number" },
  ["envelope/header/deliveryreceipt/receivedat"] = { "srmp.deliveryreceipt.receivedat", "string" },
  ["envelope/header/deliveryreceipt/id"] = { "srmp.deliveryreceipt.id", "string" },
  ["envelope/header/commitmentreceipt/decidedat"] = { "srmp.commitmentreceipt.decidedat", "string" },
  ["envelope/header/commitmentreceipt/decision"] = { "srmp.commitmentreceipt.decision", "string" },
  ["envelope/header/commitmentreceipt/id"] = { "srmp.commitmentreceipt.id", "string" },
  ["envelope/header/msmq/class"] = { "srmp.msmq.class", "number" },
  ["envelope/header/msmq/priority"] = { "srmp.msmq.priority", "number" },
  ["envelope/header/msmq/journal"] = { "srmp.msmq.journal", "present" },
  ["envelope/header/msmq/deadletter"] = { "srmp.msmq.deadletter", "present" },
  ["envelope/header/msmq/correlation"] = { "srmp.msmq.correlation", "string" },
  ["envelope/header/msmq/trace"] = { "srmp.msmq.trace", "present" },
  ["envelope/header/msmq/connectortype"] = { "srmp.msmq.connectortype", "string" },
  ["envelope/header/msmq/app"] = { "srmp.msmq.app", "number" },
  ["envelope/header/msmq/bodytype"] = { "srmp.msmq.bodytype", "number" },
  ["envelope/header/msmq/hashalgorithm"] = { "srmp.msmq.hashalgorithm", "number" },
  ["envelope/header/msmq/eod/first"] = { "srmp.msmq.eod.first", "present" },
  ["envelope/header/msmq/eod/last"] = { "srmp.msmq.eod.last", "present" },
  ["envelope/header/msmq/eod/connectorid"] = { "srmp.msmq.eod.connectorid", "string" },
  ["envelope/header/msmq/provider/type"] = { "srmp.msmq.provider.type", "number" },
  ["envelope/header/msmq/provider/name"] = { "srmp.msmq.provider.name", "string" },
  ["envelope/header/msmq/sourceqmguid"] = { "srmp.msmq.sourceqmguid", "string" },
  ["envelope/header/msmq/destinationmqf"] = { "srmp.msmq.destinationmqf", "string" },
  ["envelope/header/msmq/adminmqf"] = { "srmp.msmq.adminmqf", "string" },
  ["envelope/header/msmq/responsemqf"] = { "srmp.msmq.responsemqf", "string" },
  ["envelope/header/msmq/ttrq"] = { "srmp.msmq.ttrq", "string" },
}

F["srmp.kind"] = ProtoField.string("srmp.kind", "Kind")
F["srmp.label"] = ProtoField.string("srmp.label", "Label")
F["srmp.txseq"] = ProtoField.string("srmp.txseq", "Sequence")
F["srmp.stream.qm"] = ProtoField.string("srmp.stream.qm", "Queue manager of the stream")
F["srmp.part"] = ProtoField.string("srmp.part", "Part")
F["srmp.part.length"] = ProtoField.uint32("srmp.part.length", "Length")

-- SRMP: envelopes in the bodies of HTTP requests. HTTP is left to Wireshark's own dissector; this one looks at what
-- that has put together.

local http_body = Field.new("http.file_data")
local ENVELOPE_SIZE_MAX = 1048576
local DEPTH_MAX = 32
local NAMED = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

srmp.fields = of_protocol(all_fields(), "srmp")
srmp.experts = of_protocol(E, "srmp")

-- A number too long for Lua 5.4 comes as a negative one.
local function utf8_of(code)
  if code < 0 then return "?" end
  if code < 128 then return string.char(code) end
  if code < 2048 then return string.char(192 + floor(code / 64), 128 + code % 64) end
  if code < 65536 then return string.char(224 + floor(code / 4096), 128 + floor(code / 64) % 64, 128 + code % 64) end
  if code > 1114111 then return "?" end
  return string.char(240 + floor(code / 262144), 128 + floor(code / 4096) % 64, 128 + floor(code / 64) % 64, 128 + code % 64)
end

local function without_entities(content)
  return (string.gsub(content, "&(#?)(x?)(%w+);", function(hash, x, name)
    if hash == "" then return NAMED[x .. name] end
    local code = tonumber(name, x == "x" and 16 or 10)
    return code and utf8_of(floor(code))
  end))
end

-- From the end by hand: a pattern would look at a long gap once for each of its characters.
local function trimmed(content)
  local last = #content
  while last > 0 and string.find(content, "^%s", last) do last = last - 1 end
  return (string.gsub(string.sub(content, 1, last), "^%s+", ""))
end

-- Calls `found(path, content, first, last)` for each element with no element inside; paths are of local names, in
-- lower case. Returns what is wrong, or nil.
local function walk_xml(xml, found)
  local path, starts, is_leaf = {}, {}, {}
  local from = 1
  while true do
    local open = string.find(xml, "<", from, true)
    if not open then return #path > 0 and "ends inside <" .. path[#path] .. ">" or nil end
    local close
    if string.sub(xml, open, open + 3) == "<!--" then
      close = select(2, string.find(xml, "-->", open + 4, true))
    elseif string.sub(xml, open, open + 8) == "<![CDATA[" then
      close = select(2, string.find(xml, "]]>", open + 9, true))
    else
      close = string.find(xml, ">", open, true)
    end
    if not close then return "a tag that does not end" end
    local slash, name = string.match(string.sub(xml, open, close), "^<(/?)([^%s/>!?]+)")
    local localname = name and string.lower(string.gsub(name, "^.*:", ""))
    if localname and slash == "/" then
      if path[#path] ~= localname then return "</" .. name .. "> ends nothing" end
      if is_leaf[#path] then
        found(table.concat(path, "/"), string.sub(xml, starts[#path], open - 1), starts[#path], open - 1)
      end
      path[#path] = nil
    elseif localname then
      if #path >= DEPTH_MAX then return "elements within elements, too deep" end
      if #path > 0 then is_leaf[#path] = false end
      path[#path + 1] = localname
      starts[#path], is_leaf[#path] = close + 1, true
      if string.sub(xml, close - 1, close - 1) == "/" then
        found(table.concat(path, "/"), "", open, close)
        path[#path] = nil
      end
    end
    from = close + 1
  end
end

-- A number of 64 bits in decimal as two of 32 in hexadecimal: more than a double holds.
local function sequence_of(digits)
  local high, low = 0, 0
  for digit in string.gmatch(digits, "%d") do
    low = low * 10 + tonumber(digit)
    high = high * 10 + floor(low / 4294967296)
    low = low % 4294967296
    if high >= 4294967296 then return nil end
  end
  return string.format("%08x:%08x", floor(high), floor(low))
end

local function add_element(item, range, element, content)
  local filter, kind = element[1], element[2]
  local value = trimmed(without_entities(content))
  if kind == "present" then
    item:add(F[filter], range, true)
    return true
  end
  if kind == "string" then
    item:add(F[filter], range, value)
    return value
  end
  local numeric = string.match(value, "^%d+$") and #value <= 10 and tonumber(value)
  if not numeric or numeric > 4294967295 then
    item:add_proto_expert_info(E["srmp.malformed"], filter .. " is no number of 32 bits: " .. value)
    return nil
  end
  item:add(F[filter], range, numeric)
  return numeric
end

local function kind_of(met)
  if met["srmp.streamreceipt.lastordinal"] then
    return met["srmp.commitmentreceipt.decision"] and "finalStreamReceipt" or "streamReceipt"
  end
  if met["srmp.commitmentreceipt.decision"] then return "commitmentReceipt" end
  if met["srmp.deliveryreceipt.receivedat"] then return "deliveryReceipt" end
  return "user"
end

local function envelope_line(kind, met, sequence_id)
  local line = "SRMP " .. kind
  if sequence_id then line = line .. " seq " .. sequence_id end
  if met["srmp.stream.current"] then line = line .. " #" .. decimal(met["srmp.stream.current"]) end
  if met["srmp.stream.previous"] then line = line .. " (prev " .. decimal(met["srmp.stream.previous"]) .. ")" end
  if met["srmp.streamreceipt.lastordinal"] then line = line .. " up to #" .. decimal(met["srmp.streamreceipt.lastordinal"]) end
  if met["srmp.to"] then line = line .. " → " .. met["srmp.to"] end
  return line
end

local function show_envelope(range, item)
  local met = {}
  local fault = walk_xml(range:raw(), function(path, content, first, last)
    local element = ELEMENTS[path]
    if not element then return end
    local place = last >= first and range(first - 1, last - first + 1) or range
    met[element[1]] = add_element(item, place, element, content)
  end)
  if fault then item:add_proto_expert_info(E["srmp.malformed"], fault) end
  local kind = kind_of(met)
  item:add(F["srmp.kind"], range, kind):set_generated()
  local label = met["srmp.action"] and string.match(met["srmp.action"], "^MSMQ:(.*)$")
  if label then item:add(F["srmp.label"], range, label):set_generated() end
  local owner, digits = string.match(met["srmp.stream.streamid"] or met["srmp.streamreceipt.streamid"] or "", "^uid:(.-)\\(%d+)$")
  local sequence_id = digits and sequence_of(digits)
  if owner then item:add(F["srmp.stream.qm"], range, string.lower(owner)):set_generated() end
  if sequence_id then item:add(F["srmp.txseq"], range, sequence_id):set_generated() end
  return envelope_line(kind, met, sequence_id)
end

-- Parts of a multipart body: { headers, first, last }, counted from 1. MSMQ writes no line break before a delimiter
-- and says how long parts are.
local function parts_of(raw, boundary)
  local parts = {}
  local from = 1
  while true do
    local found, stop = string.find(raw, "--" .. boundary, from, true)
    if not found or string.sub(raw, stop + 1, stop + 2) == "--" then return parts end
    local head_end, body = string.find(raw, "\r\n\r\n", stop, true)
    if not head_end then return parts end
    local headers = string.lower(string.sub(raw, stop + 1, head_end + 1))
    local length = tonumber(string.match(headers, "\ncontent%-length:%s*(%d+)"))
    local last = length and body + length
    if not last or last > #raw then
      local following = string.find(raw, "--" .. boundary, body + 1, true) or #raw + 1
      last = following - 1
      if string.sub(raw, last - 1, last) == "\r\n" and not length then last = last - 2 end
    end
    parts[#parts + 1] = { headers = headers, first = body + 1, last = last }
    from = last + 1
  end
end

local function show_part(part, range, item)
  local size = part.last - part.first + 1
  local place = size > 0 and range(part.first - 1, size) or range
  local id = string.match(part.headers, "\ncontent%-id:%s*<?([^%s>]*)") or "no Content-Id"
  item:add(F["srmp.part"], place, id):add(F["srmp.part.length"], place, math.max(size, 0))
end

local function show_body(range, pinfo, root)
  local raw = range:raw()
  local boundary = string.match(raw, "^%s*%-%-([^\r\n]+)\r\n")
  local parts = boundary and parts_of(raw, boundary) or { { headers = "", first = 1, last = #raw } }
  local envelope = parts[1]
  if not envelope or envelope.last < envelope.first or envelope.last - envelope.first >= ENVELOPE_SIZE_MAX then return end
  local xml = range(envelope.first - 1, envelope.last - envelope.first + 1)
  if not string.find(xml:raw(), "http://schemas.xmlsoap.org/srmp/", 1, true) then return end
  local item = root:add(srmp, range)
  local line = show_envelope(xml, item)
  for index = 2, #parts do show_part(parts[index], range, item) end
  item:append_text(", " .. line)
  pinfo.cols.protocol = "SRMP"
  pinfo.cols.info:append(" " .. line)
end

function srmp.dissector(_, pinfo, root)
  for _, body in ipairs({ http_body() }) do
    if body.len > 0 then show_body(body.range, pinfo, root) end
  end
end

register_postdissector(srmp)
