// lastgood serve: owns the data directory's admin socket, an engine and its front until a signal ends them. What a
// program reads goes to stdout, the log to stderr.
import { Option } from 'commander';
import type { Command } from 'commander';
import type { AdminServer } from '../admin/server.ts';
import type { Engine } from '../engine/engine.ts';
import { resolveOptions } from '../options.ts';
import { demoDefaultModel, registerDemoModels } from './demo-models.ts';
import { greetingText } from './greeting.ts';
import { print, printJson } from './output.ts';
import { resolveSettings } from './settings.ts';
import type { ServeSettings } from './settings.ts';
import { SERVE_SETTINGS } from './settings-table.ts';
import type { Setting } from './settings-table.ts';
import { dieOnUncaught, stopEngine, stopSignal } from './stop.ts';
import { verb } from './verb.ts';
import type { CommonFlags } from './verb.ts';

export function serveCommand(): Command {
  const command = verb({
    name: 'serve',
    summary: 'run the engine on a data directory',
    purpose:
      'Serves every model of the data directory over HTTP and WebSocket, watches what it answers, and goes back to ' +
      'the last known good version when the active one is slow, fails, or answers unlike its baseline. SIGTERM ' +
      'drains and ends it. Every option has a twin in the environment (--p95-limit-ms: LASTGOOD_P95_LIMIT_MS), and ' +
      'the config file has a key for each but --config, --demo-models and --follower ("host" and "port" for ' +
      '--listen). An option goes before the environment, the environment before the file.',
    examples: [
      ['lastgood serve --demo-models', 'three demo models, with commands to try'],
      ['lastgood serve --data /var/lib/lastgood --listen 0.0.0.0:8080', 'open to the network'],
      ['lastgood serve --p95-limit-ms 50 --error-rate-limit 0.01', 'stricter than the defaults'],
      ['LASTGOOD_ADMIN_TOKEN=… lastgood serve --config lastgood.json', 'a file for the rest, no secret in it'],
    ],
  });
  const defaults = resolveOptions({});
  for (const setting of SERVE_SETTINGS) command.addOption(optionOf(setting, defaults));
  return command.action(async (flags: CommonFlags) => {
    process.exitCode = await serve(resolveSettings({ ...flags }, process.env), flags.json === true);
  });
}

function optionOf({ flag, placeholder, text, path, kind, choices }: Setting, defaults: object): Option {
  const value = path?.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], defaults);
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(kind === 'address' ? ['default: 127.0.0.1:8080'] : []),
    ...(typeof value === 'string' || typeof value === 'number' ? [`default: ${value}`] : []),
  ];
  const flags = placeholder === '' ? `--${flag}` : `--${flag} <${placeholder}>`;
  return new Option(flags, notes.length === 0 ? text : `${text} (${notes.join('; ')})`);
}

async function serve(settings: ServeSettings, json: boolean): Promise<0 | 1> {
  const { demoModels, follower } = settings;
  const options = { ...settings.options };
  // Before anything is loaded: a second engine on the directory must be refused while it costs nothing.
  const { startAdminServer } = await import('../admin/server.ts');
  const admin = follower ? null : await startAdminServer(options.dataDir);
  try {
    if (demoModels && options.defaultModel === undefined) {
      const model = await demoDefaultModel(options.dataDir);
      if (model !== undefined) options.defaultModel = model;
    }
    // Native modules load here, so that --help and mistakes do not wait for them.
    const { createEngine } = await import('../engine/engine.ts');
    const { createLog } = await import('../engine/log.ts');
    const log = createLog({ level: options.logLevel, pretty: process.stderr.isTTY });
    const engine = await createEngine(options, { log });
    dieOnUncaught(engine);
    return await runUntilStopped(engine, admin, { demoModels: demoModels && !follower, json });
  } finally {
    await admin?.close();
  }
}

interface RunOptions {
  readonly demoModels: boolean;
  readonly json: boolean;
}

async function runUntilStopped(engine: Engine, admin: AdminServer | null, run: RunOptions): Promise<0 | 1> {
  const stopped = stopSignal();
  admin?.attach(engine.control);
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

async function start(engine: Engine, admin: AdminServer | null, { demoModels, json }: RunOptions): Promise<void> {
  if (demoModels && engine.models.size === 0) {
    await registerDemoModels(engine.control, (line) => engine.log.info({}, line));
  }
  const { host, port } = await engine.listen();
  const { dataDir, defaultModel } = engine.options;
  const adminSocket = admin?.path ?? null;
  if (json) {
    printJson({ event: 'ready', host, port, pid: process.pid, dataDir, admin: adminSocket });
    return;
  }
  print(greetingText({ host, port, status: await engine.status(), adminSocket, defaultModel }));
}
