import { type Deployment, fewNames, type Machine, type Send, settingOf } from '../deployment.js'
import { always, type Prediction, sometimes } from '../prediction.js'
import type { Rule, RuleFinding } from '../rule.js'
import type { TopologySender } from '../topology-schema.js'
import { trial } from '../trial.js'
import { IGNORE_NAMES, oneForEachSender } from './balanced-sends.js'

/* The QMId, by which queue managers know each other. */

const REMEDY_WORKGROUP =
  'in workgroup mode: stop the service, delete QMId below HKLM\\SOFTWARE\\Microsoft\\MSMQ\\Parameters\\MachineCache, set SysPrep = 1 (DWORD) below Parameters, start the service'
const REMEDY_DIRECTORY = 'in a directory: install Message Queuing anew, which makes a new object with a new QMId'

/** Machines that share a QMId, a group each. */
function cloneGroups({ machines }: Deployment): Machine[][] {
  const groups = new Map<string, Machine[]>()
  for (const machine of machines) groups.set(machine.identity, [...(groups.get(machine.identity) ?? []), machine])
  return [...groups.values()].filter(group => group.length > 1)
}

const remedyFor = (group: readonly Machine[]) =>
  group.some(({ definition }) => definition.membership === 'directory') ? REMEDY_DIRECTORY : REMEDY_WORKGROUP

/** What the machines send by names that receivers answer by their cache: those that carry a QMId. */
function cachedSends({ sends }: Deployment, group: readonly Machine[]): Send[] {
  return sends
    .filter(({ senders }) => senders.some(sender => group.includes(sender)))
    .flatMap(send => {
      const destinations = send.destinations.filter(({ style, at }) => style === 'qmid' && at !== 'balancer')
      return destinations.length === 0 ? [] : [{ ...send, destinations }]
    })
}

/** Whether a receiver's row for the QMId is gone before the next machine is heard. */
function isSlow(sends: readonly Send[], deployment: Deployment): boolean {
  const lifetimeS = Math.max(
    ...[...deployment.nodes, ...deployment.backEnds].map(node => settingOf(node, 'QMIdCacheLifetime')),
  )
  const perS = sends.reduce((sum, { ratePerS, senders }) => sum + ratePerS * senders.length, 0)
  return perS * lifetimeS < 0.5
}

const clonedMachines: Rule = {
  id: 'QMID-1/cloned-machines',
  about: 'machines with the QMId of another',
  verdicts: ['unsupported'],
  shownBy: 'nothing by itself: see QMID-3 and QMID-5',
  check: deployment =>
    cloneGroups(deployment).map(group => ({
      verdict: 'unsupported',
      path: group[0]?.path ?? [],
      reason: `${fewNames(group)} were copied with message queuing installed and have one QMId, by which others tell queue managers apart: neither name nor address counts`,
      consequence:
        'to everybody else they are one machine with many addresses; acknowledgements, sequences and the memory of duplicates get mixed up',
      remedy: `${remedyFor(group)}; and install Message Queuing after machines are deployed, not before`,
      proof: { notRun: 'what it leads to is in the rows on acknowledgements' },
    })),
}

const acksToClones: Rule = {
  id: 'QMID-3/acks-to-another-clone',
  about: 'clones that send transactions by names with QMIds, often enough to meet in a cache',
  verdicts: ['unsupported'],
  shownBy: 'order acks land on another clone',
  check: deployment =>
    cloneGroups(deployment).flatMap((group): RuleFinding[] => {
      const sends = cachedSends(deployment, group)
      if (!sends.some(({ isTransactional }) => isTransactional) || isSlow(sends, deployment)) return []
      return [
        {
          verdict: 'unsupported',
          path: sends[0]?.path ?? [],
          reason: `a receiver remembers one address for the QMId of ${fewNames(group)}, and sends the order acks for all of them there`,
          consequence:
            'the wrong machine discards them; messages stick in outgoing queues for no obvious reason, and leave as inexplicably once the entry has expired; some are given up as undelivered',
          remedy: remedyFor(group),
          proof: cloneTrial(deployment, sends, sometimes({ misroutedAcks: '>= 1' }, 'qmid-cached', 'order-ack-sent')),
        },
      ]
    }),
}

const slowClones: Rule = {
  id: 'QMID-5/slow-clones',
  about: 'clones that send so seldom that cache entries expire in between',
  verdicts: ['unsupported'],
  shownBy: 'every order ack comes home, for now',
  check: deployment =>
    cloneGroups(deployment).flatMap((group): RuleFinding[] => {
      const sends = cachedSends(deployment, group)
      if (!sends.some(({ isTransactional }) => isTransactional) || !isSlow(sends, deployment)) return []
      return [
        {
          verdict: 'unsupported',
          path: sends[0]?.path ?? [],
          reason: `${fewNames(group)} share a QMId, and send so seldom that a receiver has mostly forgotten one before it hears the next`,
          consequence: 'hardly ever a delay; it begins when there are more machines, or more messages',
          remedy: remedyFor(group),
          proof: cloneTrial(deployment, sends, always({ delivered: 'all', unacknowledged: 0 }, 'order-ack-sent')),
        },
      ]
    }),
}

function cloneTrial(deployment: Deployment, sends: readonly Send[], prediction: Prediction) {
  return trial(deployment, { sends: oneForEachSender(sends), settingsOf: IGNORE_NAMES, prediction })
}

const renewedIdentity: Rule = {
  id: 'QMID-8/renewed-in-a-workgroup',
  about: 'copied machines whose QMId was deleted and made anew',
  verdicts: ['supported'],
  shownBy: 'every order ack comes home',
  check: deployment =>
    renewed(deployment, 'workgroup').map(group => {
      const sends = cachedSends(deployment, group)
      return {
        verdict: 'supported',
        path: group[0]?.path ?? [],
        reason: `${fewNames(group)} were copied, and have each made a QMId of their own: QMId deleted, SysPrep = 1, service started`,
        consequence: 'they are different machines again; what receivers had cached of them expires',
        proof:
          sends.length === 0
            ? { notRun: 'they send nothing by a name with a QMId' }
            : cloneTrial(deployment, sends, always({ delivered: 'all', misroutedAcks: 0, unacknowledged: 0 })),
      }
    }),
}

const renewedInDirectory: Rule = {
  id: 'QMID-9/renewed-in-a-directory',
  about: 'copied machines of a directory whose QMId was deleted in the registry',
  verdicts: ['unsupported'],
  shownBy: 'nothing: mqlab has no directory',
  check: deployment =>
    renewed(deployment, 'directory').map(group => ({
      verdict: 'unsupported',
      path: group[0]?.path ?? [],
      reason: `${fewNames(group)} are in a directory, where the QMId is kept in the computer's msmqConfiguration object: deleting it in the registry does not change that`,
      consequence: 'the directory and the machine disagree on who it is, or it takes the old QMId back',
      remedy: REMEDY_DIRECTORY,
      proof: { notRun: 'mqlab has no directory' },
    })),
}

function renewed({ topology, machines }: Deployment, membership: 'workgroup' | 'directory'): Machine[][] {
  const definitions = [...topology.senders, ...topology.nodes, ...topology.backEnds]
  return definitions
    .filter(definition => definition.identity === 'renewed' && definition.membership === membership)
    .map(definition => machines.filter(machine => machine.definition === definition))
}

const addressChanges: Rule = {
  id: 'QMID-2/address-changes',
  about: 'senders whose address changes, and whose acks are addressed by a cache',
  verdicts: ['supported-if'],
  shownBy: 'order acks go to the old address until the entry has expired',
  check: deployment =>
    deployment.sends.flatMap((send): RuleFinding[] => {
      const moving = send.senders.filter(
        ({ definition }) => (definition as Partial<TopologySender>).addressChanges === true,
      )
      const destinations = send.destinations.filter(({ style }) => style === 'qmid')
      if (!send.isTransactional || moving.length === 0 || destinations.length === 0) return []
      return [
        {
          verdict: 'supported-if',
          condition: 'a delay of minutes after each change does no harm',
          path: send.path,
          reason: `receivers remember QMId and address of ${fewNames(moving)}, and send order acks for names with QMIds to the address that they remember`,
          consequence:
            'after a change of address or a new NAT, messages stay unacknowledged until the entry has aged, or until the services were restarted',
          remedy:
            'give senders fixed addresses, restart the service after a change, or use direct names: those are answered to the address of the session',
          proof: movingTrial(deployment, { ...send, senders: moving, destinations }),
        },
      ]
    }),
}

/** A machine at its new address is, to a receiver, a second machine with the QMId of the one at the old. */
function movingTrial(deployment: Deployment, send: Send): RuleFinding['proof'] {
  const [mover] = send.senders
  if (mover === undefined) return { notRun: 'nobody sends' }
  const moved: Machine = { ...mover, name: `${mover.name.slice(0, 9)}-moved`, identity: mover.name }
  return trial(deployment, {
    sends: [
      { ...send, senders: [mover] },
      { ...send, senders: [moved] },
    ],
    messages: 12,
    ratePerS: 1,
    stress: `${mover.name} sends from its old address and from its new one (${moved.name}) at a time`,
    prediction: sometimes({ misroutedAcks: '>= 1' }, 'order-ack-sent'),
  })
}

export const IDENTITY_RULES: readonly Rule[] = [
  clonedMachines,
  addressChanges,
  acksToClones,
  slowClones,
  renewedIdentity,
  renewedInDirectory,
]
