// Lines of a recording that are refused, each with its number and with what was wanted.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { failing, line, run } from './replayed.ts';

suite('Backtest, lines that are refused', () => {
  test('a line that is not as documented is refused with its number and what was wanted', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['{"t":1', /line 2: it is no JSON/], ['[1]', /line 2: it is \[1\]; wanted a JSON object/],
      [line({ t: 'now' }), /"t" is "now"; wanted a time/], [line({ model: '' }), /"model" is ""; wanted a name/],
      [line({ version: null }), /"version" is null/], [line({ ok: 1 }), /"ok" is 1; wanted true or false/],
      [line({ latency_ms: -1 }), /"latency_ms" is -1/], [line({ outputs: undefined }), /"outputs" is missing/],
      [line({ outputs: ['a'] }), /"outputs" holds "a"; wanted numbers/], [line({ outputs: 0.5 }), /"outputs" is 0.5/],
      [line({ outputs: [1, 2] }), /"outputs" has 2 numbers; wanted 1/], [line({ event: 'stop' }), /"event" is "stop"/],
      [line({ event: 'promote', baseline: [[1], [1, 2]] }), /"baseline" has 2 outputs in row 1 and 1 in row 0/],
      [line({ event: 'promote', kind: 'x' }),
        /"kind" is "x"; wanted one of scalar, score, regression, labels, classes, vec/],
      [line({ row: 0 }), /"row" is 0; wanted 1 or more/], [line({ row: -3 }), /"row" is -3; wanted 1 or more/],
      [line({ row: 1.5 }), /"row" is 1.5; wanted a whole/],
      [line({ event: 'promote', baseline: [[null]] }), /"baseline" holds a number that is not finite/],
      [line({ t: -5 }), /"t" is -5; wanted a time in milliseconds/], [line({ t: 8.64e15 }), /"t" is 8640000000000000;/],
      [line({ twin: 1 }), /"twin" is 1; wanted what the version before answered/],
      [line({ twin: { ok: true, latency_ms: 1, outputs: [1] } }), /"twin.version" is missing; wanted a name/],
      [line({ twin: { version: '0', latency_ms: 1, outputs: [1] } }), /"twin.ok" is missing; wanted true or false/],
      [line({ twin: { version: '0', ok: true, outputs: [1] } }), /"twin.latency_ms" is missing; wanted milliseconds/],
      [line({ twin: { version: '0', ok: true, latency_ms: 1 } }), /"twin.outputs" is missing; wanted an array/],
      [line({ twin: { version: '0', ok: true, latency_ms: 1, outputs: [1, 2] } }), /"twin" has 2 outputs; wanted 1/],
      [line({ twin: { version: '1', ok: true, latency_ms: 1, outputs: [1] } }), /"twin" is of version "1", whose line/],
      [line({ source: 7 }), /"source" is 7; wanted a text of at most 200/], [line({ source: '' }), /"source" is ""/],
      [line({ event: 'promote', baseline: [[1], [2]], twin_baseline: [[1]] }),
        /"twin_baseline" has 1 rows; wanted an answer for each of the 2 rows of "baseline"/],
      [line({ event: 'promote', baseline: [[1]], twin_baseline: [[1, 2]] }), /"twin_baseline" has 2 outputs in row 0/],
      [line({ event: 'promote', baseline: [[1]], twin_baseline: [['a']] }), /"twin_baseline\[0\]" holds "a"/],
      [line({ event: 'promote', expect: 'much' }), /"expect" is "much"; wanted same, or change=PERCENT/],
      [line({ event: 'promote', twin_summary: [] }), /"twin_summary" is \[\]; wanted an object/],
      [line({ event: 'promote', twin_summary: { against: '0', expected: { rows: 1 }, pairs: [] } }),
        /"twin_summary.expected.unanswered" is missing; wanted counts/],
      [line({ event: 'repeat', own: 1, shared: -1, passed: 0 }), /"shared" is -1; wanted a whole number, 0 or more/],
    ];
    for (const [text, wanted] of cases) {
      assert.throws(() => run([line({}), text]), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'SAMPLES_INVALID', text);
        assert.match(error.message, wanted);
        return true;
      }, text);
    }
    assert.throws(() => run([line({ t: 71_000 }), line({ t: 0 })]), /its time is 71 s before that of an earlier line/);
  });

  test('the first and the last times that are taken can be judged and printed', () => {
    for (const t of [0, 8.6e15]) {
      const { decisions } = run(Array.from({ length: 40 }, () => line({ t, ok: false })), { windowMs: 3_600_000 });
      assert.deepEqual(failing(decisions), ['1 hard_failure rollback'], String(t));
      for (const decision of decisions) new Date(decision.t).toISOString();
    }
  });

  test('a baseline that register would refuse is refused with its line', () => {
    const promote = (baseline: unknown, kind?: string): string =>
      line({ event: 'promote', version: '2', baseline, kind });
    const refused = (lines: readonly string[], message: RegExp): void =>
      assert.throws(() => run([line({}), ...lines]), { code: 'SAMPLES_INVALID', message });
    refused([promote([])], /line 2: "baseline" has no rows; wanted at least one, or null/);
    refused([promote([[]])], /line 2: "baseline" has no outputs in row 0/);
    refused([promote([[1], [null]])], /line 2: "baseline" holds a number that is not finite in row 1/);
    refused([promote([[0.1], [0.9]], 'classes')],
      /line 2: "baseline" is not of its "kind": its rows have 1 number, which is no classes as declared/);
    refused([promote([[0.1], [1.5]], 'score')], /line 2: .* values outside of 0 to 1, which are no score as declared/);
    refused([promote([[0.1, 0.2]], 'classes')], /line 2: .* do not add up to 1/);
    refused([promote([[0.1, 0.2]], 'scalar')], /line 2: .* have 2 numbers, which is no scalar/);
    const ten = Array.from({ length: 10 }, () => 0.1);
    for (const none of [null, undefined]) {
      assert.equal(run([promote(none, 'classes'), line({ version: '2', outputs: ten })]).summary.judged, 1);
    }
    assert.equal(run([promote([[3], [4]], 'scalar'), line({ version: '2' })]).summary.judged, 1);
  });

  test('a sample that is not as wide as the baseline of its promote line is refused with its line', () => {
    const promote = line({ event: 'promote', version: '2', baseline: [[0.2, 0.3, 0.5]] });
    const failed = line({ version: '2', ok: false, outputs: null });
    const wide = line({ version: '2', outputs: Array.from({ length: 10 }, () => 0.1) });
    assert.throws(() => run([line({}), promote, failed, wide]), {
      code: 'SAMPLES_INVALID',
      message: /line 4: "outputs" has 10 numbers; wanted 3, as in the "baseline" of the promote line of version "2"/,
    });
  });
});
