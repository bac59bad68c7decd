/** `aa:bb:cc:dd:ee:ff`, of the six bytes there. */
export function macText(bytes: Buffer, offset: number): string {
  return bytes.toString('hex', offset, offset + 6).replace(/..(?!$)/g, '$&:')
}
