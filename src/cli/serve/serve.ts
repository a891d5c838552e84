// lastgood serve: the command, its flags and who carries it out: the engine in this process, or a supervisor with the
// engine in a child. Nothing of the engine is loaded here, so that --help, mistakes and the supervisor go without.
import { Option } from 'commander';
import type { Command } from 'commander';
import { CHECK_NAMES } from '../../options/judge-options.ts';
import { resolveOptions } from '../../options/options.ts';
import { resolveSettings } from '../settings/settings.ts';
import type { ServeSettings } from '../settings/settings.ts';
import { SERVE_SETTINGS } from '../settings/settings-table.ts';
import type { Setting } from '../settings/settings-table.ts';
import { verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

const CHECKS = `
Each check of the judge is set in the config file only, below "judge", and below "models" for one model:
  {"judge": {"p95LimitMs": 200, "checks": {"repeats": {"mode": "off"}}},
   "models": {"housing": {"judge": {"checks": {"shape": {"mode": "warn", "psi": 0.4}}}}}}
on rolls back, warn tells, off does not look. The checks are
  ${CHECK_NAMES.slice(0, 6).join(', ')},
  ${CHECK_NAMES.slice(6).join(', ')}.
The README has their limits and defaults.`;

export function serveCommand(): Command {
  const command = verb({
    name: 'serve',
    summary: 'run the engine on a data directory',
    purpose:
      'Serves every model of the data directory over HTTP and WebSocket, watches what it answers, and goes back to ' +
      'the last known good version when the active one is slow, fails, or answers unlike its baseline. SIGTERM ' +
      'drains and ends it. Every option has a twin in the environment (--p95-limit-ms: LASTGOOD_P95_LIMIT_MS), and ' +
      'the config file has a key for each but --config, --demo-models and --no-supervisor ("host" and "port" for ' +
      '--listen, "follow" for --follower). An option goes before the environment, the environment before the file.',
    examples: [
      ['lastgood serve --demo-models', 'three demo models, with commands to try'],
      ['lastgood serve --data /var/lib/lastgood --listen 0.0.0.0:8080', 'open to the network'],
      ['lastgood serve --p95-limit-ms 50 --error-rate-limit 0.01', 'stricter than the defaults'],
      ['LASTGOOD_ADMIN_TOKEN=… lastgood serve --config lastgood.json', 'a file for the rest, no secret in it'],
    ],
  });
  const defaults = resolveOptions({});
  for (const setting of SERVE_SETTINGS) command.addOption(settingOption(setting, defaults));
  command.addHelpText('after', CHECKS);
  return command.action(async (flags: CommonFlags & { readonly supervisor?: boolean }) => {
    // commander turns --no-supervisor into supervisor: false, and says true where nobody said anything.
    const given = { ...flags, ...(flags.supervisor === false && { noSupervisor: true }) };
    const settings = resolveSettings(given, process.env);
    process.exitCode = await (settings.supervisor ? superviseServe(settings) : runHere(settings, flags.json === true));
  });
}

/** The option of a setting, with its default in the help. */
export function settingOption({ flag, placeholder, text, path, kind, choices }: Setting, defaults: object): Option {
  const value = path?.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], defaults);
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(kind === 'address' ? ['default: 127.0.0.1:8080'] : []),
    ...(typeof value === 'string' || typeof value === 'number' ? [`default: ${value}`] : []),
  ];
  const flags = placeholder === '' ? `--${flag}` : `--${flag} <${placeholder}>`;
  const option = new Option(flags, notes.length === 0 ? text : `${text} (${notes.join('; ')})`);
  return kind === 'list' ? option.argParser((one, before: string[] | undefined) => [...before ?? [], one]) : option;
}

// No native code comes into this process: it has to outlive whatever a model does.
async function superviseServe({ options }: ServeSettings): Promise<number> {
  const { createLog } = await import('../../engine/log.ts');
  const { supervise } = await import('./supervisor.ts');
  return supervise({
    args: process.argv.slice(1),
    log: createLog({ level: options.logLevel, pretty: process.stderr.isTTY }),
    passesHangUp: options.tlsCert !== undefined,
    stalledMs: options.stalledMs,
  });
}

async function runHere(settings: ServeSettings, json: boolean): Promise<number> {
  const { serve } = await import('./engine-process.ts');
  return serve(settings, json);
}
