/** The parts that processes of a benchmark play. Each starts with its options and answers commands; modules are loaded
 *  only by the process that plays them. */
export const ROLES = {
  'raw-writer': async () => (await import('./roles/raw-writer.js')).startRawWriter,
  'raw-counter': async () => (await import('./roles/raw-counter.js')).startRawCounter,
  'proxy-plane': async () => (await import('./roles/proxy-plane.js')).startProxyPlane,
  'echo-server': async () => (await import('./roles/echo-server.js')).startEchoServer,
  'echo-client': async () => (await import('./roles/echo-client.js')).startEchoClient,
  'nlb-gateway': async () => (await import('./roles/nlb-gateway.js')).startNlbGateway,
  'connection-opener': async () => (await import('./roles/connection-opener.js')).startConnectionOpener,
  'session-holder': async () => (await import('./roles/session-holder.js')).startSessionHolder,
  'lmdb-writer': async () => (await import('./roles/lmdb-writer.js')).startLmdbWriter,
  'peer-publisher': async () => (await import('./roles/peer-publisher.js')).startPeerPublisher,
  'peer-consumer': async () => (await import('./roles/peer-consumer.js')).startPeerConsumer,
  'engine-sender': async () => (await import('./roles/engine-sender.js')).startEngineSender,
  'engine-receiver': async () => (await import('./roles/engine-receiver.js')).startEngineReceiver,
  'engine-lone': async () => (await import('./roles/engine-lone.js')).startEngineLone,
  'queue-keeper': async () => (await import('./roles/queue-keeper.js')).startQueueKeeper,
  'record-judge': async () => (await import('./roles/record-judge.js')).startRecordJudge,
  'http-poster': async () => (await import('./roles/http-poster.js')).startHttpPoster,
  'http-answerer': async () => (await import('./roles/http-answerer.js')).startHttpAnswerer,
  'http-plane': async () => (await import('./roles/http-plane.js')).startHttpPlane,
  'front-end': async () => (await import('./roles/front-end.js')).startFrontEnd,
  'engine-pacer': async () => (await import('./roles/engine-pacer.js')).startEnginePacer,
}

export type RoleName = keyof typeof ROLES
type Starter<K extends RoleName> = Awaited<ReturnType<(typeof ROLES)[K]>>
export type RoleOptions<K extends RoleName> = Parameters<Starter<K>>[0]
export type RoleCommands<K extends RoleName> = Awaited<ReturnType<Starter<K>>>

/** Commands of any role as the process that carries them sees them: values in and out must survive a structured clone. */
export type AnyCommands = Record<string, (argument: unknown) => unknown>

export function isRoleName(name: string): name is RoleName {
  return Object.hasOwn(ROLES, name)
}

/** Starts a role in this process. */
export async function startRoleHere(name: RoleName, options: unknown): Promise<AnyCommands> {
  const start = (await ROLES[name]()) as unknown as (options: unknown) => Promise<AnyCommands>
  return await start(options)
}
