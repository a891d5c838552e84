// lastgood tune: tries ways to serve a model on this host and recommends one.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { decodeError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { ask, note } from '../connect.ts';
import { bytesText, countText, printResult, table } from '../views/output.ts';
import { withProgress } from '../views/progress.ts';
import { resolveSettings } from '../settings/settings.ts';
import { configOf, recommended, tunings, zerosBody } from '../tune/plan.ts';
import type { TuneFigures, TuneLists, TuneMessage, TuneOrder, Tried, Tuning } from '../tune/plan.ts';
import { verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

const CHILD = fileURLToPath(new URL('../tune/child.js', import.meta.url));
const COUNT_MAX = 1_024;
const SECONDS_MAX = 600;
/** A longer body would not be taken by an engine with the default limit either. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Beyond loading and load: starting the process, answering what is in flight, releasing the sessions. */
const SPARE_MS = 60_000;

interface TuneFlags extends CommonFlags {
  readonly version?: string;
  readonly body?: string;
  readonly seconds: number;
  readonly workers?: readonly number[];
  readonly intraOpThreads?: readonly number[];
  readonly batchSizeMax?: readonly number[];
}

interface TuneResult {
  readonly model: string;
  readonly version: string;
  readonly cores: number;
  readonly secondsEach: number;
  readonly tried: readonly Tried[];
  readonly recommended: Tried;
  readonly config: object;
}

export function tuneCommand(): Command {
  return verb({
    name: 'tune',
    summary: 'find out how many workers, threads and requests a batch suit a model on this host',
    purpose:
      'Serves a version in processes of its own, once for each setting, under as much load as it can take, and ' +
      'prints requests a second, latencies under that load, and memory, with a recommendation: of the settings ' +
      'within 5 % of the highest throughput the one with the shortest waits. Nothing is changed, no port is opened; ' +
      'the requests are one row of zeros unless --body says otherwise. Run it on the idle host that will serve.',
    examples: [
      ['lastgood tune digits', 'the active version, all settings that suit the cores'],
      ['lastgood tune digits --version 3 --seconds 3', 'another version, longer'],
      ['lastgood tune digits --workers 1,2 --batch-size-max 16,64', 'only these'],
      ['lastgood tune digits --body row.json', 'with a real request of POST /predict'],
    ],
  })
    .argument('<model>', 'name of the model')
    .option('--version <version>', 'version to try (default: the active one)')
    .option('--body <file>', 'a body of POST /predict to ask with (default: a row of zeros)')
    .option('--seconds <n>', 'seconds of load for each setting', seconds, 1)
    .option('--workers <list>', 'numbers of worker threads to try', counts)
    .option('--intra-op-threads <list>', 'numbers of threads inside one run to try', counts)
    .option('--batch-size-max <list>', 'sizes of batches to try', counts)
    .action(async (model: string, flags: TuneFlags) => {
      printResult(flags, await tune(model, flags), resultText);
    });
}

function counts(list: string): number[] {
  return list.split(',').map((text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= COUNT_MAX) return value;
    throw new InvalidArgumentError(`Wanted whole numbers of 1 to ${COUNT_MAX}, with commas between them`);
  });
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= SECONDS_MAX) return value;
  throw new InvalidArgumentError(`Wanted a number above 0 and at most ${SECONDS_MAX}`);
}

async function versionOf(model: string, flags: TuneFlags): Promise<VersionRecord> {
  const { engine, models: [found] } = await ask({ ...flags, json: true }, 'status', { model });
  if (engine !== 'offline') {
    note('an engine runs on this data directory: what it does meanwhile makes every figure worse than it is');
  }
  const wanted = flags.version ?? found?.model.activeVersion;
  const record = found?.versions.find((one) => one.version === wanted);
  if (record !== undefined) return record;
  if (wanted === null || wanted === undefined) throw lastgoodError('NO_ACTIVE_VERSION', { model });
  const known = found?.versions.map((one) => `"${one.version}"`).join(', ') ?? 'none';
  throw lastgoodError('VERSION_NOT_FOUND', { model, version: wanted, known });
}

async function tune(model: string, flags: TuneFlags): Promise<TuneResult> {
  const { options } = resolveSettings({ data: flags.data }, process.env);
  const version = await versionOf(model, flags);
  const body = flags.body === undefined ? zerosBody(version) : bodyIn(flags.body);
  const cores = availableParallelism();
  const lists: TuneLists = flags;
  const plan = tunings(cores, lists);
  const tried: Tried[] = [];
  for (const [index, tuning] of plan.entries()) {
    const what = `setting ${index + 1} of ${plan.length}: ${tuningText(tuning)}`;
    const order = {
      dataDir: options.dataDir, version, tuning, body, seconds: flags.seconds, loadMs: options.loadMs,
    };
    tried.push(await withProgress(what, tryOne(order)).then(
      (figures) => ({ ...tuning, figures, failure: null }),
      (error: unknown) => ({ ...tuning, figures: null, failure: reasonOf(error) })));
  }
  const best = recommended(tried);
  if (best === null) {
    const reason = `no setting to tune could be measured; the first: ${tried[0]?.failure ?? 'there is none'}`;
    throw lastgoodError('MODEL_FAILED', { model, version: version.version, reason });
  }
  return {
    model, version: version.version, cores, secondsEach: flags.seconds, tried, recommended: best,
    config: configOf(model, best),
  };
}

function bodyIn(file: string): string {
  try {
    return readRegularFile(file, BODY_BYTES_MAX);
  } catch (error) {
    throw lastgoodError('INVALID_OPTION', { reason: `--body: ${reasonOf(error)}` });
  }
}

// The child is killed when it takes far longer than it was asked to: it holds nothing of ours.
async function tryOne(order: TuneOrder): Promise<TuneFigures> {
  const messages: TuneMessage[] = [];
  const child = new ManagedChild<TuneOrder, TuneMessage>({
    entry: CHILD, stderr: 'ignore', onReport: (message) => messages.push(message),
  });
  child.post(order);
  const { how } = await child.endWithin(order.loadMs + order.seconds * 1e3 + SPARE_MS);
  const [last] = messages;
  if (last?.kind === 'figures') return last.figures;
  throw last === undefined ? new Error(`its process ended with ${how}`) : decodeError(last.error);
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function tuningText({ workers, intraOpThreads, batchSizeMax }: Tuning): string {
  return `${plural(workers, 'worker')}, ${plural(intraOpThreads, 'thread')} inside a run, batches of ${batchSizeMax}`;
}

function resultText(result: TuneResult): string {
  const { model, version, cores, secondsEach, tried, recommended: best, config } = result;
  const rows = tried.map((one) => {
    const style = one === best ? { style: 'green' as const } : {};
    const figures = one.figures === null
      ? [one.failure ?? '', '', '', '']
      : [
          countText(Math.round(one.figures.requestsPerSecond)), one.figures.p50Ms.toFixed(2),
          one.figures.p99Ms.toFixed(2), bytesText(one.figures.residentBytes),
        ];
    const cells = [one.workers, one.intraOpThreads, one.batchSizeMax].map(String);
    return [...cells, ...figures, one === best ? 'recommended' : ''].map((text) => ({ text, ...style }));
  });
  return [
    `${model} version ${version} on ${plural(cores, 'core')}, ${secondsEach} s of full load for each setting`,
    '',
    table(['WORKERS', 'INTRA-OP', 'BATCH', 'REQ/S', 'P50 MS', 'P99 MS', 'RSS', ''], rows),
    '',
    `Recommended: ${tuningText(best)}. In the file of --config:`,
    '',
    JSON.stringify(config, null, 2),
  ].join('\n');
}
