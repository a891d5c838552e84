// What a recorded line says of the inputs of a row: the numbers that were sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Datatype, Signature } from '../../src/domain/records.ts';
import { RowInputsEncoder } from '../../src/domain/row-codec.ts';
import type { TensorData } from '../../src/domain/datatype.ts';
import { sampleText } from '../../src/record/line-text.ts';
import { Outcome } from '../../src/shared-memory/sample-ring.ts';

function inputsOf(datatype: Datatype, data: TensorData): string {
  const shape = [data.length];
  const signature: Signature = { inputs: [{ name: 'x', datatype, shape: [-1, data.length] }], outputs: [] };
  const inputs = new RowInputsEncoder().encode([{ data, shape, elements: data.length }], 0);
  const outputs = Float64Array.of(1);
  const row = { generation: 1, outcome: Outcome.ok, row: 0, latencyUs: 1, input: 0, source: 0, outputs, inputs };
  return /"inputs":(.*)\}\n$/.exec(sampleText({ model: 'm', version: '1', tMs: 0 }, row, signature))![1]!;
}

test('a recorded line has integers of 64 bits digit by digit, minus zero as it is, and null for no number', () => {
  assert.equal(inputsOf('INT64', BigInt64Array.of(9007199254740993n, -(2n ** 63n))),
    '[9007199254740993,-9223372036854775808]');
  assert.equal(inputsOf('UINT64', BigUint64Array.of(2n ** 64n - 1n)), '[18446744073709551615]');
  assert.equal(inputsOf('FP32', Float32Array.of(-0, 0.1, NaN, Infinity)), '[-0,0.1,null,null]');
  assert.equal(inputsOf('FP16', Uint16Array.of(0x8000, 0x3c00)), '[-0,1]');
});
