import { writeFileSync } from 'node:fs'
import { DISSECTOR_FILE } from './dissector-file.js'
import { dissectorLua } from './generate.js'

/* A program: writes the dissector anew. */

writeFileSync(DISSECTOR_FILE, dissectorLua())
