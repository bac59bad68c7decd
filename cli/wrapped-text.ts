const COLUMNS = 100

/** `text` in lines of so many columns, each after `indent`. */
export function wrapped(text: string, indent: string, columns = COLUMNS): string {
  let out = ''
  let line = indent
  for (const word of text.split(/\s+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > columns) {
      out += `${line}\n`
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return `${out}${line}\n`
}
