#!/usr/bin/env node
// The executable `lastgood`: dispatches to the verbs and turns what they throw into one line and an exit code.
//   0 done    1 refused or failed    2 wrong usage    3 no engine reachable
import '../base/telemetry-off.ts';
import { Command, CommanderError } from 'commander';
import { type ErrorDetails, isLastgoodError, reasonOf } from '../base/errors.ts';
import { plainText } from '../base/plain-text.ts';
import { packageVersion } from '../base/package-root.ts';
import { backtestCommand } from './verbs/backtest.ts';
import { demoCommand } from './demo/demo.ts';
import { doctorCommand } from './verbs/doctor.ts';
import { inspectVerbs } from './verbs/inspect.ts';
import { prepareCommand } from './verbs/prepare.ts';
import { printJson } from './views/output.ts';
import { releaseVerbs } from './verbs/versions.ts';
import { safetyVerbs } from './verbs/guards.ts';
import { sendCommand } from './verbs/send.ts';
import { serveCommand } from './serve/serve.ts';
import { tuneCommand } from './verbs/tune.ts';
import { finish } from './verb.ts';

const FAILED = 1;
const WRONG_USAGE = 2;
const NO_ENGINE = 3;

const FIRST_STEPS = `
Examples:
  $ lastgood serve --demo-models                     an engine with three demo models
  $ lastgood register digits digits.onnx --promote   a model of your own
  $ lastgood status --watch                          what answers, and how well
  $ lastgood rollback digits                         back to the last known good version

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no engine reachable`;

function program(): Command {
  const root = new Command('lastgood')
    .description(
      'Serves ONNX models at high rates on one host, watches every answer, and puts the last known good version back ' +
      'by itself when a new one goes wrong. The verbs talk to the engine of the data directory; most of them work ' +
      'without one too.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    // So that register and baseline may have a --version of their own.
    .enablePositionalOptions()
    .addHelpText('after', FIRST_STEPS)
    .exitOverride()
    // Mistakes are printed below, with all other errors.
    .configureOutput({ outputError: () => undefined });
  const verbs = [
    serveCommand(), ...releaseVerbs(), ...inspectVerbs(), ...safetyVerbs(), backtestCommand(), doctorCommand(),
    prepareCommand(), sendCommand(), tuneCommand(),
  ];
  for (const command of verbs.map(finish)) {
    root.addCommand(command.copyInheritedSettings(root));
  }
  return root.addCommand(demoCommand().copyInheritedSettings(root));
}

interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly text: string;
  readonly details?: ErrorDetails;
}

function failureOf(error: unknown, verbs: readonly Command[]): Failure {
  if (error instanceof CommanderError) {
    const known = verbs.find((one) => one.name() === process.argv[2]);
    const help = known === undefined ? 'lastgood --help' : `lastgood ${known.name()} --help`;
    return { exitCode: WRONG_USAGE, code: 'WRONG_USAGE', text: `${plainText(error.message)}; see ${help}` };
  }
  if (!isLastgoodError(error)) return { exitCode: FAILED, code: 'INTERNAL', text: reasonOf(error) };
  const { code, message, details } = error;
  if (code === 'INVALID_OPTION') return { exitCode: WRONG_USAGE, code, text: message };
  const noEngine = code === 'ENGINE_NEEDED' || code === 'ENGINE_UNREACHABLE';
  return { exitCode: noEngine ? NO_ENGINE : FAILED, code, text: message, ...(details !== undefined && { details }) };
}

function report(error: unknown, verbs: readonly Command[]): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const { exitCode, code, text, details } = failureOf(error, verbs);
  process.exitCode = exitCode;
  // Without any verb commander has printed the help.
  if (error instanceof CommanderError && error.code === 'commander.help') {
    process.exitCode = WRONG_USAGE;
    return;
  }
  process.stderr.write(`lastgood: ${plainText(text)}\n`);
  if (process.argv.includes('--json')) printJson({ error: text, code, details });
}

// A reader that has seen enough (lastgood history … | head) is no failure; a server goes on without it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  // Those two end in their own way: exiting while a session runs would abort the process.
  if (!['serve', 'demo'].includes(process.argv[2] ?? '')) process.exit();
});

const root = program();
await root.parseAsync().catch((error: unknown) => report(error, root.commands));
