// Recorded answers of the version before to the same questions decide a backtest as they decide in the engine.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { BacktestDecision } from '../../src/backtest/decision.ts';
import { findingSchema } from '../../src/judge/verdict/findings-schema.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import { randomOf } from '../shared-memory/seeded.ts';
import { score } from './recordings.ts';
import { run } from './replayed.ts';

interface Answer {
  readonly ok?: boolean;
  readonly outputs?: readonly (number | null)[];
}
interface Paired {
  /** Both answers to a question with this score by the version that was right. */
  readonly answers: (right: number, at: number) => { readonly fresh: Answer; readonly twin: Answer | null };
  readonly count?: number;
  readonly promote?: (rows: readonly number[]) => object;
}

/** Version 2 at 20 questions a second beside version 1, each with a baseline of two-humped scores. */
function paired({ answers, count = 900, promote = () => ({}) }: Paired): string[] {
  const random = randomOf(7);
  const rows = Array.from({ length: 1_000 }, () => score(random));
  const model = 'm';
  const head = (version: string, t: number, more: object): string =>
    JSON.stringify({ event: 'promote', t, model, version, baseline: rows.map((one) => [one]), ...more });
  const lines = Array.from({ length: count }, (_, at) => {
    const { fresh, twin } = answers(score(random), at);
    const shown = (one: Answer): object => ({ latency_ms: 5, ok: one.ok ?? true, outputs: one.outputs ?? null });
    return JSON.stringify({
      t: 1_000 + at * 50, model, version: '2', input: at + 1, ...shown(fresh),
      ...(twin === null ? {} : { twin: { version: '1', ...shown(twin) } }),
    });
  });
  return [head('1', 0, {}), head('2', 1_000, promote(rows)), ...lines];
}

const decided = (options: Paired): string[] => run(paired(options)).decisions
  .filter(({ verdict }) => verdict === 'fail')
  .map(({ check, action, evidence: { suppressedBy } }) =>
    [check, action, ...(typeof suppressedBy === 'string' ? [suppressedBy] : [])].join(' '));
const answered = (value: number | null): Answer => ({ outputs: [value] });
const FAILED: Answer = { ok: false };
const rollbacks = (found: readonly string[]): string[] => found.filter((one) => one.includes('rollback'));

suite('a backtest with the answers of the version before', () => {
  test('rolls back from a version that alone fails, has no finite answer, or drifts', () => {
    const cases: readonly (readonly [string, (right: number, at: number) => Answer])[] = [
      ['error_rate', (right, at) => (at % 5 === 0 ? FAILED : answered(right))],
      ['non_finite', (right, at) => answered(at % 4 === 0 ? null : right)],
      ['shape', (right) => answered(0.4 + 0.2 * right)],
      ['constant_output', () => answered(0.5)],
    ];
    for (const [check, freshOf] of cases) {
      const found = decided({ answers: (right, at) => ({ fresh: freshOf(right, at), twin: answered(right) }) });
      assert.equal(rollbacks(found).length, 1, `${check}: ${found.join(', ')}`);
      assert.ok(found.some((one) => one.startsWith(check)), `${check}: ${found.join(', ')}`);
    }
  });

  test('holds still for what the version before does as well: the inputs, or the data, are to blame', () => {
    const cases: readonly (readonly [string, (right: number, at: number) => Answer])[] = [
      ['error_rate suppressed inputs', (right, at) => (at % 5 === 0 ? FAILED : answered(right))],
      ['non_finite suppressed inputs', (right, at) => answered(at % 4 === 0 ? null : right)],
      ['shape suppressed data_drift', (right) => answered(0.4 + 0.2 * right)],
    ];
    for (const [wanted, answerOf] of cases) {
      const found = decided({
        answers: (right, at) => ({ fresh: answerOf(right, at), twin: answerOf(right, at) }), count: 1_800,
      });
      assert.deepEqual(rollbacks(found), [], wanted);
      assert.ok(found.includes(wanted), `${wanted}: ${found.join(', ')}`);
    }
  });

  test('holds still while too few questions were put to both, and without any decides as ever', () => {
    const fresh = (right: number): Answer => answered(0.4 + 0.2 * right);
    const few = decided({
      answers: (right, at) => ({ fresh: fresh(right), twin: at % 40 === 0 ? answered(right) : null }),
    });
    assert.deepEqual(rollbacks(few), []);
    assert.ok(few.includes('shape suppressed more_pairs'), few.join(', '));
    assert.equal(rollbacks(decided({ answers: (right) => ({ fresh: fresh(right), twin: null }) })).length, 1);
  });

  test('tells answers that differ where nobody announced it, and acts where fewer were declared or measured', () => {
    const swapped = (right: number): { fresh: Answer; twin: Answer } =>
      ({ fresh: answered(1 - right), twin: answered(right) });
    const ofPairs = (promote?: Paired['promote']): string[] =>
      decided({ answers: swapped, count: 60, ...(promote !== undefined && { promote }) })
        .filter((one) => one.startsWith('pairs'));
    assert.deepEqual(ofPairs(), ['pairs warn']);
    assert.deepEqual(ofPairs(() => ({ expect: 'same' })), ['pairs rollback']);
    assert.deepEqual(ofPairs(() => ({ expect: 'change=100' })), []);
    const same = (rows: readonly number[]): object => ({ twin_baseline: rows.map((one) => [one]) });
    assert.deepEqual(ofPairs(same), ['pairs rollback'], 'the validation rows showed no change');
    const other = (rows: readonly number[]): object =>
      ({ twin_baseline: rows.map((one, at) => (at === 3 ? null : [1 - one])) });
    assert.deepEqual(ofPairs(other), [], 'they showed this very change');
  });

  test('counts failed requests that were asked again as the engine does', () => {
    const answers = (right: number, at: number) =>
      ({ fresh: at % 5 === 0 ? FAILED : answered(right), twin: at < 3 ? answered(right) : null });
    const lines = paired({ answers });
    const repeat = (own: number, shared: number): string =>
      JSON.stringify({ event: 'repeat', t: 9_000, model: 'm', version: '2', own, shared, passed: 0 });
    const found = (line: string): string[] => {
      const at = lines.findIndex((text) => (JSON.parse(text) as { t: number }).t >= 9_000);
      return run([...lines.slice(0, at), line, ...lines.slice(at)]).decisions
        .filter(({ check }) => check === 'error_rate').map(({ action }) => action);
    };
    assert.ok(found(repeat(40, 0)).includes('rollback'));
    assert.ok(!found(repeat(0, 40)).includes('rollback'));
  });

  test('the finding of each decision is judged the same again from what is stored', () => {
    const answers = (right: number) => ({ fresh: answered(0.4 + 0.2 * right), twin: answered(right) });
    const found = run(paired({ answers })).decisions
      .filter((one: BacktestDecision) => one.evidence['finding'] !== undefined);
    assert.ok(found.length > 0);
    for (const { evidence } of found) {
      const stored = JSON.parse(JSON.stringify(evidence['finding'])) as { blames: string; text: string };
      const { blames, text } = findingOf(findingSchema.parse(stored));
      assert.deepEqual([blames, text], [stored.blames, stored.text]);
    }
  });
});
