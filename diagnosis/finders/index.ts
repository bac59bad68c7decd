import type { FinderFactory } from '../context.js'
import { findOrderAcks } from './order-acks.js'

/** Every finder. */
export const FINDERS: readonly FinderFactory[] = [findOrderAcks]
