import { writeFileSync } from 'node:fs'
import { dissectorPath } from './dissector-file.js'
import { dissectorLua } from './generate.js'

/* A program: writes the dissector anew. */

writeFileSync(dissectorPath(), dissectorLua())
