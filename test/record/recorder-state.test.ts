// What the recorder says at the head of a new file, and when.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WatchGeneration } from '../../src/judge/types/messages.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import { RecordFile } from '../../src/record/record-file.ts';
import { RecorderState } from '../../src/record/recorder-state.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const { judge } = optionsOfModel(resolveOptions({}), 'm');
const watch = (generation: number, version: string, model = 'm'): WatchGeneration =>
  ({ kind: 'watch', model, generation, version, outputKind: 'scalar', baseline: null, options: judge });

interface Line {
  readonly t: number;
  readonly model: string;
  readonly version: string;
  readonly continued?: boolean;
}
const linesOf = (text: string): (readonly [number, string, string, boolean])[] =>
  text.split('\n').filter((line) => line !== '').map((line) => {
    const { t, model, version, continued = false } = JSON.parse(line) as Line;
    return [t, model, version, continued] as const;
  });

test('a file that a promote line begins says first what answered before it, and since when', () => {
  const path = join(temporaryDirectory(), 's.ndjson');
  const state = new RecorderState(1_000, 0);
  const file = new RecordFile({ path, bytesMax: 100, filesMax: 9, head: () => state.head() });
  file.write(state.handle(watch(1, 'a'), 5_000));
  file.write(state.handle(watch(1, 'x', 'other'), 6_000));
  file.write(state.handle(watch(2, 'b'), 9_000));
  file.close();
  assert.deepEqual([`${path}.2`, `${path}.1`, path].map((name) => linesOf(readFileSync(name, 'utf8'))), [
    [[1_005, 'm', 'a', false]],
    [[1_005, 'm', 'a', true], [1_006, 'other', 'x', false]],
    [[1_006, 'm', 'a', true], [1_006, 'other', 'x', true], [1_009, 'm', 'b', false]],
  ]);
});

test('a gap is told with what answers after it, since when, and how many samples are missing', () => {
  const state = new RecorderState(1_000, 0);
  state.handle(watch(1, 'a'), 5_000);
  state.drain(6_000);
  state.beginGap();
  state.handle(watch(2, 'b'), 9_000);
  state.drain(10_000);
  const { lines, samples } = state.gap();
  assert.equal(samples, 0);
  const [head, gap] = lines.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual([head?.['event'], head?.['version'], head?.['continued']], ['promote', 'b', true]);
  assert.deepEqual(gap, { event: 'gap', t: 1_009, model: 'm', version: 'b', since: 1_005, samples: 0 });
  state.endGap();
});

test('the head of what comes after a promote line names the promoted version', () => {
  const state = new RecorderState(1_000, 0);
  state.handle(watch(1, 'a'), 5_000);
  state.handle(watch(2, 'b'), 9_000);
  assert.deepEqual(linesOf(state.head()), [[1_005, 'm', 'a', true]]);
  assert.equal(state.drain(), '');
  assert.deepEqual(linesOf(state.head()), [[1_009, 'm', 'b', true]]);
});
