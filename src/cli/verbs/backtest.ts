// The verb backtest: what the judge would have decided on recorded samples, with these limits or with others.
import { plainly } from '../../base/plain-text.ts';
import type { Command } from 'commander';
import { Backtest } from '../../backtest/backtest.ts';
import type { BacktestSummary } from '../../backtest/backtest.ts';
import type { BacktestDecision } from '../../backtest/decision.ts';
import { readLines } from '../../backtest/lines.ts';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { RegularFile } from '../../base/regular-file.ts';
import { optionsOfModel, resolveOptions } from '../../options/options.ts';
import type { Standbys } from '../../backtest/standby.ts';
import { paint, print } from '../views/output.ts';
import type { Style } from '../views/output.ts';
import { ProgressBar } from '../views/progress.ts';
import { settingOption } from '../serve/serve.ts';
import { resolveSettings } from '../settings/settings.ts';
import { SERVE_SETTINGS } from '../settings/settings-table.ts';
import { verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

/** Times from here on are dates, smaller ones count from the start of the recording. */
const DATE_MS_MIN = 1e11;
/** Larger files of samples are refused; they are read as a stream. */
const SAMPLES_BYTES_MAX = 2 ** 40;
/** The environment's twin of --data. */
const DATA_VARIABLE = 'LASTGOOD_DATA';
const COLUMNS = { version: 12, check: 16, verdict: 12, action: 10 } as const;

const STYLES: Readonly<Record<BacktestDecision['action'], Style>> = {
  rollback: 'red', suppressed: 'yellow', warn: 'yellow', none: 'dim',
};

const FORMAT = `
Input, one JSON object a line, in the order of time per model:
  {"t":1700000000000,"model":"m","version":"2","latency_ms":1.5,"ok":true,"outputs":[0.93]}
      a request and its answer: t in milliseconds, outputs are the numbers of one row. NaN and infinities are null, or
      the bare words. Optional: "inputs" (numbers; they tell a repeated question), "input" (a whole number that
      tells it without them: a hash of the inputs, as serve --record writes it, 0 for none), "row" (from 1: a
      further row of one request), "nonfinite_input" (true: the request held NaN, an infinity or a number above
      1.8e19, as "inputs" tell too; an answer that is not finite to it counts against no version), "source" (who asked,
      a hash), "twin" ({"version":"1","ok":true,"latency_ms":1.2,"outputs":[0.91]}: what the version before answered to
      the same question)
  {"event":"promote","t":1700000000000,"model":"m","version":"2","baseline":[[0.1],[0.9]]}
      from here on this version answers, and is compared with these rows of outputs, as many numbers as those of its
      samples; null: it has no baseline. Optional: "kind" (score, regression, classes, vector, or scalar for one number
      of whatever meaning), which is otherwise read from the rows
      lastgood serve --record adds "summary" (the stored baseline, which counts before "baseline") and, at the head of a
      rotated file, "continued" (the version goes on, if it is known to answer); read rotated files oldest first.
      "twin_baseline" (what the version before answers to the rows of "baseline", row by row, null for a row it fails)
      and "expect" (same, or change=PERCENT) say how much the answers may differ; the recorder writes "twin_summary"
  {"event":"repeat","t":1700000000000,"model":"m","version":"2","own":3,"shared":0,"passed":1}
      failed requests that were asked again: this version fails 3 again that the one before answers, both fail none, and
      this version answers 1 now
  {"event":"gap","t":1700000000000,"model":"m","version":"2","since":1699999990000,"samples":12}
      a disk took nothing from "since" until now, and 12 samples are missing
A recording begins with any line; a version that is seen first in a sample has no baseline.

Output: one line for each check whose verdict changes (before its first verdict a check is inconclusive).
  action  rollback    the engine would have gone back now, to whatever was the last good version
          suppressed  it would have wanted to: evidence.suppressedBy says what held it back (cooldown, observe,
                      restored_failing; data_drift: the data moved; rolled_back: it would have been gone already)
          warn        told and stored, nothing more
          none        nothing is wrong, or not enough is known
The recording goes on with what was recorded, so a version that would have been rolled back is judged to its end. A
drift is the version's or the data's. With --data DIR, where DIR holds the versions, and samples with "inputs", the
version before answers the last 200 of them, as in the engine: evidence.attribution is "version" or "data", and
evidence.finding says why. Else nobody can tell, it is "unavailable", and the verdict stands.
Where samples have a "twin", failures, answers that are not finite and drifts are decided on those pairs as in the
engine, without models: evidence.suppressedBy is inputs, data_drift, more_pairs or unattributed where the version is not
shown to be to blame, and the check pairs tells, or acts on, answers that differ more than was expected.
The clock goes on for a quarter of the window after the last line, so that a breach which has to be seen twice is. A
line up to 60 s older than one before it counts as of now; an older one is refused.`;

interface BacktestFlags extends CommonFlags {
  readonly mode?: string;
}

const JUDGE_SETTINGS = SERVE_SETTINGS.filter(({ flag, path }) =>
  flag === 'config' || (path?.[0] === 'judge' && flag !== 'judge-mode'));

export function backtestCommand(): Command {
  const command = verb({
    name: 'backtest',
    summary: 'what the judge would have decided on recorded samples',
    purpose:
      'Runs the judge of the engine over recorded samples on their own clock, and prints what would have been ' +
      'decided and when, so that limits can be tried before they are armed. lastgood serve --record FILE writes ' +
      'such samples.',
    examples: [
      ['lastgood backtest samples.ndjson', 'with the limits that are the default'],
      ['lastgood backtest samples.ndjson --config lastgood.json --data ./data',
        'with those that are armed, asking the version before whether the data moved'],
      ['lastgood backtest samples.ndjson --mode compat --p95-limit-ms 80', 'with others'],
      ['zcat samples.ndjson.gz | lastgood backtest - --json', 'from stdin, one JSON document a decision'],
    ],
  })
    .argument('<samples>', 'the file, or - for stdin')
    .option('--mode <mode>', 'mode of the judge, instead of that of the config file (one of compat, default, observe)');
  const defaults = resolveOptions({});
  for (const setting of JUDGE_SETTINGS) command.addOption(settingOption(setting, defaults));
  return command.addHelpText('after', FORMAT).action(async (path: string, { mode, ...flags }: BacktestFlags) => {
    await backtest(path, { ...flags, ...(mode === undefined ? {} : { judgeMode: mode }) });
  });
}

async function backtest(path: string, flags: CommonFlags & Readonly<Record<string, unknown>>): Promise<void> {
  const { options } = resolveSettings(flags, process.env);
  // Only a directory that is named: what lies in ./data by chance shall decide nothing.
  const isNamed = (flags.data ?? process.env[DATA_VARIABLE]) !== undefined;
  const file = path === '-' ? null : openSamples(path);
  const opened = isNamed ? await openStandbys(options.dataDir) : null;
  const bar = new ProgressBar('judging', file?.bytes ?? null);
  const json = flags.json === true;
  const run = new Backtest({
    path: path === '-' ? 'stdin' : path,
    judgeOf: (model) => optionsOfModel(options, model).judge,
    ...(opened === null ? {} : { standbys: opened.standbys }),
    emit: (decision) => {
      bar.clear();
      print(json ? JSON.stringify(decision) : decisionLine(plainly(decision)));
    },
  });
  let summary: BacktestSummary;
  try {
    const pieces = file?.pieces() ?? (process.stdin as AsyncIterable<Buffer>);
    await readLines({ path, pieces }, (line, number) => run.line(line, number), (bytes) => bar.draw(bytes));
    summary = run.end();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('E') === true) throw lastgoodError('FILE_UNREADABLE', { path, reason: reasonOf(error) });
    throw error;
  } finally {
    file?.close();
    bar.clear();
    await run.close();
    await opened?.close();
  }
  if (!json) print(summaryText(plainly(summary)));
}

// Imported only here: every verb reads this file, and the parent of an engine loads no native code.
async function openStandbys(dataDir: string): Promise<{ standbys: Standbys; close: () => Promise<void> }> {
  const [{ standbysOf }, { RegistryReader }, { openStore }] = await Promise.all([
    import('../../backtest/standby.ts'), import('../../registry/reader.ts'),
    import('../../registry/opening/open-store.ts'),
  ]);
  const store = openStore({ dataDir, readOnly: true });
  return { standbys: standbysOf(dataDir, new RegistryReader(store)), close: () => store.close() };
}

function openSamples(path: string): RegularFile {
  try {
    return RegularFile.open(path, SAMPLES_BYTES_MAX);
  } catch (error) {
    throw lastgoodError('FILE_UNREADABLE', { path, reason: reasonOf(error) });
  }
}

function decisionLine({ t, model, version, check, verdict, action, evidence }: BacktestDecision): string {
  const time = t >= DATE_MS_MIN ? new Date(t).toISOString() : `${(t / 1_000).toFixed(1)} s`.padStart(12);
  const { suppressedBy } = evidence;
  const why = typeof suppressedBy === 'string' ? ` (${suppressedBy})` : '';
  const cells = [
    `${model} ${version}`.padEnd(COLUMNS.version), check.padEnd(COLUMNS.check), verdict.padEnd(COLUMNS.verdict),
    paint(STYLES[action], action.padEnd(COLUMNS.action)),
  ];
  return `${time}  ${cells.join('  ')}  ${evidence['text'] as string}${why}`;
}

function summaryText({ judged, models, late, outOfOrder, missing }: BacktestSummary): string {
  const count = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
  const notes = [
    late > 0 ? `${count(late, 'sample')} of versions that did not answer any more were left out` : '',
    missing > 0 ? `${count(missing, 'sample')} are missing where the disk took none, and so is what came of them` : '',
    outOfOrder > 0 ? `${count(outOfOrder, 'line')} came out of order and counted as of the newest time` : '',
  ].filter((note) => note !== '');
  return [`${count(judged, 'sample')} of ${count(models, 'model')} judged`, ...notes].join('; ');
}
