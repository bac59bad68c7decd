import type { Rule } from '../rule.js'
import { ADDRESSING_RULES } from './addressing.js'
import { BALANCER_RULES } from './balancer.js'
import { IDENTITY_RULES } from './identities.js'
import { QUEUE_RULES } from './queues.js'
import { SENDER_RULES } from './senders.js'
import { TRANSACTION_RULES } from './transactions.js'

/** Every rule, in the order in which people ask. */
export const RULES: readonly Rule[] = [
  ...ADDRESSING_RULES,
  ...TRANSACTION_RULES,
  ...SENDER_RULES,
  ...BALANCER_RULES,
  ...QUEUE_RULES,
  ...IDENTITY_RULES,
]
