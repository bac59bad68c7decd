import { type Deployment, fewNames, holderOf, type Machine, queueOf, type Send, targetsOf } from '../deployment.js'
import type { Destination } from '../destination.js'
import { always, sometimes } from '../prediction.js'
import type { Rule, RuleFinding } from '../rule.js'
import { trial } from '../trial.js'
import { IGNORE_NAMES, sendText } from './balanced-sends.js'

/* The queues at the other end. */

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024

function eachDestination(
  deployment: Deployment,
  judge: (send: Send, destination: Destination) => RuleFinding | null,
): RuleFinding[] {
  return deployment.sends.flatMap(send =>
    send.destinations.flatMap(destination => {
      const found = judge({ ...send, destinations: [destination] }, destination)
      return found === null ? [] : [found]
    }),
  )
}

const queueType: Rule = {
  id: 'MQ-3/queue-type',
  about: 'transactional messages and plain queues, or the reverse',
  verdicts: ['unsupported'],
  shownBy: 'nothing is delivered',
  check: deployment =>
    eachDestination(deployment, (send, destination) => {
      const wrong = targetsOf(destination, deployment).filter(machine => {
        const queue = machine === null ? undefined : queueOf(machine, destination.queue)
        return queue !== undefined && queue.transactional !== send.isTransactional
      })
      if (wrong.length === 0) return null
      return {
        verdict: 'unsupported',
        path: send.path,
        reason: send.isTransactional
          ? `${destination.queue} on ${fewNames(machinesOf(wrong))} is no transactional queue, and takes no message of a transaction`
          : `${destination.queue} on ${fewNames(machinesOf(wrong))} is a transactional queue, and takes messages of transactions only`,
        consequence: send.isTransactional
          ? 'every message is refused and ends in the transactional dead-letter queue of its sender'
          : 'every message is discarded; without dead-lettering or negative acknowledgements nobody is told',
        remedy: send.isTransactional
          ? 'create the queue anew as a transactional one (the property cannot be changed), or send without a transaction'
          : 'send in a transaction, or create the queue anew as a plain one',
        proof: trial(deployment, {
          sends: [send],
          messages: 12,
          settingsOf: IGNORE_NAMES,
          prediction: always({ delivered: 0 }),
          mayNotLand: true,
        }),
      }
    }),
}

const machinesOf = (list: readonly (Machine | null)[]) => list.filter(machine => machine !== null)

const noSuchQueue: Rule = {
  id: 'MQ-8/no-such-queue',
  about: 'queues that not every machine has to which a message can come',
  verdicts: ['unsupported'],
  shownBy: 'messages are not delivered',
  check: deployment =>
    eachDestination(deployment, (send, destination) => {
      if (destination.isPublic) return null
      const found = targetsOf(destination, deployment)
      // what front ends do not map is told by NLB-6/several-back-ends
      const forwarding = destination.at === 'balancer' && deployment.nodes.some(({ isFrontEnd }) => isFrontEnd)
      if (!found.includes(null) || (forwarding && found.length > 1)) return null
      const everywhere = found.length === 1
      const lacking =
        destination.at === 'balancer'
          ? deployment.nodes.filter(node => holderOf(node, destination.queue ?? '', deployment) === null)
          : machinesOf([destination.at])
      const prediction = everywhere
        ? always({ delivered: 0 })
        : sometimes([{ lost: '>= 1' }, { deadLettered: '>= 1' }, { unacknowledged: '>= 1' }], 'balanced')
      return {
        verdict: 'unsupported',
        path: send.path,
        reason: `${fewNames(lacking)} ${lacking.length === 1 ? 'has' : 'have'} no queue ${destination.queue}, and ${everywhere ? 'all' : 'some'} of ${sendText(send)} come there`,
        consequence: 'what comes there is refused: dead-lettered where that was asked for, otherwise gone',
        remedy: `create ${destination.queue} on ${fewNames(lacking)}`,
        proof: trial(deployment, { sends: [send], settingsOf: IGNORE_NAMES, prediction, mayNotLand: true }),
      }
    }),
}

const tooBig: Rule = {
  id: 'MQ-1/message-too-big',
  about: 'messages of more than 4 MB',
  verdicts: ['unsupported'],
  shownBy: 'nothing: such a message is refused where it is sent',
  check: ({ sends }) =>
    sends
      .filter(({ sizeBytes }) => sizeBytes > MESSAGE_BYTES_MAX)
      .map(({ path, sizeBytes }) => ({
        verdict: 'unsupported',
        path: [...path, 'sizeBytes'],
        reason: `a message has 4 MB at most, with its properties, and these have ${sizeBytes.toLocaleString('en-US')} bytes`,
        consequence: 'the call that sends them fails',
        remedy: 'send what is big in pieces, or by another way, and its place in a message',
        proof: { notRun: 'such a message is refused where it is sent' },
      })),
}

const quota: Rule = {
  id: 'MQ-12/quota',
  about: 'queue quotas that hold less than comes while nobody reads',
  verdicts: ['supported-if', 'unsupported'],
  shownBy: 'nothing: quotas of a queue are no part of a scenario',
  check: deployment =>
    eachDestination(deployment, (send, destination) => {
      const places = targetsOf(destination, deployment).flatMap(
        machine =>
          machine?.queues
            .filter(({ name }) => name.toLowerCase() === destination.queue?.toLowerCase())
            .map(queue => ({ machine, queue })) ?? [],
      )
      const [place] = places.filter(({ queue }) => queue.quotaKB !== undefined)
      if (place === undefined) return null
      const bytes = (place.queue.quotaKB ?? 0) * 1024
      const seconds = bytes / (send.sizeBytes * send.ratePerS * Math.max(1, send.senders.length))
      const nothingFits = bytes < send.sizeBytes
      return {
        verdict: nothingFits ? 'unsupported' : 'supported-if',
        ...(nothingFits ? {} : { condition: `nobody stops reading for longer than ${durationText(seconds)}` }),
        path: [...place.machine.path, 'queues'],
        reason: nothingFits
          ? `${destination.queue} holds ${place.queue.quotaKB} KB, and one message has ${send.sizeBytes.toLocaleString('en-US')} bytes`
          : `${destination.queue} holds ${place.queue.quotaKB} KB; at the rate of the file it is full after ${durationText(seconds)} without a reader, if one node gets everything`,
        consequence:
          'a full queue takes nothing more: plain messages are refused or dead-lettered, transactional ones wait with their sender',
        remedy: 'raise the quota, or watch the queue',
        proof: { notRun: 'quotas of a queue are no part of a scenario' },
      }
    }),
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.max(1, Math.round(seconds))} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`
}

export const QUEUE_RULES: readonly Rule[] = [tooBig, queueType, noSuchQueue, quota]
