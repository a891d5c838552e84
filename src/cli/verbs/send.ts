// lastgood send: sends the rows of a file to a served model as traffic, at a steady rate, and says who answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { plainText } from '../../base/plain-text.ts';
import { readDataset } from '../../datasets/dataset.ts';
import { ask } from '../connect.ts';
import { frontAddress } from '../desktop.ts';
import { type RowAnswer, type Run, type Sent, sendRows } from '../send/sender.ts';
import { bodyOf, predict, signatureOf } from '../send/served-model.ts';
import { countText, durationText, paint, print, printJson } from '../views/output.ts';
import { RowsProgress } from '../views/progress.ts';
import { type CommonFlags, positiveInteger, verb } from '../verb.ts';

const RATE_DEFAULT = 20;
const RATE_MAX = 1_000;
const FAILED = 1;
const COUNT_WIDTH = 7;

interface SendFlags extends CommonFlags {
  readonly rate: number;
  readonly count?: number;
  readonly loop?: boolean;
  readonly drop: readonly string[];
  readonly url?: string;
}

const DATA_TEXT = `
DATA is a .csv, .json, .npy or .npz file as for prepare (lastgood prepare --help). Each row is a request of its own to
/models/MODEL/predict. Each time that another version answers, or another error, a line says how many answers the one
before gave. Ctrl-C ends it; what is outstanding is waited for. Exit code 1 when not one request was answered.
For the most that a host can answer take a load generator: this one sends ${RATE_MAX} requests a second at most.`;

/** Builds the command; of the engine in the data directory, or with --url of any. */
export function sendCommand(): Command {
  return verb({
    name: 'send',
    summary: 'send the rows of a file to a model, and see which version answers',
    purpose:
      'Sends rows to a served model at a steady rate, as its clients would, and says which version answered how ' +
      'many: promote a version meanwhile, and see it answer, or go back.',
    examples: [
      ['lastgood send digits test.csv --drop label', 'each row once, 20 a second'],
      ['lastgood send digits rows.npy --rate 200 --loop', 'again and again, until Ctrl-C'],
      ['lastgood send m rows.json --url http://edge-7:8080', 'to another host'],
    ],
  })
    .addHelpText('after', DATA_TEXT)
    .argument('<model>', 'a model that is served')
    .argument('<data>', 'the file with its inputs')
    .option('--rate <n>', `requests a second, up to ${RATE_MAX}`, rate, RATE_DEFAULT)
    .option('--count <n>', 'requests in all; beyond the last row it begins with the first again', positiveInteger)
    .option('--loop', 'until Ctrl-C')
    .option('--drop <column>', 'a column or array that is no input, such as the label; may be given again',
      (name: string, before: readonly string[]) => [...before, name], [] as readonly string[])
    .option('--url <address>', 'where lastgood listens, in place of the engine of the data directory')
    .action(async (model: string, data: string, flags: SendFlags) => {
      const sent = await send(model, data, flags);
      if (flags.json === true) printJson(sent);
      else print(summaryText(sent));
      if (sent.answered === 0) process.exitCode = FAILED;
    });
}

function rate(text: string): number {
  const value = Number(text);
  if (!(value > 0) || value > RATE_MAX) {
    throw new InvalidArgumentError(`Wanted a number above 0 and up to ${RATE_MAX}`);
  }
  return value;
}

async function send(model: string, data: string, flags: SendFlags): Promise<Sent> {
  const address = flags.url?.replace(/\/+$/, '') ?? await ownAddress(flags);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  const progress = new RowsProgress('sending');
  try {
    const dataset = readDataset(data, await signatureOf(address, model), flags.drop);
    const count = flags.loop === true ? Infinity : flags.count ?? dataset.rows;
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    return await sendRows({
      rate: flags.rate, count, signal: stop.signal,
      ask: (index) => predict(address, model, bodyOf(dataset.row(index % dataset.rows))),
      nowMs: () => performance.now(),
      pause: (ms) => sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined),
      onRun: (run) => {
        progress.clear();
        if (flags.json !== true) print(runText(run));
      },
      onSent: (sent) => {
        if (count !== Infinity) progress.draw(sent, count);
      },
    });
  } catch (error) {
    throw lastgoodError('SEND_FAILED', { model, data, reason: reasonOf(error) });
  } finally {
    progress.clear();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function ownAddress(flags: CommonFlags): Promise<string> {
  const { listen, tls, dataDir } = await ask(flags, 'status', {});
  if (listen === null) throw lastgoodError('ENGINE_NEEDED', { verb: 'send', dataDir });
  return frontAddress(listen, tls !== null);
}

const whoText = ({ status, version, code }: RowAnswer): string =>
  (version !== null ? `answered by ${plainText(version)}`
    : `${status === 0 ? 'no answer' : String(status)}${code === null ? '' : ` ${plainText(code)}`}`);

function runText(run: Readonly<Run>): string {
  const line = `${countText(run.count).padStart(COUNT_WIDTH)}  ${whoText(run)}`;
  return run.version === null ? paint('red', line) : line;
}

function summaryText({ sent, answered, seconds, medianMs, p95Ms }: Sent): string {
  const times = medianMs === null || p95Ms === null ? ''
    : `; median ${durationText(medianMs)}, p95 ${durationText(p95Ms)}`;
  return `${countText(sent)} sent in ${durationText(seconds * 1_000)}, ${countText(answered)} answered${times}`;
}
