const COLUMNS = 100

/** A space at which no line is broken: what stands on both sides of it is one word. */
export const NO_BREAK = '\u00a0'

/** `text` in lines of so many columns, each after `indent`. */
export function wrapped(text: string, indent: string, columns = COLUMNS): string {
  let out = ''
  let line = indent
  for (const word of text.split(/[^\S\u00a0]+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > columns) {
      out += `${line}\n`
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return `${out}${line}\n`.replaceAll(NO_BREAK, ' ')
}
