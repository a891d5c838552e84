// What requests weigh, told without reading them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LARGE_US, RequestScale } from '../../src/batch/request-scale.ts';
import type { Datatype, Signature } from '../../src/domain/records.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';

const ROW_MS = 0.5;
const signatureOf = (shape: readonly number[], datatype: Datatype = 'FP32'): Signature => ({
  inputs: [{ name: 'x', datatype, shape }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
});
const scaleOf = (signature: Signature, rowMs = ROW_MS): RequestScale =>
  new RequestScale({ signature, trial: { rowMs, runMs: 2 * rowMs } });

const instances = (rows: number, row: string): Buffer =>
  Buffer.from(`{"instances":[${Array.from({ length: rows }, () => `[${row}]`).join(',')}]}`);
/** Rows that the weight of a request stands for. */
const rowsOf = (scale: RequestScale, body: Buffer, kind: EntryKind = EntryKind.predictJson, headerBytes = 0): number =>
  Math.round(1 + scale.weightUs(kind, body, headerBytes) / scale.rowUs);

suite('RequestScale', () => {
  test('tells the rows of text by its values, however long they are written', () => {
    const scale = scaleOf(signatureOf([-1, 4]));
    for (const value of ['1', '0.12345678901234567']) {
      const row = Array.from({ length: 4 }, () => value).join(',');
      for (const rows of [1, 2, 40, 150]) assert.equal(rowsOf(scale, instances(rows, row)), rows);
    }
    const data = Array.from({ length: 160 }, () => '1').join(',');
    const flat = `{"inputs":[{"name":"x","datatype":"FP32","shape":[40,4],"data":[${data}]}]}`;
    const found = rowsOf(scale, Buffer.from(flat), EntryKind.oip, flat.length);
    assert.ok(found >= 40 && found <= 42, `${found}`);
  });

  test('tells those of a long text within some percent, and takes the denser end where the two differ', () => {
    const scale = scaleOf(signatureOf([-1, 4]));
    const rows = rowsOf(scale, instances(20_000, '1.25,2,3,4'));
    assert.ok(Math.abs(rows - 20_000) < 1_000, `${rows}`);
    const padded = Buffer.concat([Buffer.alloc(200_000, ' '), instances(20_000, '1,2,3,4')]);
    assert.ok(rowsOf(scale, padded) >= 20_000);
  });

  test('tells the rows of raw numbers by their bytes', () => {
    const scale = scaleOf(signatureOf([-1, 4]));
    assert.equal(rowsOf(scale, Buffer.alloc(16 * 300), EntryKind.floatFrame), 300);
    assert.equal(rowsOf(scale, Buffer.alloc(80 + 16 * 300), EntryKind.oip, 80), 300);
    assert.equal(rowsOf(scaleOf(signatureOf([-1, 4], 'UINT8')), Buffer.alloc(80 + 4 * 300), EntryKind.oip, 80), 300);
  });

  test('weighs one row as nothing, whatever it costs and however wide it is', () => {
    for (const width of [1, 30, 150_000]) {
      const scale = scaleOf(signatureOf([-1, width]), 100);
      const row = Array.from({ length: width }, () => '0.125').join(',');
      const body = Buffer.from(`{"features":[${row}]}`);
      assert.ok(scale.weightUs(EntryKind.predictJson, body, 0) < LARGE_US, `${width} values`);
      assert.ok(scale.weightUs(EntryKind.oip, Buffer.alloc(80 + 4 * width), 80) < 1, `${width} raw values`);
    }
  });

  test('counts texts by their quotes, and an open size as it comes', () => {
    const texts = scaleOf(signatureOf([-1, 2], 'BYTES'));
    assert.equal(Math.round(rowsOf(texts, instances(50, '"a, b, c","d"'))), 51);
    const open = scaleOf(signatureOf([-1, -1, 2]));
    assert.equal(rowsOf(open, instances(1, '[1,2],[3,4],[5,6]')), 3);
  });

  test('needs no look at a body that weighs little at worst, and that bound holds', () => {
    for (const [width, rowMs] of [[1, 0.001], [8, 0.001], [8, 2], [784, 0.02]] as const) {
      const scale = scaleOf(signatureOf([-1, width]), rowMs);
      const rowBytes = 2 * width + 2;
      const rows = Math.max(1, Math.floor(scale.lightBytes / rowBytes));
      const body = instances(rows, Array.from({ length: width }, () => '1').join(','));
      const weight = scale.weightUs(EntryKind.predictJson, body, 0);
      assert.ok(weight <= 300, `${width} values of ${rowMs} ms: ${weight}`);
      assert.ok(scale.lightBytes > 0);
    }
    assert.equal(RequestScale.none.lightBytes, Infinity);
  });
});
