/** The dissector that goes with this build. */
export const DISSECTOR_FILE = new URL('../../../capture/wireshark/mqqb.lua', import.meta.url)

/** First line of every dissector of ours, by which installing knows that it may overwrite one. */
export const DISSECTOR_MARK = '-- MSMQ for Wireshark and tshark, by mqlab.'
