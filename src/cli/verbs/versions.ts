// The verbs that bring versions in, into service, and out again: register, promote, rollback, confirm, remove.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Promotion, Registration } from '../../admin/answers.ts';
import { reasonOf } from '../../base/errors.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import { type Expect, expectOf } from '../../domain/known-answers.ts';
import { DECLARED_KINDS, NAN_INPUTS, STACKING_WISHES } from '../../domain/records.ts';
import type { Signature, TensorSignature } from '../../domain/records.ts';
import type { Rollback } from '../../rollout/events.ts';
import { judgedOutputOf } from '../../domain/judged-output.ts';
import { expectationText } from '../../judge/pairs/expectation.ts';
import { ask } from '../connect.ts';
import { bytesText, durationText, paint, printResult } from '../views/output.ts';
import {
  derivedText, filesText, judgedText, nanInputsText, saidLimitsText, sessionLine, stackingText, watchedText,
} from '../views/status-view.ts';
import { positiveInteger, verb } from '../verb.ts';
import type { CommonFlags, VerbFlags } from '../verb.ts';

export function releaseVerbs(): Command[] {
  return [registerCommand(), promoteCommand(), rollbackCommand(), confirmCommand(), removeCommand()];
}

const CHANGE_SIGNATURE = 'let its inputs and outputs differ from those of the active version';
const FORCE = 'even a file that is in quarantine under another name; the history says who wanted it';

function registerCommand(): Command {
  return verb({
    name: 'register',
    summary: 'add an ONNX file as a version of a model',
    purpose:
      'Copies the file into the data directory, with the data files that its weights lie in, loads and runs it once ' +
      'in a process of its own, and records it as a version that never changes. Requests do not reach it before it ' +
      'is promoted. A file that does not load, or that does not give the answers of --golden, is refused and leaves ' +
      'nothing behind.',
    examples: [
      ['lastgood register digits digits.onnx', 'the next free number becomes its version'],
      ['lastgood register digits digits.onnx --version 2026-03 --promote', 'named, and answering right away'],
      ['lastgood register digits d.onnx --baseline d.baseline.json', 'drift is judged against this baseline'],
      ['lastgood register m exported/ --output risk --output-kind score', 'a folder; the judge reads this output'],
    ],
  })
    .argument('<model>', 'name of the model: 1 to 64 of the characters A-Z a-z 0-9 . _ -')
    .argument('<file>', 'the .onnx or .ort file with its data files beside it, their folder, or a .tar of it')
    .option('--version <version>', 'its name (default: the next free number)')
    .option('--baseline <file>', 'what its predictions look like when it is good; without one drift is not judged')
    .option('--golden <file>', 'rows with the answers that the first load has to give')
    .option('--output <name>', 'the output that the judge reads (default: probabilities, or the first numeric one)')
    .addOption(new Option('--output-kind <kind>', 'how the judge reads it (default: by its shape and the baseline)')
      .choices(DECLARED_KINDS))
    .option('--input-columns <list>', 'inputs to watch for drift, as in age,features[0-7] (default: all, 32 at most)')
    .addOption(new Option('--stacking <mode>', 'whether rows of different requests share a run (default: if it is ' +
      'proven that they keep apart); rows! also against the proof').choices(STACKING_WISHES))
    .addOption(new Option('--nan-inputs <mode>', 'whether it is asked about NaN and null (default: unless its trial ' +
      'failed at them); refuse: they are answered 400').choices(NAN_INPUTS))
    .addOption(new Option('--session <json>', 'how the runtime runs it, as JSON or a file of it: providers, graph, ' +
      'intraOpThreads, interOpThreads, arena, memoryPattern, freeDimensions, entries').argParser(sessionOf))
    .addOption(new Option('--free-dimension <name=size>', 'gives an open dimension of the model this size; may be ' +
      'said several times').argParser(dimensionIn))
    .option('--elements-max <n>', "elements of a request's inputs, as a setting of this version; more are answered 400",
      positiveInteger)
    .option('--dimension-max <n>', 'size of an open dimension in a request, likewise', positiveInteger)
    .addOption(expectOption())
    .option('--promote', 'make it the active version at once')
    .option('--allow-signature-change', `with --promote: ${CHANGE_SIGNATURE}`)
    .option('--force', `also when its answers are not those of the baseline file; with --promote: ${FORCE}`)
    .action(async (model: string, file: string, flags: RegisterFlags) => {
      const { version, baseline, golden, output, outputKind, inputColumns, stacking, nanInputs, promote } = flags;
      const { elementsMax, dimensionMax, allowSignatureChange, force, expect } = flags;
      const session = withDimensions(flags);
      const result = await ask(flags, 'register', {
        model, file, version, baseline, golden, output, outputKind, inputColumns, stacking, nanInputs,
        session, elementsMax, dimensionMax, promote, allowSignatureChange, force, expect,
      }, `registering a version of ${model}`);
      printResult(flags, result, registeredText);
    });
}

type Sizes = NonNullable<SessionOptions['freeDimensions']>;
type RegisterFlags = VerbFlags<'register'> & { readonly freeDimension?: Sizes };

// A name may have an = in it; a size has none.
function dimensionIn(given: string, before: Sizes = {}): Sizes {
  const [, name, size] = /^(.+)=(\d+)$/.exec(given) ?? [];
  if (name === undefined) throw new InvalidArgumentError('wanted NAME=SIZE, such as batch=1');
  return { ...before, [name]: Number(size) };
}

function withDimensions({ session, freeDimension }: RegisterFlags): SessionOptions | undefined {
  if (freeDimension === undefined) return session;
  return { ...session, freeDimensions: { ...session?.freeDimensions, ...freeDimension } };
}

const expectOption = (): Option => new Option('--expect <change>',
  'how its answers differ from those of the version before: same (an export, a quantisation), or change=PERCENT at ' +
  'most; more counts against it (default: by what both answer to --baseline and --golden)').argParser(expectIn);

function expectIn(given: string): Expect {
  const found = expectOf(given);
  if (found !== null) return found.expect;
  throw new InvalidArgumentError('wanted same, or change=PERCENT above 0 and up to 100');
}

const SESSION_BYTES_MAX = 65_536;

/** Session options from the command line; what they say is checked with the other arguments. */
function sessionOf(given: string): SessionOptions {
  try {
    return JSON.parse(given.trimStart().startsWith('{') ? given : readRegularFile(given, SESSION_BYTES_MAX)) as
      SessionOptions;
  } catch (error) {
    throw new InvalidArgumentError(`wanted JSON such as {"providers":["cpu"]}, or a file of it: ${reasonOf(error)}`);
  }
}

function registeredText({ version, activation }: Registration): string {
  const { model, trial, signature } = version;
  const golden = trial.goldenCases === 0 ? '' : `, ${trial.goldenCases} golden cases right`;
  const lines = [
    `registered version ${paint('bold', version.version)} of ${model}: ${bytesText(version.artifactBytes)}, ` +
      signatureText(signature),
    ...(version.manifest === undefined ? [] : [`files: ${filesText(version.manifest)}`]),
    ...(version.derived === undefined ? [] : [`loaded: ${derivedText(version.derived)}`]),
    `its trial: loaded in ${durationText(trial.loadMs)}, one row in ${durationText(trial.runMs)}${golden}`,
    `stacking: ${stackingText(version.stacking)}`,
    ...(version.requestLimits === undefined ? [] : [`largest request: ${saidLimitsText(version.requestLimits)}`]),
    ...(version.session === undefined ? [] : [`session: ${sessionLine(version)}`]),
    `judged by: ${judgedText(judgedOutputOf(version))}`,
    `inputs watched: ${watchedText(version)}`,
    ...(expectationText(version) === null ? [] : [`expected: ${expectationText(version)}`]),
    ...(nanInputsText(version) === null ? [] : [`missing values: ${nanInputsText(version)}`]),
    ...version.warnings.map((warning) => paint('yellow', `warning: ${warning}`)),
    activation === null ? `to let it answer: lastgood promote ${model} ${version.version}` : activatedText(activation),
  ];
  return lines.join('\n');
}

function signatureText({ inputs, outputs }: Signature): string {
  const all = (tensors: readonly TensorSignature[]): string =>
    tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(',')}]`).join(', ');
  return `${all(inputs)} -> ${all(outputs)}`;
}

function activatedText({ model, version, from, generation, warning }: Promotion): string {
  const before = from === null ? '' : ` in place of ${from}`;
  const done = `version ${paint('bold', version)} of ${model} is active${before}, as generation ${generation}`;
  return warning === null ? done : `${done}\n${paint('yellow', `warning: ${warning}`)}`;
}

function promoteCommand(): Command {
  return verb({
    name: 'promote',
    summary: 'make a version the active one',
    purpose:
      'Loads the version beside the active one, warms it, and lets it answer from then on; no request is dropped. ' +
      'The version before stays loaded as the one to go back to. The new one is on probation: when it answers late, ' +
      'fails, or answers unlike its baseline, it is rolled back without being asked. A version in quarantine is ' +
      'refused, and so is its file under another name.',
    examples: [
      ['lastgood promote digits 2', 'version 2 answers from now on'],
      ['lastgood promote digits int8 --expect same', 'a quantisation: it has to answer as the one before'],
      ['lastgood promote digits 2 --reason "retrained in March"', 'the reason stands in the history'],
    ],
  })
    .argument('<model>', 'name of the model')
    .argument('<version>', 'a registered version')
    .option('--reason <text>', 'why, for the history')
    .addOption(expectOption())
    .option('--allow-signature-change', CHANGE_SIGNATURE)
    .option('--force', FORCE)
    .action(async (model: string, version: string, flags: VerbFlags<'promote'>) => {
      const { allowSignatureChange, force, reason, expect } = flags;
      const request = { model, version, allowSignatureChange, force, reason, expect };
      const result = await ask(flags, 'promote', request, `promoting version ${version} of ${model}`);
      printResult(flags, result, activatedText);
    });
}

function rollbackCommand(): Command {
  return verb({
    name: 'rollback',
    summary: 'go back to the last known good version',
    purpose:
      'Puts the active version into quarantine and lets the last known good one answer again: the newest in service ' +
      'that earned it, else one that served and never failed. Without one it is refused, says why each version is ' +
      'none, and changes nothing. Within a minute of another rollback, by the monitor or by anybody, that one is the ' +
      'answer and nothing goes back twice; --to and --generation say what is meant.',
    examples: [
      ['lastgood rollback digits', 'to the last known good version'],
      ['lastgood rollback digits --to 3 --reason "wrong on sevens"', 'to version 3, and why'],
      ['lastgood rollback digits --generation 7', 'generation 7, and nothing else that may be active by now'],
    ],
  })
    .argument('<model>', 'name of the model')
    .option('--to <version>', 'one that served and is not in quarantine, even if it failed (default: the last good)')
    .option('--generation <n>', 'the one that is to go, as status shows it', Number)
    .option('--reason <text>', 'why, for the history')
    .action(async (model: string, flags: VerbFlags<'rollback'>) => {
      const { to, reason, generation } = flags;
      const asked = { model, to, reason, generation };
      printResult(flags, await ask(flags, 'rollback', asked, `rolling back ${model}`), rolledBackText);
    });
}

function rolledBackText({ model, rolledBackTo, trust, from, generation, decision, stored }: Rollback): string {
  return [
    `version ${paint('bold', rolledBackTo)} (${trust}) of ${model} is active again, as generation ${generation}`,
    ...(stored ? [] : ['the disk refuses to store that: it holds in this engine and is written when the disk is back']),
    `version ${from} is in quarantine until: lastgood release ${model} ${from}`,
    `what was known about it: lastgood explain ${decision}`,
  ].join('\n');
}

function confirmCommand(): Command {
  return verb({
    name: 'confirm',
    summary: 'end the probation of the active version: it is known good now',
    purpose:
      'Vouches for the active version: its probation ends, and a later rollback may choose it. It is still watched.',
    examples: [
      ['lastgood confirm digits', 'the active version is good from now on'],
      ['lastgood confirm digits --json', "the model's record, for scripts"],
    ],
  })
    .argument('<model>', 'name of the model')
    .action(async (model: string, flags: CommonFlags) => {
      printResult(flags, await ask(flags, 'confirm', { model }), ({ activeVersion, generation }) =>
        `version ${activeVersion ?? ''} of ${model} (generation ${generation}) is known good`);
    });
}

function removeCommand(): Command {
  return verb({
    name: 'remove',
    summary: 'forget a version, or a whole model',
    purpose:
      'Forgets a version and deletes its file when no other version uses it. The active version and the last good ' +
      'one are refused. Without a version the whole model goes, with its history; it must have no active version.',
    examples: [
      ['lastgood remove digits 1', 'one version'],
      ['lastgood remove digits', 'the whole model'],
    ],
  })
    .argument('<model>', 'name of the model')
    .argument('[version]', 'a version that is neither active nor last good (default: all of the model)')
    .action(async (model: string, version: string | undefined, flags: CommonFlags) => {
      printResult(flags, await ask(flags, 'remove', { model, version }), ({ removed, artifacts }) => {
        const what = version === undefined ? `model ${model}` : `version ${version} of ${model}`;
        const versions = version === undefined ? ` with ${removed.length} versions` : '';
        return `removed ${what}${versions}; ${artifacts.length} ${artifacts.length === 1 ? 'file' : 'files'} deleted`;
      });
    });
}
