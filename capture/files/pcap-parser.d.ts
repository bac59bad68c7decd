/** The part of pcap-parser 0.2.1 that is used. It has no types of its own. */
declare module 'pcap-parser' {
  export interface PcapGlobalHeader {
    magicNumber: string
    majorVersion: number
    minorVersion: number
    gmtOffset: number
    timestampAccuracy: number
    snapshotLength: number
    linkLayerType: number
  }

  export interface PcapPacketHeader {
    timestampSeconds: number
    /** Nanoseconds, where that is the file's resolution. */
    timestampMicroseconds: number
    capturedLength: number
    originalLength: number
  }

  export interface Parser {
    on(event: 'globalHeader', listener: (header: PcapGlobalHeader) => void): this
    on(event: 'packetHeader', listener: (header: PcapPacketHeader) => void): this
    on(event: 'packetData', listener: (data: Buffer) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    /** What it holds of the stream and has not used. Not documented; read and emptied by our reader. */
    buffer: Buffer | null
  }

  /** What it wants of a stream. */
  export interface PcapStream {
    pause(): void
    resume(): void
    on(event: string, listener: (data: Buffer) => void): void
  }

  export function parse(stream: PcapStream): Parser
}
