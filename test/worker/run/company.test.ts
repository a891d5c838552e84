// A row is answered as if it were alone, on every lane, also by models that mix whatever shares a run.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { monotonicUs } from '../../../src/base/clock.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { RowInputsEncoder } from '../../../src/domain/row-codec.ts';
import { floatFrame } from '../../support/float-frames.ts';
import { benchOn } from '../fixtures.ts';
import type { Bench } from '../fixtures.ts';
import { fixedSoftmax, quantised, runningSum, sequenceFirst, sharesOfRows } from '../mixers.ts';
import { linear } from '../onnx.ts';

const ROWS = 16;

interface Case {
  readonly bytes: Uint8Array;
  readonly columns: number;
  /** Shape of one row. */
  readonly rowShape: readonly number[];
  /** Rows of one request for whole tensors. */
  readonly wholeRows: number;
}

const CASES: Readonly<Record<string, Case>> = {
  'a running sum': { bytes: runningSum(), columns: 2, rowShape: [2], wholeRows: 1 },
  'an LSTM': { bytes: sequenceFirst(), columns: 6, rowShape: [1, 6], wholeRows: 1 },
  'a softmax over rows': { bytes: sharesOfRows(), columns: 4, rowShape: [4], wholeRows: 1 },
  'a softmax over four rows': { bytes: fixedSoftmax(0), columns: 3, rowShape: [3], wholeRows: 4 },
  'a dynamically quantised layer': { bytes: quantised(), columns: 10, rowShape: [10], wholeRows: 1 },
};

/** Rows of both signs and of five orders of magnitude. */
const rowOf = (index: number, columns: number): number[] => Array.from({ length: columns }, (_, column) =>
  Math.fround((column % 2 === 0 ? 1 : -1) * (1 + ((index * 7 + column * 3) % 10)) * 10 ** ((index % 5) - 2)));

const nested = (row: readonly number[], shape: readonly number[]): unknown => (shape.length === 1 ? row : [row]);

/** What a lane asks of a row. */
const LANES: Readonly<Record<string, readonly [kind: EntryKind, body: (
  row: readonly number[], of: Case) => string | Uint8Array]>> = {
  '/predict': [EntryKind.predictJson, (row, { rowShape }) => JSON.stringify({ features: nested(row, rowShape) })],
  'lastgood.json': [
    EntryKind.socketJson, (row, { rowShape }) => JSON.stringify({ id: 1, features: nested(row, rowShape) })],
  'lastgood.f32': [EntryKind.floatFrame, (row) => floatFrame(1, row)],
  TFS: [EntryKind.tfsPredict, (row, of) =>
    JSON.stringify({ instances: wholeOf(row, of).map((one) => nested(one, of.rowShape)) })],
  'OIP JSON': [EntryKind.oip, (row, of) => JSON.stringify({ inputs: [{
    name: 'x', datatype: 'FP32', shape: [of.wholeRows, ...of.rowShape], data: wholeOf(row, of).flat(),
  }] })],
  replay: [EntryKind.replay, (row, { rowShape, columns }) => Uint8Array.from(new RowInputsEncoder().encode(
    [{ data: Float32Array.from(row), shape: rowShape, elements: columns }], 0))],
};

const wholeOf = (row: readonly number[], { wholeRows }: Case): number[][] =>
  Array.from({ length: wholeRows }, (_, at) => row.map((value) => value * (1 - at / 8)));

/** The answers' bytes without what differs each time. */
async function ask(
  { arena, runner }: Bench, kind: EntryKind, bodies: readonly (string | Uint8Array)[],
): Promise<string[]> {
  const slab = arena.slabs[0]!.clear();
  for (const body of bodies) {
    const bytes = Buffer.from(body);
    slab.append(kind, bytes, monotonicUs(), Infinity, kind === EntryKind.oip ? bytes.length : 0);
  }
  slab.stamp(7, 1, monotonicUs());
  await runner.run(slab);
  return bodies.map((_, entry) => {
    assert.equal(slab.status(entry), 200);
    return Buffer.from(slab.answer(entry)!).toString('latin1').replace(/"latency_ms":[\d.]+/, '');
  });
}

suite('a row in company', () => {
  for (const [what, one] of Object.entries(CASES)) {
    for (const [lane, [kind, bodyOf]] of Object.entries(LANES)) {
      // Rows of an open shape cannot be told apart in a frame of bare floats.
      if (lane === 'lastgood.f32' && one.rowShape.length > 1) continue;
      test(`${what} answers it by ${lane} as if it were alone`, async () => {
        const bench = await benchOn(one.bytes, { kind: 'vector' });
        const bodies = Array.from({ length: ROWS }, (_, index) => bodyOf(rowOf(index, one.columns), one));
        const alone: string[] = [];
        for (const body of bodies) alone.push(...(await ask(bench, kind, [body])));
        assert.deepEqual(await ask(bench, kind, bodies), alone);
        // Alone, all of a softmax over the rows is in the one row.
        if (!what.startsWith('a softmax')) assert.ok(new Set(alone).size > 1, 'the answers say something');
        await bench.session.release();
      });
    }

    test(`${what} answers the rows of one request each as if it were alone`, async () => {
      const bench = await benchOn(one.bytes, { kind: 'vector' });
      const rows = Array.from({ length: 5 }, (_, index) => nested(rowOf(index, one.columns), one.rowShape));
      const alone: unknown[] = [];
      for (const features of rows) {
        const [answer] = await bench.batch([JSON.stringify({ features })]);
        alone.push(answer!.body['prediction']);
      }
      const [together] = await bench.batch([JSON.stringify({ instances: rows })]);
      assert.deepEqual(together!.body['predictions'], alone);
      await bench.session.release();
    });
  }

  test('shares its run with the others where the model keeps rows apart, on every lane', async () => {
    const of = { bytes: linear(), columns: 3, rowShape: [3], wholeRows: 1 };
    for (const [lane, [kind, bodyOf]] of Object.entries(LANES)) {
      if (kind === EntryKind.replay) continue;
      const bench = await benchOn(of.bytes);
      await ask(bench, kind, Array.from({ length: ROWS }, (_, index) => bodyOf(rowOf(index, 3), of)));
      assert.deepEqual([...new Set(bench.samples().map(({ batchRows }) => batchRows))], [ROWS], lane);
      await bench.session.release();
    }
  });
});
