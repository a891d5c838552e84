// What pairs say of failing checks: rulings by counts, the errors that they make when somebody looks after every pair,
// and that what is stored gives the same ruling again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findingOf } from '../../../src/judge/verdict/findings.ts';
import type { Finding } from '../../../src/judge/verdict/findings.ts';
import type { PairedChanges, PairedFailures } from '../../../src/judge/verdict/paired.ts';
import { findingSchema } from '../../../src/judge/verdict/findings-schema.ts';
import { seededRandom } from '../fixtures.ts';

const WAIT = { waitedMs: 1_000, waitMs: 600_000 };
const OVER = { waitedMs: 600_000, waitMs: 600_000 };
type Drawn = NonNullable<PairedFailures['drawn']>;
const none = { plus: 0, zero: 1_000, minus: 0 };
const drawnOf = (more: Partial<Drawn> = {}): Drawn =>
  ({ block: 0, failed: none, nonFinite: none, both: { failed: 0, nonFinite: 0 }, ...more });

const failures = (facts: Partial<PairedFailures> = {}, cause: 'failure' | 'output' = 'failure'): Finding => findingOf({
  cause, facts: {
    paired: true, version: '2', twin: '1', drawn: drawnOf(), repeated: { own: 0, shared: 0, passed: 0 }, ...WAIT,
    ...facts,
  },
});
const repeated = (own: number, shared: number, passed = 0): Partial<PairedFailures> =>
  ({ repeated: { own, shared, passed } });

describe('Failures, by pairs', () => {
  test('are the version\'s when the twin answers what it fails again, and the inputs\' when that fails too', () => {
    assert.equal(failures(repeated(20, 0)).blames, 'version');
    assert.equal(failures(repeated(0, 20)).blames, 'inputs');
    assert.match(failures(repeated(0, 20)).text, /both fail 20; .*: version 1 does no better/);
    assert.equal(failures(repeated(4, 0)).blames, 'pairs', 'four are luck');
    assert.equal(failures(repeated(20, 20)).blames, 'pairs');
  });

  test('are the version\'s beside any number that both fail when questions drawn at random show it', () => {
    const drawn = drawnOf({ failed: { plus: 60, zero: 940, minus: 0 }, both: { failed: 300, nonFinite: 0 } });
    assert.equal(failures({ drawn, ...repeated(4, 60) }).blames, 'version');
  });

  test('that come and go with both are nobody\'s: what is answered now, and what the twin alone fails, counts', () => {
    assert.notEqual(failures(repeated(9, 1, 90)).blames, 'version');
    const drawn = drawnOf({ failed: { plus: 90, zero: 820, minus: 90 }, both: { failed: 10, nonFinite: 0 } });
    assert.notEqual(failures({ drawn }).blames, 'version');
  });

  test('of which too few came in the time that there is are judged by most of them', () => {
    assert.equal(failures({ ...repeated(4, 0), ...OVER }).blames, 'version');
    assert.equal(failures({ ...repeated(1, 3), ...OVER }).blames, 'inputs');
    assert.equal(failures({ ...repeated(0, 0, 4), ...OVER }).blames, 'unknown', 'nothing of it fails again');
    assert.equal(failures({ drawn: null, ...OVER }).blames, 'unknown');
  });

  test('lead nowhere while the twin is proven worse', () => {
    const drawn = drawnOf({ nonFinite: { plus: 0, zero: 900, minus: 100 } });
    const { blames, text } = failures({ drawn, ...repeated(20, 0) });
    assert.deepEqual([blames, text.endsWith('; but version 1 is worse on pairs')], ['twin', true]);
  });

  test('and answers that are not finite are told apart', () => {
    const drawn = drawnOf({ nonFinite: { plus: 20, zero: 30, minus: 0 } });
    assert.equal(failures({ drawn }, 'output').blames, 'version');
    assert.equal(failures({ drawn }, 'failure').blames, 'pairs');
    assert.equal(failures({ drawn: drawnOf({ both: { failed: 0, nonFinite: 30 } }) }, 'output').blames, 'inputs');
  });
});

type Change = PairedChanges['changes'][number];
const changeOf = (levels: readonly (readonly [number, number])[], more: Partial<Change> = {}): Change => ({
  check: 'class_mix', margin: 0.05, expected: 0, levels: levels.map(([level, pairs]) => ({ level, pairs })), ...more,
});
const changes = (list: Change[], more: Partial<PairedChanges> = {}, cause: 'drift' | 'constant' = 'drift'): Finding =>
  findingOf({ cause, facts: {
    paired: true, version: '2', twin: '1', drawn: drawnOf(), episode: 0, changes: list, ...WAIT, ...more,
  } });

describe('A drift, by pairs', () => {
  test('is the version\'s when its answers to the same questions changed, and the data\'s when they did not', () => {
    assert.equal(changes([changeOf([[1, 40], [0, 120]])]).blames, 'version');
    assert.equal(changes([changeOf([[0, 300]])]).blames, 'data');
    assert.equal(changes([changeOf([[1, 5], [0, 95]])]).blames, 'pairs');
    assert.equal(changes([changeOf([[1, 5], [0, 95]])], OVER).blames, 'unknown');
    assert.equal(changes([changeOf([[0, 300]])], {}, 'constant').blames, 'inputs');
  });

  test('of a change that was expected is not the version\'s', () => {
    const levels = [[1, 20], [0, 80]] as const;
    assert.notEqual(changes([changeOf(levels, { expected: 0.2 })]).blames, 'version');
    assert.equal(changes([changeOf([[1, 60], [0, 40]], { expected: 0.2 })]).blames, 'version');
    assert.equal(changes([changeOf([[1, 100]], { expected: 1 })]).blames, 'data', 'there is nothing beyond everything');
  });

  test('by several checks is the version\'s by any of them, and the data\'s only by all', () => {
    const alike = changeOf([[0, 300]]);
    assert.equal(changes([alike, changeOf([[0.5, 100]], { check: 'mean_drift', margin: 0.25 })]).blames, 'version');
    assert.equal(changes([alike, changeOf([[0, 3]], { check: 'shape' })]).blames, 'pairs');
  });

  test('needs more of every further alarm', () => {
    const few = [changeOf([[1, 40], [0, 120]])];
    assert.equal(changes(few, { episode: 0 }).blames, 'version');
    assert.equal(changes(few, { episode: 20 }).blames, 'pairs');
  });

  test('is blamed wrongly, or cleared wrongly, seldom enough by whoever looks after every pair', () => {
    const random = seededRandom(11);
    const [runs, pairs] = [400, 600];
    let [blamed, cleared] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      // Exactly at the margin: half of the answers that are noise go each way, and a twentieth more upwards.
      const counts = new Map([[1, 0], [0, 0], [-1, 0]]);
      const seen = new Set<string>();
      for (let pair = 0; pair < pairs; pair += 1) {
        const draw = random();
        const level = draw < 0.15 ? 1 : draw < 0.25 ? -1 : 0;
        counts.set(level, counts.get(level)! + 1);
        seen.add(changes([changeOf([...counts])]).blames);
      }
      if (seen.has('version')) blamed += 1;
      if (seen.has('data')) cleared += 1;
    }
    assert.equal(blamed, 0, 'of 400 runs 0.04 are to be expected');
    assert.ok(cleared <= 12, `${cleared} of ${runs} were cleared at the margin; 4 are to be expected at most`);
  });
});

type Levels = readonly (readonly [number, number])[];
const heavy = (seen: number, levels: Levels): Pick<Change, 'sources'> => ({ sources: {
  seen, heaviest: { source: 'cafe0001', levels: levels.map(([level, pairs]) => ({ level, pairs })) },
} });
const known = { inputs: 200, levels: [] };

describe('A change that pairs prove', () => {
  const proven: Levels = [[1, 60], [0, 60]];

  test('is the version\'s while the others show it without the source that shows most of it', () => {
    assert.equal(changes([changeOf(proven, heavy(3, [[1, 20], [0, 20]]))]).blames, 'version');
    const { blames, text } = changes([changeOf([[1, 60], [0, 300]], heavy(3, [[1, 60]]))]);
    assert.equal(blames, 'one_source');
    assert.match(text, /without source cafe0001 it is 0 % of 300 votes/);
  });

  test('waits for the others as long as there is time, then is of one source', () => {
    const alone = [changeOf(proven, heavy(2, [[1, 58], [0, 50]]))];
    assert.equal(changes(alone).blames, 'pairs');
    assert.equal(changes(alone, OVER).blames, 'one_source');
    assert.equal(changes([changeOf(proven, heavy(1, proven))]).blames, 'version', 'one source alone decides');
  });

  test('of questions that the twin answers otherwise than usual, too, is the data\'s, or the inputs\'', () => {
    const twin = (counts: number[]): Pick<Change, 'twin'> =>
      ({ twin: { inputs: 120, levels: [{ of: 'class_mix', limit: 0.1, baseline: [300, 200], counts }] } });
    assert.equal(changes([changeOf(proven, twin([72, 48]))]).blames, 'version');
    const { blames, text } = changes([changeOf(proven, twin([110, 10]))]);
    assert.equal(blames, 'data');
    assert.match(text, /version 1 answers them otherwise than usual: a class's share is 31.7 % off/);
    assert.equal(changes([changeOf(proven, twin([110, 10]))], {}, 'constant').blames, 'inputs');
    assert.equal(changes([changeOf(proven, twin([16, 4]))]).blames, 'version', 'twenty answers may lie so by chance');
    const level = { of: 'shape' as const, limit: 0.25, baseline: [50, 50], counts: [10, 110] };
    const shape = { inputs: 120, levels: [level] };
    assert.match(changes([changeOf(proven, { twin: shape })]).text, /PSI .* of its shape \(limit 0.25\)/);
  });

  test('by nobody knows whom needs many different questions', () => {
    const sources = { seen: 1, heaviest: null };
    assert.equal(changes([changeOf(proven, { sources, twin: { ...known, inputs: 49 } })]).blames, 'pairs');
    assert.equal(changes([changeOf(proven, { sources, twin: { ...known, inputs: 49 } })], OVER).blames, 'unknown');
    assert.equal(changes([changeOf(proven, { sources, twin: { ...known, inputs: 50 } })]).blames, 'version');
  });
});

describe('What pairs said', () => {
  test('is judged again from what is stored of it', () => {
    const oneSource = changeOf([[1, 60], [0, 300]], { ...heavy(3, [[1, 60]]), twin: known });
    for (const finding of [failures(repeated(20, 0)), changes([changeOf([[1, 20], [0, 80]])]), changes([oneSource])]) {
      const stored = findingSchema.parse(JSON.parse(JSON.stringify(finding)));
      assert.deepEqual(findingOf(stored), finding);
    }
  });
});
