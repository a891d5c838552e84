// Recorded streams through the judge: what is damaged is found, what is healthy is not, and what a file may look like.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { BacktestDecision } from '../../src/backtest/decision.ts';
import { decide } from '../../src/judge/checks/table.ts';
import type { CheckEvidence } from '../../src/judge/checks/check.ts';
import { beta, DAMAGES, recording, scores } from './recordings.ts';
import type { Random, Recording, Stream } from './recordings.ts';
import { failing, line, run } from './replayed.ts';

const rollbacks = (decisions: readonly BacktestDecision[]): BacktestDecision[] =>
  decisions.filter(({ action }) => action === 'rollback');

/** Class scores of five classes: a random winner with most of the share. */
const classes = (sure: number, weights: readonly number[]): Stream => (random) => {
  const pick = random() * weights.reduce((sum, weight) => sum + weight, 0);
  let best = 0;
  for (let sum = weights[0]!; sum < pick; sum += weights[best]!) best += 1;
  const top = sure + (1 - sure) * 0.5 * random();
  const others = weights.map(random);
  const rest = others.reduce((sum, one, index) => (index === best ? sum : sum + one), 0);
  return others.map((one, index) => (index === best ? top : ((1 - top) * one) / rest));
};
const EVEN = [1, 1, 1, 1, 1];
const regression: Stream = (random) => [200 + 40 * (random() + random() + random() - 1.5)];
/** Of these, two hundred samples are as likely to be chance. */
const SLOW_TO_SHOW = new Map([['a tenth of zeros', 1_500], ['class mix 50 to 70 %', 1_500]]);
const RATES = [1, 20, 1_000] as const;

suite('Backtest, default', () => {
  test('finds every damage of scores, at low and at high rates, in time, and rolls back once', () => {
    for (const [name, bad] of Object.entries(DAMAGES)) {
      for (const rate of RATES) {
        const after = SLOW_TO_SHOW.get(name) ?? 200;
        const { decisions } = run(recording({ bad, rate, before: 200, after }));
        const found = rollbacks(decisions);
        assert.equal(found.length, 1, `${name} at ${rate}/s: ${failing(decisions).join(', ')}`);
        assert.deepEqual([found[0]!.version, found[0]!.verdict], ['2', 'fail'], name);
      }
    }
  });

  test('says nothing bad of healthy scores, classes and regressions, at whatever rate', () => {
    const streams = { scores, classes: classes(0.6, EVEN), regression };
    for (const [name, good] of Object.entries(streams)) {
      for (const rate of [1 / 60, ...RATES]) {
        const { decisions } = run(recording({ good, rate, before: 100, after: rate < 1 ? 300 : 1_000 }));
        assert.deepEqual(failing(decisions), [], `${name} at ${rate}/s`);
      }
    }
  });

  test('names the check: latency, errors, hard failure, non-finite and constant answers', () => {
    const cases: readonly (readonly [string, Recording])[] = [
      ['p95_latency', { after: 2_000, latencyMs: (random) => (random() < 0.2 ? 700 : 5) }],
      ['error_rate', { after: 2_000, ok: (random) => random() > 0.15 }],
      ['hard_failure', { after: 40, ok: () => false }],
      ['non_finite', { after: 200, bad: () => [null] }],
      ['constant_output', { after: 200, bad: () => [0.25] }],
      ['class_mix', { good: classes(0.6, EVEN), bad: classes(0.6, [5, 1, 1, 1, 1]), after: 600 }],
      ['confidence', { good: classes(0.7, EVEN), bad: classes(0.3, EVEN), after: 600 }],
      ['spread', { good: regression, bad: (random) => [200 + 0.2 * (regression(random)[0]! - 200)], after: 600 }],
      ['mean_drift', { good: regression, bad: (random) => [regression(random)[0]! * 1_000], after: 600 }],
    ];
    for (const [check, options] of cases) {
      const { decisions } = run(recording(options));
      const found = failing(decisions).map((text) => text.split(' ')[1]);
      assert.ok(found.includes(check), `${check}: ${found.join(', ')}`);
      assert.equal(rollbacks(decisions).length, 1, check);
    }
  });

  test('a slow or failing burst of a second is no breach', () => {
    const lines = recording({ after: 3_000 });
    const burst = lines.map((line, index) =>
      index > 2_000 && index <= 2_020 ? line.replace(/"latency_ms":[\d.]+/, '"latency_ms":2000') : line);
    assert.deepEqual(failing(run(burst).decisions), []);
  });

  test('a retrained version with its own baseline is no drift, the same answers with the old one are', () => {
    const other: Stream = (random: Random) => [beta(random, 5, 5)];
    const first = recording({ after: 0 });
    const own = recording({ good: other, before: 0, after: 600, startMs: 1_700_000_100_000 }).slice(1);
    assert.deepEqual(failing(run([...first, ...own]).decisions), []);
    assert.equal(rollbacks(run(recording({ bad: other })).decisions).length, 1);
  });

  test('the evidence of each check decides the same again, and a drift is not attributed', () => {
    const { decisions } = run(recording({ bad: DAMAGES['all in the middle']! }));
    const failed = decisions.filter(({ verdict }) => verdict === 'fail');
    assert.ok(failed.length > 0);
    for (const { check, verdict, evidence } of failed) {
      const stored = JSON.parse(JSON.stringify(evidence)) as { input: CheckEvidence; text: string };
      const again = decide(stored.input);
      assert.deepEqual([again.check, again.verdict, again.text], [check, verdict, stored.text]);
      assert.equal(evidence['attribution'], 'unavailable');
    }
  });

  test('what fails beside the trigger is suppressed, and so is what was gone back to, and no other version', () => {
    const bad = DAMAGES['constant 0.9']!;
    const first = recording({ bad, after: 400 });
    const then = (version: string, startMs: number): string[] => recording({ bad, before: 0, after: 400, startMs })
      .slice(1).map((line) => line.replace('"version":"2"', `"version":"${version}"`));
    const decided = (version: string, startMs: number): [string[], string[]] => {
      const { decisions } = run([...first, ...then(version, startMs)]);
      const held = decisions.filter(({ action }) => action === 'suppressed');
      return [
        rollbacks(decisions).map((one) => one.version),
        held.map((one) => `${one.version} ${one.evidence['suppressedBy'] as string}`),
      ];
    };
    const [restored, reasons] = decided('1', 1_700_000_060_000);
    assert.deepEqual(restored, ['2']);
    assert.ok(reasons.includes('2 rolled_back') && reasons.includes('1 cooldown'), reasons.join(', '));
    assert.deepEqual(decided('1', 1_700_002_000_000)[0], ['2', '1']);
    const [promoted, others] = decided('3', 1_700_000_060_000);
    assert.deepEqual([promoted, others.includes('3 cooldown')], [['2', '3'], false], 'protected at once');
  });

  test('observe acts on nothing, and after the probation a drift only warns', () => {
    const lines = recording({ bad: DAMAGES['all in the middle']!, after: 400 });
    const observed = run(lines, { mode: 'observe' }).decisions;
    assert.ok(observed.some(({ evidence }) => evidence['suppressedBy'] === 'observe'));
    assert.deepEqual(rollbacks(observed), []);
    const options = { mode: 'default', probationMs: 0, probationSamples: 0 } as const;
    const warned = run(recording({ bad: DAMAGES['all in the middle']!, after: 600 }), options).decisions;
    assert.ok(failing(warned).includes('2 shape warn'), failing(warned).join(', '));
    assert.deepEqual(rollbacks(warned), []);
  });

  test('only changes are told, each with the version and the time of its look', () => {
    const { decisions } = run(recording({ bad: DAMAGES['constant 0.9']! }));
    const last = new Map<string, string>();
    for (const { version, check, verdict, t } of decisions) {
      assert.notEqual(last.get(`${version} ${check}`) ?? 'inconclusive', verdict, `${check} at ${t}`);
      last.set(`${version} ${check}`, verdict);
      assert.equal((t - 1_700_000_000_000) % 500, 0);
    }
  });
});

suite('Backtest, compat', () => {
  test('is as blind as the three plain checks: no damage of scores, but latencies, errors and far means', () => {
    const compat = { mode: 'compat' } as const;
    for (const [name, bad] of Object.entries(DAMAGES)) {
      assert.deepEqual(failing(run(recording({ bad }), compat).decisions), [], name);
    }
    const found = (options: Recording): string[] => failing(run(recording(options), compat).decisions);
    assert.deepEqual(found({ latencyMs: () => 700 }), ['2 p95_latency rollback']);
    assert.deepEqual(found({ ok: (random) => random() > 0.3 }), ['2 error_rate rollback']);
    assert.deepEqual(found({ good: regression, bad: () => [1e6] }), ['2 mean_drift rollback']);
  });

  test('limits can be tried', () => {
    const lines = recording({ latencyMs: () => 50 });
    assert.deepEqual(failing(run(lines, { mode: 'compat' }).decisions), []);
    assert.deepEqual(failing(run(lines, { mode: 'compat', p95LimitMs: 20 }).decisions), ['2 p95_latency rollback']);
  });
});

suite('Backtest, files', () => {
  test('models are judged beside each other, also when their lines do not alternate', () => {
    const good = recording({ model: 'good', rate: 7 });
    const bad = recording({ model: 'bad', bad: DAMAGES['collapse to 0.5']! });
    const timeOf = (text: string): number => (JSON.parse(text) as { t: number }).t;
    const mixed = [...good, ...bad].sort((a, b) => timeOf(a) - timeOf(b));
    for (const lines of [mixed, [...good, ...bad]]) {
      const { decisions, summary } = run(lines);
      assert.deepEqual(rollbacks(decisions).map(({ model }) => model), ['bad']);
      assert.equal(summary.models, 2);
    }
  });

  test('an answer that is not finite to an input that is not finite counts against no version', () => {
    const rolledBack = (fieldsOf: (at: number) => object): unknown => {
      const lines = Array.from({ length: 20 }, (_, at) =>
        line({ t: at * 100, ...fieldsOf(at) }).replace('[0.5]', '[null]'));
      return rollbacks(run(lines).decisions).map(({ check }) => check);
    };
    assert.deepEqual(rolledBack((at) => ({ inputs: [at, 1] })), ['non_finite']);
    assert.deepEqual(rolledBack((at) => ({ inputs: [at, null] })), []);
    assert.deepEqual(rolledBack((at) => ({ input: at + 1 })), ['non_finite']);
    assert.deepEqual(rolledBack((at) => ({ input: at + 1, nonfinite_input: true })), []);
  });

  test('NaN and infinities may be null, bare words or text; names that look like them stay names', () => {
    for (const text of ['null', 'NaN', 'Infinity', '-Infinity', '"NaN"']) {
      const { decisions } = run(Array.from({ length: 20 }, (_, at) =>
        line({ t: at * 100, model: 'NaN "x"' }).replace('[0.5]', `[${text}]`)));
      const found = rollbacks(decisions).map(({ check, model }) => `${check} ${model}`);
      assert.deepEqual(found, ['non_finite NaN "x"'], text);
    }
  });

  test('a failed request needs no outputs; versions may be numbers; empty lines are passed over', () => {
    const { summary } = run([line({ ok: false, outputs: undefined, version: 7 }), '', '  ', line({ version: '7' })]);
    assert.deepEqual(summary, { lines: 2, judged: 2, late: 0, outOfOrder: 0, models: 1, missing: 0 });
  });

  test('a line that comes a little late counts as of now, and one of a version that is gone not at all', () => {
    const lines = [
      line({}), line({ t: 900 }), line({ event: 'promote', t: 1_100, version: '2' }),
      line({ t: 1_200 }), line({ t: 1_300, version: '2' }),
    ];
    assert.deepEqual(run(lines).summary, { lines: 5, judged: 3, late: 1, outOfOrder: 1, models: 1, missing: 0 });
  });

  test('further rows of a request speak of the answers and not of the requests', () => {
    const rows = Array.from({ length: 60 }, (_, at) =>
      line({ t: at * 10, ok: at % 3 !== 0, ...(at % 3 === 0 ? {} : { row: at % 3 }) }));
    const { decisions } = run(rows, { mode: 'compat', samplesMin: 20 });
    const [errors] = decisions.filter(({ check }) => check === 'error_rate');
    assert.deepEqual([errors!.verdict, (errors!.evidence['window'] as { requests: number }).requests], ['fail', 20]);
  });

  test('repeated questions are told by their inputs', () => {
    const constant = (inputs: (at: number) => object): string[] => Array.from({ length: 400 }, (_, at) =>
      line({ t: at * 50, outputs: [0.5], ...inputs(at) }));
    const found = (lines: string[]): string[] => {
      const baseline = Array.from({ length: 1_000 }, (_, at) => [((at * 7) % 1_000) / 1_000]);
      return failing(run([line({ event: 'promote', t: 0, baseline }), ...lines]).decisions);
    };
    assert.ok(found(constant((at) => ({ inputs: [at, 1] }))).some((text) => text.includes('constant_output')));
    assert.deepEqual(found(constant(() => ({ inputs: [3, 1] }))), [], 'one question has one answer');
  });

  test('equal answers are not said to be to different inputs when nobody knows the inputs', () => {
    const textOf = (fields: (at: number) => object): string => {
      const lines = Array.from({ length: 400 }, (_, at) => line({ t: at * 50, ...fields(at) }));
      return run(lines).decisions.find(({ check, verdict }) => check === 'constant_output' && verdict === 'fail')!
        .evidence['text'] as string;
    };
    assert.match(textOf(() => ({})), /^\d+ answers in a row are equal \(the inputs are not known\); 50 are too many$/);
    assert.match(textOf((at) => ({ input: at + 1 })), /are equal although the inputs differ; 50 are too many$/);
  });

  test('a gap of years costs nothing, and a long silence is not judged', () => {
    const early = recording({ before: 0, after: 400 });
    const late = recording({ before: 0, after: 400, startMs: 4e12 }).slice(2);
    const { decisions } = run([...early, ...late]);
    assert.deepEqual(failing(decisions), []);
    assert.ok(decisions.some(({ verdict, check }) => verdict === 'inconclusive' && check === 'error_rate'));
  });
});

test('outputs with a declared kind are read as it says', () => {
  const lines = recording({ good: classes(0.6, EVEN), after: 300 });
  const declared = lines.map((text) => text.replace('"event":"promote"', '"event":"promote","kind":"vector"'));
  const kinds = (given: string[]): unknown[] =>
    [...new Set(run(given).decisions.map(({ evidence }) => evidence['outputKind']))];
  assert.deepEqual([kinds(lines), kinds(declared)], [['classes'], ['vector']]);
});
