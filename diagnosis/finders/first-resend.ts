import { DEFAULT_SETTINGS } from '../../queue-manager/settings.js'

/** MSMQ's first resend interval: an order ack that takes longer is missed by its sender. */
export const FIRST_RESEND_US = DEFAULT_SETTINGS.SeqResend13Time * 1e6
