/** Numbers the IP packets that leave one address: the Identification field of RFC 791. */
export class Identifications {
  #packets = 0

  next(): number {
    this.#packets = (this.#packets + 1) & 0xffff
    return this.#packets
  }
}
