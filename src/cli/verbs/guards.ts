// The verbs that tell the machine what it may and may not do: pin, unpin, quarantine, release, baseline, drain.
import type { Command } from 'commander';
import type { BaselineSummary, VersionRecord } from '../../domain/records.ts';
import { baselineWarning } from '../../judge/baseline/reference.ts';
import { numberText } from '../../judge/types/number-text.ts';
import { ask } from '../connect.ts';
import { countText, paint, printResult } from '../views/output.ts';
import { pauseText } from '../views/status-view.ts';
import { span, verb } from '../verb.ts';
import type { CommonFlags, VerbFlags } from '../verb.ts';

export function safetyVerbs(): Command[] {
  return [
    pinCommand(), unpinCommand(), observeCommand(), quarantineCommand(), releaseCommand(), baselineCommand(),
    drainCommand(),
  ];
}

function pinCommand(): Command {
  return verb({
    name: 'pin',
    summary: 'keep the active version, whatever the judge says',
    purpose:
      'Pins the model to its active version: nothing is promoted, and a failing verdict is written down but not ' +
      'acted on. For the time of an investigation or of a known, harmless change in the input.',
    examples: [
      ['lastgood pin digits', 'no change until it is unpinned'],
      ['lastgood pin digits --reason "stocktaking until Friday"', 'the reason stands in status and history'],
    ],
  })
    .argument('<model>', 'name of the model')
    .option('--reason <text>', 'why, for the history')
    .action(async (model: string, flags: VerbFlags<'pin'>) => {
      printResult(flags, await ask(flags, 'pin', { model, reason: flags.reason }), ({ activeVersion }) =>
        `${model} is pinned to ${activeVersion === null ? 'no version' : `version ${activeVersion}`}; ` +
        `until: lastgood unpin ${model}`);
    });
}

function unpinCommand(): Command {
  return verb({
    name: 'unpin',
    summary: 'let the model be promoted and rolled back again',
    purpose: 'Takes the pin away: promotes are accepted and failing verdicts lead to a rollback again.',
    examples: [
      ['lastgood unpin digits', 'back to normal'],
      ['lastgood unpin digits --json', "the model's record, for scripts"],
    ],
  })
    .argument('<model>', 'name of the model')
    .action(async (model: string, flags: CommonFlags) => {
      printResult(flags, await ask(flags, 'unpin', { model }), () => `${model} is not pinned any more`);
    });
}

interface ObserveFlags extends CommonFlags {
  readonly for?: number;
  readonly off?: boolean;
  readonly reason?: string;
}

function observeCommand(): Command {
  return verb({
    name: 'observe',
    summary: 'let the judge of a model watch only, for some time',
    purpose:
      'For so long what fails is told and written down, and the judge rolls nothing back: for the time of a load ' +
      'test, or of inputs that are known to be odd. It ends by itself, also when the engine is started again ' +
      'meanwhile or the date is set. A version that hangs or brings the process down is taken out all the same.',
    examples: [
      ['lastgood observe digits --for 2h', 'for two hours'],
      ['lastgood observe digits --for 90m --reason "load test"', 'the reason stands in status and history'],
      ['lastgood observe digits --off', 'it may act again now'],
    ],
  })
    .argument('<model>', 'name of the model')
    .option('--for <span>', 'how long: 90s, 30m, 2h, 1d, 1h30m; 30 days at most', span)
    .option('--off', 'let it act again')
    .option('--reason <text>', 'why, for the history')
    .action(async (model: string, flags: ObserveFlags) => {
      const args = { model, forMs: flags.for, off: flags.off, reason: flags.reason };
      printResult(flags, await ask(flags, 'observe', args), ({ pause }) => (pause === null
        ? `the judge of ${model} may act`
        : `the judge of ${model} ${pauseText(pause, Date.now())}; before that: lastgood observe ${model} --off`));
    });
}

function quarantineCommand(): Command {
  return verb({
    name: 'quarantine',
    summary: 'make sure that a version is not chosen again',
    purpose:
      'Puts a version that is not active into quarantine: it is not promoted and never rolled back to until somebody ' +
      'releases it. The active version is refused: roll back instead.',
    examples: [
      ['lastgood quarantine digits 2', 'version 2 is out'],
      ['lastgood quarantine digits 2 --reason "trained on wrong labels"', 'and why'],
    ],
  })
    .argument('<model>', 'name of the model')
    .argument('<version>', 'a version that is not active')
    .option('--reason <text>', 'why, for the history')
    .action(async (model: string, version: string, flags: VerbFlags<'quarantine'>) => {
      printResult(flags, await ask(flags, 'quarantine', { model, version, reason: flags.reason }), ({ warning }) =>
        `version ${version} of ${model} is in quarantine until: lastgood release ${model} ${version}` +
        (warning === null ? '' : `\n${paint('yellow', 'warning')}: ${warning}`));
    });
}

function releaseCommand(): Command {
  return verb({
    name: 'release',
    summary: 'let a quarantined version be chosen again',
    purpose:
      'Takes a version out of quarantine. It can be promoted again, and if it has served before, rolled back to.',
    examples: [
      ['lastgood release digits 2', 'version 2 may serve again'],
      ['lastgood release digits 2 && lastgood promote digits 2', 'and does'],
    ],
  })
    .argument('<model>', 'name of the model')
    .argument('<version>', 'a quarantined version')
    .action(async (model: string, version: string, flags: CommonFlags) => {
      printResult(flags, await ask(flags, 'release', { model, version }), () =>
        `version ${version} of ${model} is out of quarantine`);
    });
}

const FILE_FORMAT = `
The file is JSON, here of two rows and one output of three numbers:
  {"format": "lastgood.baseline/1", "source": "validation", "rows": 2,
   "outputs": {"probabilities": {"shape": [2, 3], "data": [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]}},
   "inputs": {"features": {"shape": [2, 4], "data": [[5.1, 3.5, 1.4, 0.2], [4.9, null, 1.4, 0.2]]}}}
"inputs" may be left out. With the rows that were asked (null: a missing number) it is also judged whether what comes in
has moved, for up to 32 columns (register --input-columns); that only warns. At least 100 rows are wanted, better 1,000.
A capture takes the inputs that were kept on probation; a baseline without inputs leaves those of the one before.`;

function baselineCommand(): Command {
  return verb({
    name: 'baseline',
    summary: 'set what the predictions of a version look like when it is good',
    purpose:
      'Replaces the baseline of a version: the distribution of its predictions while it was known to be good, which ' +
      'drift is measured against. Taken from the live answers of the active version (--capture, needs the engine, at ' +
      'least 1,000 answers and 10 minutes, and a version none of whose checks fail), or from a file (--from). ' +
      'Exactly one of the two is wanted. Answers that have drifted from the baseline, or are far from those that the ' +
      'version before gave live, are captured only with --accept-new-distribution: otherwise a fault would become ' +
      'what is usual. It takes no version that is slow, fails, or answers one thing only.',
    examples: [
      ['lastgood baseline digits --capture', 'from what the active version answers now'],
      ['lastgood baseline digits --from digits.baseline.json', 'from a file, for the active version'],
      ['lastgood baseline digits --from d.json --version 2', 'for another version'],
    ],
  })
    .addHelpText('after', FILE_FORMAT)
    .argument('<model>', 'name of the model')
    .option('--capture', 'take it from the live answers of the active version')
    .option('--accept-new-distribution', 'with --capture: take answers that have drifted all the same')
    .option('--from <file>', 'read it from a file')
    .option('--version <version>', 'the version it is for (default: the active one)')
    .action(async (model: string, flags: VerbFlags<'baseline'>) => {
      const { capture, from, version, acceptNewDistribution } = flags;
      const result = await ask(flags, 'baseline', { model, version, capture, from, acceptNewDistribution });
      printResult(flags, result, baselineText);
    });
}

const HASH_SHOWN = 12;

function baselineText({ model, version, baseline }: VersionRecord): string {
  if (baseline === null) return `version ${version} of ${model} has no baseline`;
  const { mean, standardDeviation, rows, source, output, kind, bins, atomShare = 0, hash = '', inputs } = baseline;
  // Labels are read as numbers that say nothing but which is which.
  const answers = kind === 'labels' ? '' :
    `mean ${numberText(mean)}, standard deviation ${numberText(standardDeviation)} of `;
  const inBins = kind === 'labels' ? '' : ` in ${bins?.counts.length ?? 0} bins`;
  return `the baseline of version ${version} of ${model}: ${answers}${output} (${kind}), ` +
    `from ${countText(rows)} ${source} rows${inBins}, ` +
    `the most frequent answer ${numberText(atomShare * 100)} % of them; ` +
    `hash ${hash.slice(0, HASH_SHOWN)}\n${inputsText(inputs)}${warningText(baseline)}`;
}

function warningText(baseline: Pick<BaselineSummary, 'rows'>): string {
  const warning = baselineWarning(baseline);
  return warning === null ? '' : `\n${paint('yellow', `warning: ${warning}`)}`;
}

function inputsText(inputs: BaselineSummary['inputs']): string {
  if (inputs === undefined) return 'no baseline of inputs: whether what is asked has moved is not judged';
  const { columns, rows, source, hash } = inputs;
  return `and of ${countText(columns.length)} input columns, from ${countText(rows)} ${source} rows; ` +
    `hash ${hash.slice(0, HASH_SHOWN)}`;
}

function drainCommand(): Command {
  return verb({
    name: 'drain',
    summary: 'stop taking requests and answer those that were taken',
    purpose:
      'Stops the intake of the running engine (new connections are refused, requests on open ones get 503) and ' +
      'returns when everything that was accepted has been answered. The process stays, and the verbs that look ' +
      'still work, until it gets SIGTERM.',
    examples: [
      ['lastgood drain', 'before maintenance'],
      ['lastgood drain --data /var/lib/lastgood', 'the engine of another data directory'],
    ],
  }).action(async (flags: CommonFlags) => {
    printResult(flags, await ask(flags, 'drain', {}, 'draining'), ({ answered }) =>
      `drained: ${countText(answered)} waiting requests were answered, and no more are taken`);
  });
}
