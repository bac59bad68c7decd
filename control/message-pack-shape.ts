/** What a decoder would have to make room for, found out before it does. */
export interface ShapeLimits {
  /** Arrays and maps inside each other. */
  readonly depthMax: number
  /** Elements of all arrays, keys and values of all maps together. */
  readonly itemsMax: number
}

/**
 * Walks over MessagePack without building anything: null when `bytes` are exactly one value within the limits, else why
 * not. A decoder reserves room for as many elements as an array says it has, so that a few bytes of headers inside each
 * other would cost gigabytes.
 */
export function messagePackFault(bytes: Uint8Array, limits: ShapeLimits): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Elements still to come of each array or map that is open. */
  const open: number[] = []
  let items = 0
  let at = 0
  let wanted = 1
  for (;;) {
    while (wanted === 0) {
      const outer = open.pop()
      if (outer === undefined) return at === bytes.length ? null : `${bytes.length - at} bytes after the value`
      wanted = outer
    }
    wanted -= 1
    if (at >= bytes.length) return 'cut short'
    const type = bytes[at]!
    const head = HEAD_BYTES[type]!
    if (head === 0) return `byte 0x${type.toString(16)} begins no value`
    if (at + head > bytes.length) return 'cut short'
    const size = sizeAt(view, at, type, head)
    at += head
    if (!isContainer(type)) {
      at += size
      if (at > bytes.length) return 'cut short'
      continue
    }
    const elements = isMap(type) ? size * 2 : size
    items += elements
    if (elements > bytes.length - at) return 'an array or map of more elements than there are bytes'
    if (items > limits.itemsMax) return `more than ${limits.itemsMax} elements`
    open.push(wanted)
    if (open.length > limits.depthMax) return `more than ${limits.depthMax} levels`
    wanted = elements
  }
}

const isMap = (type: number) => (type & 0xf0) === 0x80 || type === 0xde || type === 0xdf
const isContainer = (type: number) => isMap(type) || (type & 0xf0) === 0x90 || type === 0xdc || type === 0xdd

/** Bytes of each type's head: the type itself, and the length or count that follows it. 0 for the one type there is not. */
const HEAD_BYTES: readonly number[] = Array.from({ length: 256 }, (_, type) => {
  if (type === 0xc1) return 0
  if (type === 0xc4 || type === 0xd9) return 2
  if (type === 0xc5 || type === 0xda || type === 0xdc || type === 0xde || type === 0xc7) return 3
  if (type === 0xc8) return 4
  if (type === 0xc6 || type === 0xdb || type === 0xdd || type === 0xdf) return 5
  if (type === 0xc9) return 6
  return 1
})

/** Bytes after the head, or the number of elements (pairs, for a map). */
function sizeAt(view: DataView, at: number, type: number, head: number): number {
  if (type < 0x80 || type >= 0xe0) return 0
  if (type < 0xa0) return type & 0x0f
  if (type < 0xc0) return type & 0x1f
  switch (type) {
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
    case 0xd4:
      return 2
    case 0xd5:
      return 3
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xd6:
      return 5
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xd7:
      return 9
    case 0xd8:
      return 17
    // extensions have their kind after their length
    case 0xc7:
      return view.getUint8(at + 1)
    case 0xc8:
      return view.getUint16(at + 1)
    case 0xc9:
      return view.getUint32(at + 1)
  }
  if (head === 2) return view.getUint8(at + 1)
  if (head === 3) return view.getUint16(at + 1)
  return head === 5 ? view.getUint32(at + 1) : 0
}
