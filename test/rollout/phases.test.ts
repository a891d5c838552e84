// The table of phases, every pair of it, and the drawing of it at the head of the rollout.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { emptyModel } from '../../src/registry/rules.ts';
import { nextPhase, PHASES, standingOf } from '../../src/rollout/phases.ts';
import type { EnginePhase, PhaseEvent, Standing } from '../../src/rollout/phases.ts';

const STANDINGS: readonly Standing[] = ['unproven', 'proven', 'stopped'];
const EVENTS: Readonly<Record<PhaseEvent['kind'], readonly PhaseEvent[]>> = {
  load_began: [{ kind: 'load_began' }],
  load_ended: [{ kind: 'load_ended' }],
  entered: STANDINGS.map((standing) => ({ kind: 'entered', standing })),
  saved: STANDINGS.map((standing) => ({ kind: 'saved', standing })),
  proven: [{ kind: 'proven' }],
  target_missing: [{ kind: 'target_missing' }],
  target_found: STANDINGS.map((standing) => ({ kind: 'target_found', standing })),
  restored_failed: [{ kind: 'restored_failed' }],
  recovered: STANDINGS.map((standing) => ({ kind: 'recovered', standing })),
};

/** What an event leads to, for each standing that it may come with; null where it means nothing. */
function outcomes(phase: EnginePhase, kind: PhaseEvent['kind']): string {
  return EVENTS[kind].map((event) => nextPhase(phase, event) ?? 'nothing').join(' | ');
}

/** One line an event: from where it leads where. */
function drawing(): string[] {
  return Object.keys(EVENTS).map((name) => {
    const kind = name as PhaseEvent['kind'];
    const from = PHASES.filter((phase) => !outcomes(phase, kind).startsWith('nothing'));
    const ends = new Set(from.map((phase) => outcomes(phase, kind)));
    assert.equal(ends.size, 1, `${kind} leads to one place, whatever it comes from`);
    const phases = from.length === PHASES.length ? 'any' : from.join(', ');
    return `//   ${kind.padEnd(16)} ${phases} -> ${[...ends].join()}`;
  });
}

describe('nextPhase', () => {
  const registry = 'probation | steady | restored_failing';
  const nothing = 'nothing | nothing | nothing';
  const table: Readonly<Record<EnginePhase, Readonly<Record<PhaseEvent['kind'], string>>>> = {
    empty: {
      load_began: 'loading', load_ended: 'nothing', entered: registry, saved: nothing, proven: 'nothing',
      target_missing: 'nothing', target_found: nothing, restored_failed: 'nothing', recovered: nothing,
    },
    loading: {
      load_began: 'nothing', load_ended: 'empty', entered: registry, saved: nothing, proven: 'nothing',
      target_missing: 'nothing', target_found: nothing, restored_failed: 'nothing', recovered: nothing,
    },
    probation: {
      load_began: 'nothing', load_ended: 'nothing', entered: registry, saved: registry, proven: 'steady',
      target_missing: 'no_rollback_target', target_found: nothing,
      restored_failed: 'restored_failing', recovered: nothing,
    },
    steady: {
      load_began: 'nothing', load_ended: 'nothing', entered: registry, saved: nothing, proven: 'steady',
      target_missing: 'no_rollback_target', target_found: nothing,
      restored_failed: 'restored_failing', recovered: nothing,
    },
    no_rollback_target: {
      load_began: 'nothing', load_ended: 'nothing', entered: registry, saved: nothing, proven: 'steady',
      target_missing: 'no_rollback_target', target_found: registry,
      restored_failed: 'restored_failing', recovered: nothing,
    },
    restored_failing: {
      load_began: 'nothing', load_ended: 'nothing', entered: registry, saved: nothing, proven: 'steady',
      target_missing: 'no_rollback_target', target_found: nothing,
      restored_failed: 'nothing', recovered: registry,
    },
  };
  for (const phase of PHASES) {
    for (const kind of Object.keys(EVENTS) as PhaseEvent['kind'][]) {
      test(`${kind} in ${phase} leads to ${table[phase][kind]}`, () => {
        assert.equal(outcomes(phase, kind), table[phase][kind]);
      });
    }
  }

  test('is drawn at the head of the rollout', () => {
    const text = readFileSync(join(packageRoot(), 'src', 'rollout', 'rollout.ts'), 'utf8');
    const drawn = text.split('\n').filter((line) => /^\/\/ {3}\S/.test(line));
    assert.deepEqual(drawn, drawing());
  });
});

test('standingOf reads a model\'s record, and a stop counts for its own generation only', () => {
  const record = { ...emptyModel('m', 0), generation: 3 };
  assert.equal(standingOf(record), 'unproven');
  assert.equal(standingOf({ ...record, probationEndedAtMs: 1 }), 'proven');
  assert.equal(standingOf({ ...record, probationEndedAtMs: 1, stoppedGeneration: 3 }), 'stopped');
  assert.equal(standingOf({ ...record, stoppedGeneration: 2 }), 'unproven');
});
