import { createHash } from 'node:crypto'
import { ACK_TEXTS, DISCARD_TEXTS, FAULT_TEXTS } from '../journey-text.js'
import { startDiagram } from './client/start-diagram.js'
import { saveFile, startEvents } from './client/start-events.js'
import { readData, startReport, startTheme } from './client/start-report.js'
import { decodeColumn, decodeColumns } from './columns.js'
import { eventText } from './event-text.js'
import { escapeHtml } from './html.js'
import { indexEvents, sentMessages, traceMessage } from './message-trace.js'
import { unpackData } from './report-data.js'
import { runFaults } from './run-faults.js'
import { lifelinesOf, spaceTimeDiagram } from './space-time-diagram.js'
import { timeText } from './time-text.js'

/** What goes into the page by its own text: each uses nothing but these and what every browser has. */
const FUNCTIONS: readonly ((...parts: never[]) => unknown)[] = [
  timeText,
  escapeHtml,
  eventText,
  decodeColumn,
  decodeColumns,
  unpackData,
  runFaults,
  indexEvents,
  sentMessages,
  traceMessage,
  lifelinesOf,
  spaceTimeDiagram,
  saveFile,
  startDiagram,
  startEvents,
  startTheme,
  readData,
  startReport,
]

/** Words that they use. */
const CONSTANTS = { ACK_TEXTS, DISCARD_TEXTS, FAULT_TEXTS }

/** The one script of a report: its words, its functions, and the call that starts it. */
export const REPORT_SCRIPT = `'use strict'\n${Object.entries(CONSTANTS)
  .map(([name, value]) => `const ${name} = ${JSON.stringify(value)}\n`)
  .join('')}${FUNCTIONS.map(code => code.toString()).join('\n')}\nstartReport(document)\n`

/** By which a Content-Security-Policy lets this script run, and no other. */
export const REPORT_SCRIPT_HASH = `sha256-${createHash('sha256').update(REPORT_SCRIPT).digest('base64')}`
