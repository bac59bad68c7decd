/** TCP port of the binary protocol. [MS-MQQB] 2.1.1. */
export const MSMQ_PORT = 1801
/** UDP port of its ping. [MS-MQQB] 2.1.2. */
export const MSMQ_PING_PORT = 3527
