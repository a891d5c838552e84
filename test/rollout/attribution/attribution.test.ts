// Whether a drift is the version's or the data's, on the real answers of the demo models: every version that fails by
// its answers on live rows, and good versions on rows that have moved.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compareAnswers, judgeAttribution } from '../../../src/judge/verdict/attribution.ts';
import type { Compared } from '../../../src/judge/verdict/attribution.ts';
import { baselineOfFile, readBaselineFile } from '../../../src/judge/baseline/baseline-file.ts';
import { packageRoot } from '../../../src/base/package-root.ts';
import { usualOf } from '../../../src/rollout/attribution/attribution.ts';
import { predictionOf } from '../../../src/domain/sequence.ts';
import type { PredictionSummary } from '../../../src/domain/prediction.ts';
import { Session } from '../../../src/worker/session/session.ts';

type Row = readonly number[];
const models = (...path: string[]): string => join(packageRoot(), 'models', ...path);
const trafficOf = (model: string): Row[] =>
  (JSON.parse(readFileSync(models(model, 'traffic.json'), 'utf8')) as { rows: Row[] }).rows.slice(0, 200);

interface Asked {
  readonly answers: readonly PredictionSummary[];
  readonly baseline: ReturnType<typeof baselineOfFile>;
}

async function ask(model: string, version: string, rows: readonly Row[]): Promise<Asked> {
  const session = await Session.open({ path: models(model, `${version}.onnx`), intraOpThreads: 1, rowsMax: 256 });
  const file = readBaselineFile(models(model, `${version}.baseline.json`));
  const baseline = baselineOfFile(file, session.signature, { createdAtMs: 0 });
  const answers: PredictionSummary[] = [];
  for (const row of rows) {
    const features = { shape: [1, row.length], data: Float32Array.from(row) };
    // One of the failing versions fails on some rows.
    const outputs = await session.runTensors({ features }).catch(() => null);
    const data = outputs?.[baseline.output]?.data as Float32Array | undefined;
    answers.push(data === undefined ? { value: NaN, classIndex: -1, entropy: NaN } : predictionOf(baseline.kind, data));
  }
  await session.release();
  return { answers, baseline };
}

async function compared(model: string, version: string, standby: string, rows: readonly Row[]): Promise<Compared> {
  const [active, good] = [await ask(model, version, rows), await ask(model, standby, rows)];
  const answersOf = ({ answers }: Asked): Compared['active'] => ({
    values: answers.map(({ value }) => (Number.isFinite(value) ? value : null)),
    classes: answers.map(({ classIndex }) => classIndex),
  });
  return {
    kind: good.baseline.kind, version, standby, active: answersOf(active), good: answersOf(good), cosines: null,
    usual: { active: usualOf(active.baseline), good: usualOf(good.baseline) },
  };
}

const scaled = (by: number) => (rows: readonly Row[]): Row[] => rows.map((row) => row.map((value) => value * by));
/** Only the rows with the largest values: another population that the model was not asked about before. */
const largest = (rows: readonly Row[]): Row[] => {
  const sum = (row: Row): number => row.reduce((total, value) => total + value, 0);
  const most = [...rows].sort((a, b) => sum(b) - sum(a)).slice(0, Math.ceil(rows.length / 3));
  return [...most, ...most];
};

/** Districts with the largest median income, the first column. */
const richest = (rows: readonly Row[]): Row[] => {
  const most = [...rows].sort((a, b) => b[0]! - a[0]!).slice(0, Math.ceil(rows.length / 3));
  return [...most, ...most];
};
/** Digits whose middle is light: zeros for the most part. */
const some = (rows: readonly Row[]): Row[] => {
  const light = [...rows].sort((a, b) => a[27]! + a[28]! + a[35]! + a[36]! - b[27]! - b[28]! - b[35]! - b[36]!);
  return [...light.slice(0, 40), ...light.slice(0, 40)];
};

describe('judgeAttribution on the demo models', () => {
  for (const [model, versions] of [
    ['breast-cancer', ['unscaled', 'collapsed']], ['housing', ['unscaled', 'dollars']],
    ['digits', ['unscaled', 'inverted']],
  ] as const) {
    for (const version of versions) {
      for (const standby of ['1', '2']) {
        test(`${model} ${version} is to blame for its answers, beside ${standby}`, async () => {
          const { blames, text } = judgeAttribution(await compared(model, version, standby, trafficOf(model)));
          assert.equal(blames, 'version', text);
        });
      }
    }
  }

  for (const [model, moved, move] of [
    ['breast-cancer', 'larger cells', scaled(1.3)], ['breast-cancer', 'other patients', largest],
    ['housing', 'richer districts', richest], ['housing', 'another scale', scaled(1.5)],
    ['digits', 'paler ink', scaled(0.3)], ['digits', 'only zeros and ones', some],
  ] as const) {
    for (const [version, standby] of [['2', '1'], ['1', '2'], ['regraph', '1']] as const) {
      test(`${model} ${version} is not to blame for ${moved}, beside ${standby}`, async () => {
        const facts = await compared(model, version, standby, move(trafficOf(model)));
        const { active } = compareAnswers(facts).moved;
        assert.ok(active !== null && (active.psi > 0.25 || active.classes > 0.1), 'it drifts from its own baseline');
        const { blames, text } = judgeAttribution(facts);
        assert.equal(blames, 'data', text);
      });
    }
  }

  test('questions that are asked again show less of a move of the data than as many different ones', async () => {
    const few = trafficOf('housing').slice(0, 25);
    const asked = Array.from({ length: 8 }, () => few).flat();
    const facts = await compared('housing', 'unscaled', '1', asked);
    const alike = compareAnswers(facts).moved.good!;
    const known = compareAnswers({ ...facts, effective: few.length }).moved.good!;
    assert.ok(known.limit > 3 * alike.limit, `${alike.limit} ${known.limit}`);
  });

  test('with few inputs a move that chance may explain is waited out, and a version that alone moved is blamed', async () => {
    const rows = trafficOf('breast-cancer').slice(0, 55);
    // Most were asked before the inputs moved.
    const mixed = [...rows.slice(0, 42), ...scaled(2)(rows.slice(42))];
    const good = judgeAttribution(await compared('breast-cancer', '2', '1', mixed));
    assert.equal(good.blames, 'unknown', good.text);
    assert.match(good.text, /too few inputs to tell/);
    const later = judgeAttribution(await compared('breast-cancer', '2', '1', scaled(2)(trafficOf('breast-cancer'))));
    assert.equal(later.blames, 'data', later.text);
    for (const version of ['unscaled', 'collapsed']) {
      const { blames, text } = judgeAttribution(await compared('breast-cancer', version, '1', rows));
      assert.equal(blames, 'version', text);
    }
  });
});
