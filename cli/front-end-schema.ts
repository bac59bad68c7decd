import { z } from 'zod'
import { oneOrMany } from '../lab/yaml-file.js'
import { qmSchema } from './qm-schema.js'

/* What the file of `mqlab front-end` may say: all that of `mqlab qm --config`, and where messages over HTTP go. */

const RULES_MAX = 65_536

const url = z.string().trim().min(1).max(2048)
const redirections = oneOrMany(z.strictObject({ from: url, to: url }), RULES_MAX).default([])

export const frontEndSchema = qmSchema.extend({
  /** Mapping files as Windows has them, or directories of them. */
  mapping: oneOrMany(z.string().min(1).max(4096)).default([]),
  /** A mapping file that cannot be used keeps the front end from starting. */
  strict: z.boolean().default(false),
  /** As `<redirections>` says, before what the files say. */
  inbound: redirections,
  /** Whose host messages to others are sent to instead. */
  outbound: redirections,
  /** Destinations that `outbound` is not for. */
  outboundExceptions: oneOrMany(url, RULES_MAX).default([]),
  /** What `sendReceiptsTo` says in streams to these destinations. */
  streamReceipts: redirections,
  /** What it says in other streams. */
  defaultStreamReceipt: url.exactOptional(),
  /** Messages for other machines are taken and sent on without a rule. */
  transparent: z.boolean().default(false),
})

export type FrontEndFile = z.output<typeof frontEndSchema>
