/** What a queue manager counted since it started. Counters tell the story of peers that misbehave, too. */
export function createCounters() {
  return {
    connectionsAccepted: 0,
    connectionsClosedBeforeHandshake: 0,
    sessionsOpened: 0,
    sessionsClosed: 0,
    sessionsRefused: 0,
    connectAttempts: 0,
    connectFailures: 0,
    malformedPackets: 0,
    outOfStatePackets: 0,
    protocolViolations: 0,
    /** Times a session stopped reading, for its peer does not read or the store falls behind. */
    readingPaused: 0,
    /** Sessions closed because a message had no room on this machine: the peer keeps it, and tries again. */
    quotaCloses: 0,
    /** Sessions closed because all of them together held too much of packets that were not whole. */
    unfinishedPacketsGivenUp: 0,
    pingsAnswered: 0,
    pingsIgnored: 0,
    userMessagesSent: 0,
    userMessagesReceived: 0,
    sessionAcksSent: 0,
    sessionAcksReceived: 0,
    sessionHeadersPiggybacked: 0,
    /** Requests posted over HTTP, and how they were answered. */
    httpPosts: 0,
    httpAnswersByStatus: {} as Record<number, number>,
    /** Requests that came in over HTTP, and the statuses they got. */
    httpRequests: 0,
    httpStatusesGiven: {} as Record<number, number>,
    /** Requests that were no SRMP message. */
    malformedRequests: 0,
    /** Messages for other machines that were taken to be sent on. */
    forwarded: 0,
    orderAcksSent: 0,
    orderAcksReceived: 0,
    orderAcksUnmatched: 0,
    finalAcksSent: 0,
    finalAcksReceived: 0,
    finalAcksUnmatched: 0,
    adminAcksSent: 0,
    /** The same by message class. */
    adminAcksByClass: {} as Record<number, number>,
    /** Acknowledgements for which there was no room. */
    acknowledgementsDropped: 0,
    delivered: 0,
    duplicatesRejected: 0,
    outOfSequenceRejected: 0,
    discardedByNameValidation: 0,
    discardedOtherwise: 0,
    /** All messages that were not put into a queue, duplicates too, by DiscardReason. */
    discardedByReason: {} as Record<string, number>,
    resends: 0,
    deadLettered: 0,
    /** Copies in the journal of messages that this machine sent. */
    sourceJournaled: 0,
    reportsSent: 0,
    /** Express messages that a restart lost, as the store had counted them. */
    expressLost: 0,
    /** Messages in all outgoing queues now. */
    outgoingMessages: 0,
    /** Bytes of messages held now, in outgoing and local queues; without those of system queues. */
    messageBytes: 0,
    /** Bytes held now in journals, dead-letter and other system queues. */
    systemBytes: 0,
    /** Messages held now that a crash loses (MQ-2). */
    expressHeld: 0,
    /** Copies for a journal or dead-letter queue that was full. */
    copiesDropped: 0,
    /** Packets that the store could not give back. */
    unreadablePackets: 0,
  }
}

export type Counters = ReturnType<typeof createCounters>
