// Samples of a real engine on their way into a file, and from there through the backtest.
import '../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Backtest } from '../../src/backtest/backtest.ts';
import type { BacktestDecision } from '../../src/backtest/decision.ts';
import { parseLine } from '../../src/backtest/record-line.ts';
import type { RecordLine, SampleLine } from '../../src/backtest/record-line.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { EngineLog } from '../../src/engine/log.ts';
import { computeBaseline } from '../../src/judge/baseline/baseline.ts';
import type { EngineOptions } from '../../src/options/options.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import { numberOf, promoteText, sampleText } from '../../src/record/line-text.ts';
import type { Baseline, OutputKind } from '../../src/domain/records.ts';
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import { allowWrites, refuseWrites, withoutPrlimit } from '../support/disk.ts';
import { housingBaseline, housingFile, housingRows } from '../support/housing.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function recorded(options: EngineOptions, log?: EngineLog): Promise<Engine> {
  const engine = await createEngine({
    dataDir: temporaryDirectory(), workers: 2, logLevel: 'silent', judge: { mode: 'observe' }, ...options,
  }, log === undefined ? {} : { log });
  for (const version of ['1', 'dollars']) {
    await engine.register('housing', housingFile(version), { version, baseline: housingBaseline(version) });
  }
  await engine.promote('housing', '1');
  return engine;
}

const ask = async (engine: Engine, count: number): Promise<number[]> => {
  const answers: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const { prediction } = await engine.predict('housing', housingRows[at % housingRows.length]!);
    answers.push(prediction as number);
  }
  return answers;
};
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').filter((line) => line !== '');
const about = { generation: 1, row: 0, latencyUs: 1_500, input: 0, source: 0, inputs: new Uint8Array(0) };

suite('a recording', () => {
  test('holds every answer once, in order, behind its promote line, and backtest finds the bad version', async () => {
    const path = join(temporaryDirectory(), 'samples.ndjson');
    const engine = await recorded({ record: path });
    const good = await ask(engine, 300);
    await engine.promote('housing', 'dollars');
    const bad = await ask(engine, 300);
    await engine.close();
    const lines = linesOf(path).map((line, index) => parseLine(line, path, index + 1));
    const samples = lines.filter((line): line is SampleLine => line.event === undefined);
    assert.deepEqual(lines.map(({ event, version }, index) => (event === 'promote' ? [index, version] : null))
      .filter((one) => one !== null), [[0, '1'], [301, 'dollars']]);
    assert.deepEqual(samples.map(({ outputs }) => Math.fround(outputs[0]!)), [...good, ...bad].map(Math.fround));
    assert.ok(samples.every(({ ok, latency_ms: ms, inputs, input }) =>
      ok && ms > 0 && inputs === undefined && input !== 0));
    const decisions: BacktestDecision[] = [];
    const { judge } = optionsOfModel(resolveOptions({ judge: { mode: 'default', p95LimitMs: 60_000 } }), 'housing');
    const backtest = new Backtest({ path, judgeOf: () => judge, emit: (one) => decisions.push(one) });
    for (const [index, line] of linesOf(path).entries()) void backtest.line(line, index + 1);
    const summary = backtest.end();
    assert.deepEqual([summary.judged, summary.late, summary.outOfOrder], [600, 0, 0]);
    assert.deepEqual(decisions.filter(({ action }) => action === 'rollback').map(({ version, check }) =>
      [version, check]), [['dollars', 'mean_drift']]);
  });

  test('holds inputs only when that was asked for, and never with the reservoir off', async () => {
    for (const [options, wanted] of [
      [{ recordInputs: 'on' }, true], [{ recordInputs: 'on', reservoir: 'off' }, false], [{}, false],
    ] as const) {
      const path = join(temporaryDirectory(), 'samples.ndjson');
      const engine = await recorded({ record: path, ...options });
      await ask(engine, 2);
      await engine.close();
      const [, first] = linesOf(path).map((line) => JSON.parse(line) as { inputs?: number[] });
      assert.deepEqual(first!.inputs?.map(Math.fround), wanted ? housingRows[0]!.map(Math.fround) : undefined);
    }
  });

  test('is rotated at its limit without a lost line, and each file begins with what answers', async () => {
    const path = join(temporaryDirectory(), 'samples.ndjson');
    const engine = await recorded({ record: path, recordBytesMax: 128 * 1024, recordFilesMax: 9 });
    for (let round = 0; round < 5; round += 1) {
      await ask(engine, 200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await engine.close();
    const names = [path, ...Array.from({ length: 8 }, (_, file) => `${path}.${file + 1}`)].filter(existsSync);
    assert.ok(names.length > 1);
    const files = names.map(linesOf);
    assert.ok(files.every(([first]) => first!.startsWith('{"event":"promote"')));
    assert.ok(files[0]![0]!.includes('"continued":true'));
    assert.equal(files.flat().filter((line) => line.includes('"ok"')).length, 1_000);
  });

  test('goes on when a disk takes something again, and says what is missing', { skip: withoutPrlimit }, async () => {
    const said: string[] = [];
    const note = (about: unknown, text?: string): void => void said.push(`${text} ${JSON.stringify(about)}`);
    const nothing = (): void => undefined;
    const record = join(temporaryDirectory(), 'samples.ndjson');
    const engine = await recorded({ record }, { info: nothing, warn: nothing, error: note });
    refuseWrites(process.pid);
    try {
      await ask(engine, 5);
      await until('it is told', () => said.some((text) => text.includes('samples are not recorded until the disk')));
      assert.equal((await ask(engine, 5)).length, 5, 'the engine goes on');
    } finally {
      allowWrites(process.pid);
    }
    assert.ok(said.some((text) => text.includes('EFBIG')), said.join('\n'));
    await until('it goes on', () => said.some((text) => text.includes('samples are recorded again')));
    await ask(engine, 7);
    await engine.close();
    const lines = linesOf(record).map((line, at) => parseLine(line, record, at + 1));
    const gaps = lines.filter((line) => line.event === 'gap');
    const missing = gaps[0]?.samples ?? 0;
    assert.ok(gaps.length === 1 && missing >= 5, JSON.stringify(gaps));
    assert.equal(lines.filter((line) => line.event === undefined).length + missing, 17);
    const { judge } = optionsOfModel(resolveOptions({}), 'housing');
    const backtest = new Backtest({ path: record, judgeOf: () => judge, emit: nothing });
    linesOf(record).forEach((line, at) => void backtest.line(line, at + 1));
    assert.equal(backtest.end().missing, missing);
  });
});

suite('the lines', () => {
  test('numbers come back as the float32 that they were, and what is no finite number is null', () => {
    for (const value of [0.1, -3.4028234663852886e38, 1e-45, 123456.789, 0, 1 / 3, 16_777_217]) {
      const single = Math.fround(value);
      assert.equal(Math.fround(Number(numberOf(single))), single, String(value));
    }
    assert.deepEqual([NaN, Infinity, -Infinity].map(numberOf), ['null', 'null', 'null']);
    assert.equal(Number(numberOf(Math.PI)), Math.PI, 'a float64 keeps all its digits');
  });

  test('of a promote say what the version is compared with, as the backtest reads it, also where it is none', () => {
    const read = (baseline: Baseline | null): RecordLine =>
      parseLine(promoteText({ model: 'm', version: '1', tMs: 1 }, baseline, false), 'samples', 1);
    const of = (kind: OutputKind, rows: readonly number[][]): Baseline =>
      computeBaseline(rows, { output: 'y', kind, source: 'live', createdAtMs: 1, origin: 'test' });
    for (const [baseline, rows] of [
      [null, []], [of('classes', [[0.5, 0.5]]), []], [of('scalar', [[3], [4]]), [[3], [4]]],
    ] as const) {
      const line = read(baseline);
      assert.ok(line.event === 'promote');
      assert.deepEqual([line.baseline, line.kind, line.summary?.hash], [rows, baseline?.kind, baseline?.hash]);
    }
  });

  test('tell failures from answers that are not finite', () => {
    const line = (outcome: number, outputs: number[]): unknown => {
      const text = sampleText({ model: 'm"', version: '1', tMs: 1_000.25 },
        { ...about, outcome, outputs: Float64Array.from(outputs) }, null);
      const { ok, outputs: numbers, t, model } = JSON.parse(text) as Record<string, unknown>;
      assert.deepEqual([t, model], [1_000.25, 'm"']);
      return [ok, numbers];
    };
    assert.deepEqual(line(Outcome.ok, [0.5]), [true, [0.5]]);
    assert.deepEqual(line(Outcome.nonFinite, [1, NaN]), [true, [1, null]]);
    assert.deepEqual(line(Outcome.nonFinite, []), [true, [null]]);
    assert.deepEqual(line(Outcome.nonFiniteInput, [NaN]), [true, [null]]);
    assert.deepEqual([line(Outcome.modelFailure, []), line(Outcome.deadline, [])], [[false, []], [false, []]]);
  });
});
