/** Namespaces of envelopes. Source: [MC-MQSRM] 2.2.3, 2.2.7. */
export const Namespace = {
  soap: 'http://schemas.xmlsoap.org/soap/envelope/',
  srmp: 'http://schemas.xmlsoap.org/srmp/',
  rp: 'http://schemas.xmlsoap.org/rp/',
  msmq: 'msmq.namespace.xml',
  signature: 'http://www.w3.org/2000/02/xmldsig#',
} as const

/** Section of the specification that a rule is from. */
export function srmpSection(number: string): string {
  return `[MC-MQSRM] ${number}`
}
