// The process that serves: owns the data directory's admin socket, an engine and its front until a signal ends them.
// What a program reads goes to stdout, the log to stderr.
import { plainly } from '../../base/plain-text.ts';
import type { Golden, VersionRecord } from '../../domain/records.ts';
import type { Engine } from '../../engine/engine.ts';
import { priceOf } from '../../judge/checks/detectability.ts';
import { assertOpenFiles } from '../../base/open-files.ts';
import { AdminSocket } from '../../engine/admin-socket.ts';
import { demoDefaultModel, registerDemoModels } from '../demo/models.ts';
import { greetingText } from '../views/greeting.ts';
import { print, printJson } from '../views/output.ts';
import type { ServeSettings } from '../settings/settings.ts';
import { startPulse } from './pulse.ts';
import { dieOnUncaught, restartWhenHung, stopEngine, stopSignal } from './stop.ts';
import { adoptInFlightFile, InFlightFile } from '../../shared-memory/in-flight.ts';
import { IN_FLIGHT_FD, type ReadyMessage } from './supervisor.ts';

/** Serves until a signal comes; returns the exit code. */
export async function serve(settings: ServeSettings, json: boolean): Promise<0 | 1> {
  const { demoModels, follower } = settings;
  const options = { ...settings.options };
  // Before anything else opens a file, and only where there is a supervisor to hand one over.
  const fd = process.channel === undefined ? null : adoptInFlightFile(IN_FLIGHT_FD);
  const aroundVerb = process.channel === undefined ? undefined : startPulse();
  let renewTls = (): void => undefined;
  // From the beginning: until there is a certificate to renew, the signal must not end the process.
  if (options.tlsCert !== undefined) process.on('SIGHUP', () => renewTls());
  assertOpenFiles('start the engine', FILES_SPARE);
  // Before anything is loaded: a second engine on the directory must be refused while it costs nothing.
  const admin = follower ? null : await AdminSocket.claim(options.dataDir);
  try {
    if (demoModels && options.defaultModel === undefined) {
      const model = await demoDefaultModel(options.dataDir);
      if (model !== undefined) options.defaultModel = model;
    }
    // What is slow to load comes after the claim.
    const { createEngine } = await import('../../engine/engine.ts');
    const { createLog } = await import('../../engine/log.ts');
    const log = createLog({ level: options.logLevel, pretty: process.stderr.isTTY });
    const engine = await createEngine(options, {
      log, bootGuard: !follower, ownsDirectory: true, bringsUpLater: true,
      inFlight: fd === null ? null : new InFlightFile(fd), ...(aroundVerb !== undefined && { aroundVerb }),
    });
    dieOnUncaught(engine);
    restartWhenHung(engine);
    renewTls = () => engine.front?.renewTls();
    return await runUntilStopped(engine, admin, { demoModels: demoModels && !follower, json });
  } finally {
    await admin?.close();
  }
}

/** Files and connections of an engine with one small model, and some clients. */
const FILES_SPARE = 128;
/** The traffic for which the judge's price is told where none is expected. */
const USUAL_PER_SECOND = 10;

interface RunOptions {
  readonly demoModels: boolean;
  readonly json: boolean;
}

async function runUntilStopped(engine: Engine, admin: AdminSocket | null, run: RunOptions): Promise<0 | 1> {
  const stopped = stopSignal();
  admin?.attach(engine.control, engine.log);
  try {
    const started = start(engine, admin, run);
    // A signal during the start ends it; what the start then throws is the consequence, not the cause.
    await Promise.race([started, stopped]);
    started.catch(() => undefined);
    const signal = await stopped;
    engine.log.info({ signal }, 'stopping');
  } catch (error) {
    // A process that goes while sessions run would be aborted.
    await engine.close();
    throw error;
  }
  return stopEngine(engine);
}

async function start(engine: Engine, admin: AdminSocket | null, { demoModels, json }: RunOptions): Promise<void> {
  if (demoModels && engine.models.all.size === 0) {
    await registerDemoModels(engine.control, (line) => engine.log.info({}, line));
  }
  warnOfUnknownModels(engine.context);
  const { host, port } = await engine.listen();
  const { dataDir, judge, samples } = engine.context.options;
  const perSecond = judge.expectedPerSecond ?? USUAL_PER_SECOND;
  for (const line of samples === 'on' ? priceOf(judge, perSecond) : []) engine.log.info({}, `judge: ${line}`);
  const adminSocket = admin?.path ?? null;
  const ready: ReadyMessage = { event: 'ready', address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
  process.send?.(ready);
  const place = { host, port, pid: process.pid, dataDir, admin: adminSocket };
  const models = engine.models.all.size;
  if (json) printJson({ event: 'listening', ...place, models });
  else engine.log.info({ host, port, models }, 'listening; the models are brought up');
  await engine.models.bringUp();
  if (json) {
    printJson({ event: 'ready', ...place });
    return;
  }
  const { registry } = engine.context;
  const goldenOf = ({ model, version }: VersionRecord): Golden | null => registry.goldenOf(model, version);
  print(greetingText({ host, port, status: plainly(await engine.status()), adminSocket, goldenOf }));
}

// A section for a name with a typing error would never count, and nobody would know.
function warnOfUnknownModels({ options, registry, log }: Engine['context']): void {
  const known = new Set(registry.models().map(({ model }) => model));
  for (const model of Object.keys(options.models)) {
    if (!known.has(model)) log.warn({ model }, 'the options have a section for this model: no such model yet');
  }
}
