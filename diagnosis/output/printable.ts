// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/**
 * What a machine wrote into its packets, fit for a terminal: names and queues are the network's words, and could move the
 * cursor, change colours, or turn the direction of writing.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
