import { utcText } from '../diagnosis/output/capture-times.js'
import type { DiagnosedCapture } from '../diagnosis/output/diagnosed-capture.js'
import type { Machine } from '../diagnosis/output/machines.js'
import { printable } from '../diagnosis/output/printable.js'
import { styled, table } from './output.js'

const HEADER = ['QMId', 'names', 'role', 'address', 'MAC', 'system started', 'sent', 'received', 'clock ahead']

/**
 * Who is who: a line for each address of each queue manager, and the balancers that translate. A terminal of `columns` that
 * is too narrow for that has a paragraph for each queue manager.
 */
export function describeMachines(
  { machines, translations }: DiagnosedCapture,
  columns = Number.POSITIVE_INFINITY,
): string {
  if (machines.length === 0) return 'No queue manager said who it is: no handshake was captured.\n'
  const several = machines.filter(({ addresses }) => addresses.length > 1)
  const rows = table(machines.flatMap(machineRows), HEADER)
  const isTooWide = rows.split('\n').some(line => line.length > columns)
  return [
    isTooWide ? machines.map(machineParagraph).join('') : rows,
    several.length === 0 ? '' : '\n',
    ...several.map(
      ({ qmId, addresses }) =>
        `${styled('yellow', `${qmId} is at ${addresses.length} addresses`)}:\n  clones, or one machine with several\n`,
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

function machineParagraph({ qmId, names, roles, addresses, sent, received, clockAheadS }: Machine): string {
  const who = [printable(names.join(', ')), roles.join(', ')].filter(text => text !== '')
  const clock = clockAheadS === null ? '' : `, clock ${clockAheadS} s ahead`
  const places = addresses.map(({ address, mac, startedUs }) => [
    address,
    mac,
    startedUs === null ? null : `system started ${startText(startedUs)}`,
  ])
  return [
    `${styled('bold', qmId)}${who.length === 0 ? '' : `  ${who.join('; ')}`}\n`,
    ...places.map(place => `  ${place.filter(text => text !== null).join('  ')}\n`),
    `  sent ${sent.toLocaleString('en-US')}, received ${received.toLocaleString('en-US')}${clock}\n`,
  ].join('')
}

function machineRows({ qmId, names, roles, addresses, sent, received, clockAheadS }: Machine) {
  const rest = [sent, received, clockAheadS === null ? null : `${clockAheadS} s`]
  const places = addresses.length === 0 ? [null] : addresses
  return places.map((place, index) => [
    index === 0 ? qmId : '',
    index === 0 ? printable(names.join(', ')) || null : '',
    index === 0 ? roles.join(', ') || null : '',
    place?.address ?? null,
    place?.mac ?? null,
    place === null || place.startedUs === null ? null : startText(place.startedUs),
    ...(index === 0 ? rest : ['', '', '']),
  ])
}

const startText = (startedUs: number) => utcText(startedUs).slice(0, 19).replace('T', ' ')
