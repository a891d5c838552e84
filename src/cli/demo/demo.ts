// The command `lastgood demo`: reads its options, ends the demo cleanly on a signal, and turns its report into output
// and an exit code. The engine is only loaded when the demo runs, so that other verbs start fast.
import { Command, InvalidArgumentError } from 'commander';
import { resolveOptions } from '../../options/options.ts';
import { ACTS } from './acts.ts';
import { printJson } from '../views/output.ts';
import { Screen, screenOf } from './screen.ts';
import type { DemoReport } from './outcome.ts';
import type { DemoOptions, SETTINGS } from './run.ts';
import { openOnDesktop } from '../desktop.ts';

const SECONDS_PER_ACT = 9;
const SECONDS_PER_ACT_MAX = 60;
/** What an act takes at any pace: loading, and the monitor's look. */
const SECONDS_PER_ACT_LEAST = 2;
/** Registering, the last answers and the engine's end. */
const SECONDS_BESIDE_ACTS = 3;
/** What shells report for a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

const EXAMPLES = `
Examples:
  $ lastgood demo
  $ lastgood demo --seconds-per-act 2
  $ lastgood demo --page
  $ lastgood demo --json | jq .counts
`;

interface DemoFlags {
  readonly json?: boolean;
  readonly page?: boolean;
  readonly secondsPerAct: number;
}

/** Builds the command; its exit code is 0 when the promise was kept, 1 when not. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('show the promise: three bad versions under load, three rollbacks, no request dropped')
    .description(
      'Serves a demo model from a temporary data directory, sends it real requests from another process, promotes a ' +
        'better version and then three bad ones (wrong unit, slow, failing), and lets the monitor go back each time. ' +
        'Every request is accounted for. Exits 1 if one got no answer or a rollback did not happen.',
    )
    .option('--json', 'print one JSON document at the end and nothing else')
    .option('--seconds-per-act <seconds>', `pace, 1 to ${SECONDS_PER_ACT_MAX}`, secondsPerAct, SECONDS_PER_ACT)
    .option('--page', 'show the page while it runs, and on a terminal until Ctrl-C after that')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DemoFlags) => {
      process.exitCode = await demo(flags);
    });
}

function secondsPerAct(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= SECONDS_PER_ACT_MAX) return seconds;
  throw new InvalidArgumentError(`Wanted a number from 1 to ${SECONDS_PER_ACT_MAX}`);
}

async function demo(flags: DemoFlags): Promise<number> {
  const beganMs = performance.now();
  const nowMs = (): number => performance.now() - beganMs;
  const options = screenOf(process.stdout, beganMs);
  const screen = new Screen(flags.json === true ? { ...options, write: () => undefined, live: false } : options);
  const abort = new AbortController();
  const stop = (): void => {
    screen.end();
    if (!abort.signal.aborted) process.stderr.write('lastgood demo: stopping, a moment\n');
    abort.abort();
  };
  // Once: a second signal ends the process the hard way.
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A reader that has seen enough (`| head`) must not leave the temporary directory behind.
  process.stdout.on('error', stop);
  try {
    const run = await import('./run.ts');
    opening(screen, flags, run.SETTINGS);
    const report = await run.runDemo({
      screen, nowMs, secondsPerAct: flags.secondsPerAct, signal: abort.signal, ...pageOf(flags, screen, abort.signal),
    });
    show(report, screen, flags);
    return report.ok ? 0 : 1;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.stderr.write('lastgood demo: stopped before its end; its temporary data are deleted\n');
    return EXIT_INTERRUPTED;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** With --page the address is told and opened, and the page stays after the last act for whoever sits at a terminal. */
function pageOf(
  { page = false }: DemoFlags, screen: Screen, signal: AbortSignal,
): Pick<DemoOptions, 'onPage' | 'lookedEnough'> {
  return {
    onPage: (url) => {
      if (!page) return;
      screen.text(`The page: ${url}${openOnDesktop(url) ? ' (opened in the browser)' : ''}`, 'strong');
    },
    lookedEnough: () => new Promise((resolve) => {
      if (!page || !process.stdout.isTTY || signal.aborted) {
        resolve();
        return;
      }
      screen.event('The page stays until Ctrl-C', 'strong');
      process.once('SIGINT', () => resolve());
    }),
  };
}

function opening(screen: Screen, flags: DemoFlags, settings: typeof SETTINGS): void {
  const seconds = SECONDS_BESIDE_ACTS + ACTS.length * Math.max(flags.secondsPerAct, SECONDS_PER_ACT_LEAST);
  const length = `about ${seconds.toFixed(0)} seconds`;
  screen.text(`lastgood demo, ${length}: one good update and three bad ones, under load.`, 'strong');
  screen.text(
    'The model predicts house prices, in units of 100,000 dollars. Versions are promoted by this script, as an ' +
      'operator would; whatever goes back goes back by itself.',
  );
  const { judge } = resolveOptions({});
  screen.text(
    `Set for the demo: a window of ${settings.windowMs / 1_000} s instead of ${judge.windowMs / 1_000} s, a latency ` +
      `limit of ${settings.p95LimitMs} ms instead of ${judge.p95LimitMs} ms, no cooldown after a rollback instead ` +
      `of ${judge.cooldownMs / 1_000} s, one worker thread with batches of at most ${settings.batchSizeMax}. The ` +
      `rest is as shipped, also that the monitor looks every ${judge.lookMs} ms. The data directory is temporary.`,
    'detail',
  );
  screen.blank();
}

function show(report: DemoReport, screen: Screen, { json }: DemoFlags): void {
  if (json === true) printJson(report);
  else screen.summary(report);
  if (report.ok) return;
  process.stderr.write(`lastgood demo: the promise was not kept: ${report.problems.join('; ')}\n`);
}
