import { readFileSync } from 'node:fs'
import { PACKET_SIGNATURE, PACKET_SIZE_MAX, VERSION_NUMBER } from '../../protocol/binary/base-header.js'
import { PACKET_LAYOUT } from '../../protocol/binary/packet-layout.js'
import { PING_LAYOUT } from '../../protocol/binary/ping.js'
import { USER_MESSAGE_SIZE_MIN } from '../../protocol/binary/user-message-layout.js'
import { MessageClass } from '../../protocol/message-class.js'
import { MSMQ_PING_PORT, MSMQ_PORT } from '../../protocol/ports.js'
import { MQQB_DERIVED } from './derived-fields.js'
import { DISSECTOR_MARK } from './dissector-file.js'
import { contentsOf } from './filter-names.js'
import { flagPlaces, quoted } from './lua-expression.js'
import { luaDerivedFields, luaExperts, luaFields } from './lua-fields.js'
import { luaFunctions } from './lua-layout.js'
import { luaSrmpElements, SRMP_DERIVED } from './srmp-elements.js'

const HEAD = `${DISSECTOR_MARK}
--
-- Message Queuing binary protocol ([MS-MQQB], TCP 1801 and wherever it is recognised), its ping (UDP 3527), and the
-- parts of SRMP ([MC-MQSRM]) in HTTP. For Wireshark 4.0 and later: Lua 5.2 and 5.4 alike. Install it by
-- \`mqlab dissector install\`, or put it into the personal Lua plugins folder, see docs/dissector.md.
--
-- Made from the tables that mqlab's own decoders are held against (protocol/binary/*.ts) and from
-- capture/wireshark/parts/*.lua. Do not edit it: after a change there, build and run
--
--     node build/capture/wireshark/regenerate.js
`

/** The dissector, as it is committed. */
export function dissectorLua(): string {
  const layouts = [...PACKET_LAYOUT, PING_LAYOUT]
  const contents = contentsOf(layouts)
  const flags = flagPlaces(contents)
  return [
    HEAD,
    part('declarations'),
    luaFields(contents),
    luaDerivedFields(MQQB_DERIVED),
    luaExperts(contents),
    part('registration'),
    constants(),
    part('reading'),
    luaFunctions('read_packet', PACKET_LAYOUT, flags),
    luaFunctions('read_ping_packet', [PING_LAYOUT], flags),
    part('telling'),
    part('streaming'),
    luaSrmpElements(),
    luaDerivedFields(SRMP_DERIVED),
    part('srmp'),
  ].join('\n')
}

function constants(): string {
  const numbers = {
    MSMQ_PORT,
    MSMQ_PING_PORT,
    VERSION_NUMBER,
    PACKET_SIGNATURE,
    PACKET_SIZE_MAX,
    USER_MESSAGE_SIZE_MIN,
  }
  const classes = Object.entries(MessageClass).map(([name, code]) => `  [0x${code.toString(16)}] = ${quoted(name)},\n`)
  const lines = Object.entries(numbers).map(([name, value]) => `local ${name} = ${value}\n`)
  return `${lines.join('')}local CLASSES = {\n${classes.join('')}}\n`
}

/** Written by hand; found from where this file is built to. */
function part(name: string): string {
  return readFileSync(new URL(`../../../capture/wireshark/parts/${name}.lua`, import.meta.url), 'utf8')
}
