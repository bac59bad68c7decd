/**
 * The one place that knows which rows of KB 899611, "Message Queuing can function over Network Load Balancing", a balancer
 * of some kind satisfies. The rows are Microsoft's [D]; what each kind makes of them follows from the addresses that the
 * receiver sees ([MS-MQQB] 3.1.7.17: an order ack goes to the session's peer) and was seen in runs.
 */
export interface BalancerKind {
  /** Whether hosts see the client's own address or one of the balancer's. It decides where order acks go. */
  readonly source: 'keep' | 'translate'
  /** Address that packets have when a host gets them. */
  readonly destination: 'cluster' | 'host'
  /** What is given to a host at a time. */
  readonly unit: 'connection' | 'request'
  /** Whether all sessions of one client go to one host, as long as hosts neither come nor go. */
  readonly staysWithHost: boolean
}

export interface KbRow {
  /** 1 to 6, in the order of the KB's matrix. */
  readonly row: number
  readonly style: string
  readonly satisfied: 'yes' | 'on condition' | 'no'
  /** The statements that a run can show: `NLB-1` and so on. */
  readonly behaviours: readonly string[]
  readonly why: string
}

export function kbRows(kind: BalancerKind): readonly KbRow[] {
  return [
    {
      row: 1,
      style: 'plain messages, DIRECT=TCP',
      satisfied: kind.destination === 'cluster' ? 'yes' : 'on condition',
      behaviours: ['NLB-1'],
      why:
        kind.destination === 'cluster'
          ? 'hosts hold the cluster address that the messages name'
          : 'hosts are not bound to the cluster address that the messages name: no current release is known to mind, MSMQ 1.0 did (KB 306416)',
    },
    {
      row: 2,
      style: 'plain messages, DIRECT=OS',
      satisfied: 'on condition',
      behaviours: ['NLB-2', 'NLB-3'],
      why: 'IgnoreOSNameValidation=1 on every receiver, and the service restarted; without it messages to the cluster name are discarded',
    },
    {
      row: 3,
      style: 'plain messages, DIRECT=HTTP',
      satisfied: 'yes',
      behaviours: ['NLB-4'],
      why: `each ${kind.unit} may go to any host`,
    },
    {
      row: 4,
      style: 'transactions over HTTP, front ends',
      satisfied: 'on condition',
      behaviours: ['NLB-5'],
      why: 'every host behind this address maps the queue to one single back end, and receipts go to the sender by name, past the balancer',
    },
    {
      row: 5,
      style: 'transactions, queues on the hosts',
      satisfied: 'no',
      behaviours: ['NLB-6', 'NLB-13', 'NLB-14', 'NLB-15'],
      why: kind.staysWithHost
        ? 'each host keeps sequence state of its own: as soon as a client changes its host, duplicates, torn transactions, stuck sequences'
        : `each host keeps sequence state of its own, and the next ${kind.unit} may go elsewhere: duplicates, torn transactions, stuck sequences`,
    },
    {
      row: 6,
      style: 'transactions, binary protocol',
      satisfied: 'no',
      behaviours: kind.source === 'translate' ? ['NLB-11', 'NLB-12'] : ['NLB-8', 'NLB-15'],
      why:
        kind.source === 'translate'
          ? 'hosts see the balancer as the source, so order acks go to the balancer and on to a receiver, never to the sender'
          : `order acks reach a sender that hosts can route to on TCP 1801; unsupported all the same, since ${kind.staysWithHost ? 'state is lost when hosts come or go' : 'a new session may meet a host without its state'}`,
    },
  ]
}

/** In lines that a comment can hold, without its sign. */
export function kbLines(kind: BalancerKind): string[] {
  return [
    'Message queuing through this configuration (rows of KB 899611; NLB-…: statements that mqlab proves in runs):',
    ...kbRows(kind).flatMap(({ row, style, satisfied, behaviours, why }) => [
      `  ${row}  ${style.padEnd(36)} ${satisfied.padEnd(13)} ${behaviours.join(' ')}`,
      `     ${why}`,
    ]),
    `  Order ack reaches the sender: ${kind.source === 'translate' ? 'no' : 'yes, where hosts can route to it'}.`,
    `  Sequence state stays with one host: ${staysText(kind)}.`,
    '  Public queues and names by GUID fail at the handshake: use direct names of private queues (NLB-7).',
    '  Never the PROXY protocol: MSMQ takes its preamble for a broken packet and closes ([MS-MQQB] 3.1.5.1.2).',
  ]
}

function staysText({ staysWithHost, unit }: BalancerKind): string {
  if (staysWithHost) return 'as long as hosts neither come nor go'
  return unit === 'request' ? 'no, each request is drawn anew' : 'only within one TCP connection'
}
