import { utcText } from '../diagnosis/output/capture-times.js'
import type { DiagnosedCapture } from '../diagnosis/output/diagnosed-capture.js'
import type { Machine } from '../diagnosis/output/machines.js'
import { printable } from '../diagnosis/output/printable.js'
import { styled, table } from './output.js'

const HEADER = ['QMId', 'names', 'role', 'address', 'MAC', 'system started', 'sent', 'received', 'clock ahead']

/** Who is who: a line for each address of each queue manager, and the balancers that translate. */
export function describeMachines({ machines, translations }: DiagnosedCapture): string {
  if (machines.length === 0) return 'No queue manager said who it is: no handshake was captured.\n'
  const several = machines.filter(({ addresses }) => addresses.length > 1)
  return [
    table(machines.flatMap(machineRows), HEADER),
    ...several.map(
      ({ qmId, addresses }) =>
        `${styled('yellow', `${qmId} is at ${addresses.length} addresses`)}: clones, or one machine with several\n`,
    ),
    translations.length === 0
      ? ''
      : `\n${styled('bold', 'Balancers')}\n${table(
          translations.map(({ client, virtual, host, seenAs, connections }) => [
            client,
            virtual,
            host,
            seenAs === client ? `${seenAs} (kept)` : styled('red', seenAs),
            connections,
          ]),
          ['client', 'connects to', 'host', 'which sees', 'connections'],
        )}`,
  ].join('')
}

function machineRows({ qmId, names, roles, addresses, sent, received, clockAheadS }: Machine) {
  const rest = [sent, received, clockAheadS === null ? null : `${clockAheadS} s`]
  const places = addresses.length === 0 ? [null] : addresses
  return places.map((place, index) => [
    index === 0 ? qmId : '',
    index === 0 ? printable(names.join(', ')) : '',
    index === 0 ? roles.join(', ') : '',
    place?.address ?? null,
    place?.mac ?? null,
    place === null || place.startedUs === null ? null : utcText(place.startedUs).slice(0, 19).replace('T', ' '),
    ...(index === 0 ? rest : ['', '', '']),
  ])
}
