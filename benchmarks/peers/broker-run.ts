import { type BenchmarkContext, warmUp } from '../benchmark.js'
import { BODY_BYTES, judgeDelivery } from '../engine-pair.js'
import type { Sample } from '../figure.js'
import type { StartRole } from '../processes.js'
import type { Address } from '../roles/address.js'
import type { Broker } from './broker.js'

/** A publisher and a consumer at one broker, each a process. */
export interface BrokerRun {
  readonly title: string
  readonly unconfirmedMax: number
  /** As with two queue managers: until the sender has every confirmation, or until everything was consumed too. */
  sample(until: 'confirmed' | 'consumed', messages: number): Promise<Sample>
}

/** Messages on their way that are tried, and the number of messages of a trial. */
const UNCONFIRMED = [256, 1024, 4096]
const TRIAL_SHARE = 0.25

/** Starts both applications and finds out how many messages on their way make this broker fastest. */
export async function startBrokerRun(
  context: BenchmarkContext,
  start: StartRole,
  broker: Broker,
  at: Address,
  messages: number,
): Promise<BrokerRun> {
  const publisher = await start('peer-publisher', { broker: broker.name, at })
  const consumer = await start('peer-consumer', { broker: broker.name, at })
  let runs = 0
  const sample = async (until: 'confirmed' | 'consumed', count: number, unconfirmedMax: number): Promise<Sample> => {
    runs += 1
    const queue = `bench-${broker.name}-${runs}`
    await publisher.call('create', queue)
    const receivedUs = await consumer.call('processorUs')
    if (until === 'consumed') await consumer.call('consume', queue)
    const run = await publisher.call('publish', {
      queue,
      sender: runs,
      messages: count,
      bodyBytes: BODY_BYTES,
      unconfirmedMax,
    })
    if (until === 'confirmed') await consumer.call('consume', queue)
    const tally = await consumer.call('consumed', count)
    await publisher.call('delete', queue)
    const untilUs = until === 'consumed' ? Math.max(run.untilUs, tally.atUs) : run.untilUs
    const { confirmed, refused } = run
    const verdict = judgeDelivery({ offered: count, accepted: confirmed, refused, outgoing: 0 }, tally, null)
    return {
      value: (count * 1e6) / (untilUs - run.fromUs),
      cost: { sendUs: run.processorUs / count, receiveUs: (tally.processorUs - receivedUs) / count },
      verdict: verdict.ok ? { ...verdict, says: 'each once, in order' } : verdict,
    }
  }
  const best = { unconfirmedMax: UNCONFIRMED[0]!, value: 0 }
  const trial = Math.max(64, Math.round(messages * TRIAL_SHARE))
  await warmUp(context, () => sample('consumed', trial, best.unconfirmedMax))
  // Twice: what disturbs the machine for a moment must not decide.
  for (const unconfirmedMax of context.cold ? [] : [...UNCONFIRMED, ...UNCONFIRMED]) {
    const { value } = await sample('consumed', trial, unconfirmedMax)
    if (value > best.value) Object.assign(best, { unconfirmedMax, value })
  }
  return {
    title: broker.title,
    unconfirmedMax: best.unconfirmedMax,
    sample: (until, count) => sample(until, count, best.unconfirmedMax),
  }
}
