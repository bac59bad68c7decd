import type { Socket } from 'node:net'

/** Up to and without the last digit, which is the only one that is changed. */
const CONTINUE_HEAD = Buffer.from('HTTP/1.1 10', 'latin1')
const ZERO = 0x30
const TWO = 0x32

/**
 * Lets an HTTP client that knows no `100 Continue` read from a server that sends one unasked, as some do to every POST.
 * undici takes it for a breach and cuts the connection, while it skips every other interim answer; so each 100 becomes
 * a 102 on its way in. Nothing changes its length, and a body that happens to hold the same text is not looked at here.
 */
export function skipContinueAnswers(socket: Socket): void {
  const read = socket.read.bind(socket)
  let matched = 0
  socket.read = size => {
    const bytes: Buffer | null = read(size)
    if (bytes !== null) matched = disguiseContinue(bytes, matched)
    return bytes
  }
}

/** `matched` bytes of the head were the last of the piece before; returns the same for the next piece. */
export function disguiseContinue(bytes: Buffer, matched: number): number {
  let at = 0
  while (at < bytes.length) {
    if (matched === 0) {
      at = bytes.indexOf(CONTINUE_HEAD[0]!, at)
      if (at === -1) return 0
    }
    const byte = bytes[at]
    if (matched === CONTINUE_HEAD.length) {
      if (byte === ZERO) bytes[at] = TWO
      matched = 0
    } else if (byte === CONTINUE_HEAD[matched]) {
      matched++
      at++
    } else if (matched === 0) {
      at++
    } else {
      // Only its first byte can begin the head again, and that is what this one is compared with next.
      matched = 0
    }
  }
  return matched
}
