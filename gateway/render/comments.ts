const WIDTH = 110

/** Text as a comment: `#` before each line, long ones broken, and nothing in it that ends a line. */
export function comment(lines: readonly string[], indent = ''): string[] {
  return lines.flatMap(line =>
    wrapped(oneLine(line), WIDTH - indent.length).map(part => `${indent}# ${part}`.trimEnd()),
  )
}

/** Names come from people; in a configuration none may begin a line of its own. */
export function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
}

function wrapped(line: string, width: number): string[] {
  const margin = /^ */.exec(line)![0]
  const hanging = /^ *- /.test(line) ? `${margin}  ` : margin
  const parts: string[] = []
  let part = margin
  for (const word of line.trim().split(/(?<=\S)(?= )/)) {
    if (part.trim() !== '' && part.length + word.length > width) {
      parts.push(part)
      part = hanging + word.trimStart()
    } else part += word
  }
  parts.push(part)
  return parts
}

/** An address as it stands before a port. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
