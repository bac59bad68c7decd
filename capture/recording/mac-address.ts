/** Of a machine whose own is not known: made from its IP address, always the same, and marked as locally administered. */
export function madeUpMac(ip: Uint8Array): Buffer {
  if (ip.length === 4) return Buffer.from([0x02, 0x4d, ...ip])
  const mac = Buffer.from([0x02, 0x36, 0, 0, 0, 0])
  // all of an IPv6 address counts, mixed as FNV-1a does
  let hash = 0x811c9dc5
  for (const byte of ip) hash = Math.imul(hash ^ byte, 0x01000193)
  mac.writeUInt32BE(hash >>> 0, 2)
  return mac
}
