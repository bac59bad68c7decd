import { html, type Markup } from './html.js'

/** Words of the field that not every reader knows: how they show in a text, the word, and what it means. */
const WORDS: readonly (readonly [shows: RegExp, word: string, meaning: string])[] = [
  [
    /\border acks?\b|\bOrderAck\b/i,
    'order ack',
    'the receipt that a receiving machine sends, some time after a transactional message has come, in a connection of its own, to the address the message came from. Until the sender has it, the sender keeps the message and sends it again and again.',
  ],
  [
    /\bStreamReceipt\b/,
    'StreamReceipt',
    'the order ack of messages over HTTP; it goes to the URL that the messages name.',
  ],
  [
    /\bsession acks?\b/i,
    'session ack',
    'a receipt inside of one connection: the bytes have come over. It does not free a transactional message; only the order ack does.',
  ],
  [
    /\boutgoing queues?\b/i,
    'outgoing queue',
    'where a sending machine keeps messages until it knows that they have arrived.',
  ],
  [
    /\bresen[dt]s?\b|\bsent again\b/i,
    'resend',
    'a message sent again because its receipt has not come. With MSMQ’s own timers that is after 30 seconds at first, and every six hours in the end.',
  ],
  [
    /\bsequences?\b/i,
    'sequence',
    'the numbered line of transactional messages from one sender to one queue. A receiver takes number 7 only after number 6.',
  ],
  [
    /\bQMId\b/,
    'QMId',
    'the number by which a machine with MSMQ is known. It is unique, unless machines were copied with MSMQ installed.',
  ],
  [
    /\bclones?\b/i,
    'clone',
    'a machine copied with MSMQ installed, so that several have one QMId and are taken for one another.',
  ],
  [
    /\bdead-letter(?:ed| queue)?\b/i,
    'dead-letter queue',
    'where a sender puts a message that it has given up, with the reason.',
  ],
  [
    /\bname[- ]validation\b/i,
    'name validation',
    'a receiver refuses messages for a machine name that is not its own, such as a cluster’s.',
  ],
  [
    /\btransactions?\b|\btransactional\b/i,
    'transaction',
    'messages that are to arrive all or none, once, and in order.',
  ],
  [
    /\b(?:load )?balancers?\b|\bthe gateway\b/i,
    'balancer',
    'one address in front of several machines; it gives each new connection to one of them. In the drawings: gateway.',
  ],
  [/\bbuckets?\b/i, 'bucket', 'Windows NLB sorts clients into 60 of them; each belongs to one host.'],
  [
    /\bconverge(?:s|d|nce)?\b/i,
    'convergence',
    'when hosts come or go, those of Windows NLB agree anew on who owns which bucket.',
  ],
  [
    /\bfront ends?\b/i,
    'front end',
    'a machine that takes messages over HTTP, stores them, and passes them on to the machine that has the queue.',
  ],
  [
    /\bmisrouted\b|\bwent astray\b|\backs? of others\b/i,
    'misrouted',
    'a receipt that came to a machine which does not wait for it, and throws it away.',
  ],
  [/\bseed\b/i, 'seed', 'the number that all chance of a run is drawn from: the same seed gives the same run.'],
]

/** Explains each word once on a page: where it is first read. */
export class Glossary {
  readonly #explained = new Set<string>()

  /** Lines for the words of `text` that no text before had. */
  explain(text: Markup | string): Markup | null {
    const plain = typeof text === 'string' ? text : text.text.replaceAll(/<style.*?<\/style>|<[^>]*>/gs, ' ')
    const fresh = WORDS.filter(([shows, word]) => !this.#explained.has(word) && shows.test(plain))
    if (fresh.length === 0) return null
    for (const [, word] of fresh) this.#explained.add(word)
    return html`<dl class="glossary">${fresh.map(([, word, meaning]) => html`<div><dt>${word}</dt><dd>${meaning}</dd></div>`)}</dl>`
  }
}
