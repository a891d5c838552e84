// Votes of those who ask: one a second for each of several, one a question where nobody can be told from anybody.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SourcesSeen, SourceVotes } from '../../../src/judge/pairs/source-votes.ts';
import { LIBRARY_SOURCE, UNKNOWN_SOURCE } from '../../../src/shared-memory/source-ids.ts';

/** Votes that everybody has noted before. */
function voting() {
  const seen = new SourcesSeen();
  const votes = new SourceVotes(seen);
  const ask = (source: number, atS: number, level: number): void => {
    seen.note(source, atS * 1e6);
    votes.add(source, atS * 1e6, level);
  };
  return { seen, votes, ask };
}

describe('SourceVotes', () => {
  test('has a vote for each question of one who asks alone, and of those whom nobody can tell apart', () => {
    for (const source of [UNKNOWN_SOURCE, LIBRARY_SOURCE, 77]) {
      const { votes, ask } = voting();
      for (let at = 0; at < 5; at += 1) ask(source, 1, 1);
      const { levels, sources } = votes.facts();
      assert.deepEqual(levels, [{ level: 1, pairs: 5 }]);
      assert.deepEqual(sources?.heaviest?.source, source === UNKNOWN_SOURCE ? undefined : source === 77
        ? '0000004d' : 'library');
    }
  });

  test('has one vote a second for each of several, what its questions showed on average, once it is over', () => {
    const { votes, ask } = voting();
    ask(8, 0, 0);
    for (let at = 0; at < 64; at += 1) ask(9, 1, at % 2);
    ask(8, 1, 0);
    assert.deepEqual(votes.facts().levels, [{ level: 0, pairs: 1 }], 'the second is not over');
    ask(8, 2, 0);
    const { levels, sources } = votes.facts();
    assert.deepEqual(levels, [{ level: 0, pairs: 2 }, { level: 0.5, pairs: 1 }]);
    assert.deepEqual(sources, { seen: 2, heaviest: { source: '00000009', levels: [{ level: 0.5, pairs: 1 }] } });
  });

  test('keeps apart the source of most events among any number, and forgets who has not asked for ten minutes', () => {
    const { seen, votes, ask } = voting();
    for (let at = 0; at < 1_000; at += 1) {
      for (let other = 0; other < 3; other += 1) ask(100 + ((at * 3 + other) % 500), at, 0);
      ask(9, at, 1);
    }
    const { heaviest } = votes.facts().sources!;
    assert.equal(heaviest?.source, '00000009');
    assert.ok(heaviest.levels[0]!.pairs > 900);
    assert.ok(seen.count <= 32);
    seen.note(9, 1_700e6);
    assert.deepEqual([seen.count, seen.isAnyKnown], [1, true]);
    seen.note(UNKNOWN_SOURCE, 2_400e6);
    assert.deepEqual([seen.count, seen.isAnyKnown], [1, false]);
  });
});
