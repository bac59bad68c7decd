import type { FrameRef } from '../../capture/frame.js'

/** What a frame is called where there may be several files: `frame 12`, `b.pcapng frame 12`. */
export class FrameNames {
  readonly #files: readonly string[]

  /** `files` as given, in the order of `fileIndex`. */
  constructor(files: readonly string[]) {
    const short = files.map(file => file.split(/[\\/]/).at(-1)!)
    this.#files = files.map((file, index) =>
      short.filter(name => name === short[index]).length > 1 ? file : short[index]!,
    )
  }

  /** The file's own name, with its folders only where two have the same. */
  file(fileIndex: number): string {
    return this.#files[fileIndex] ?? `file ${fileIndex}`
  }

  frame({ number, fileIndex }: FrameRef): string {
    return this.#files.length > 1 ? `${this.file(fileIndex)} frame ${number}` : `frame ${number}`
  }

  /** `frames 12 and 15`; `a.pcap frames 12 and 15, b.pcap frame 3`. At most `most` of them, and how many more. */
  list(frames: readonly FrameRef[], most = 12): string {
    const shown = frames.slice(0, most)
    const texts = Array.from(byFile(shown), ([fileIndex, numbers]) => {
      const name = this.#files.length > 1 ? `${this.file(fileIndex)} ` : ''
      return `${name}${numbers.length === 1 ? 'frame' : 'frames'} ${listed(numbers)}`
    })
    const more = frames.length - shown.length
    return `${texts.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
  }

  /** Wireshark display filters that show these frames, one for each file: `frame.number in {12, 15..17}`. */
  filters(frames: readonly FrameRef[], most = 200): { readonly file: string; readonly filter: string }[] {
    return Array.from(byFile(frames), ([fileIndex, numbers]) => ({
      file: this.file(fileIndex),
      filter: displayFilter(numbers.slice(0, most)),
    }))
  }
}

/** Each frame once, by number, files in the order of their first. */
function byFile(frames: readonly FrameRef[]): Map<number, number[]> {
  const files = new Map<number, number[]>()
  for (const { fileIndex, number } of frames) {
    const numbers = files.get(fileIndex)
    if (numbers === undefined) files.set(fileIndex, [number])
    else numbers.push(number)
  }
  for (const [fileIndex, numbers] of files)
    files.set(
      fileIndex,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
  return files
}

function displayFilter(numbers: readonly number[]): string {
  if (numbers.length === 1) return `frame.number == ${numbers[0]}`
  const ranges: [from: number, to: number][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  const texts = ranges.flatMap(([from, to]) =>
    from === to ? [`${from}`] : to === from + 1 ? [`${from}`, `${to}`] : [`${from}..${to}`],
  )
  return `frame.number in {${texts.join(', ')}}`
}

function listed(numbers: readonly number[]): string {
  if (numbers.length < 2) return numbers.join('')
  return `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`
}
