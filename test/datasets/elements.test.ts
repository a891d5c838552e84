// Values of files on their way to a model: each is what was written, or is refused with its place.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readDataset } from '../../src/datasets/dataset.ts';
import { elementsFrom } from '../../src/datasets/elements.ts';
import type { RowValue } from '../../src/datasets/rows.ts';
import type { Datatype } from '../../src/domain/records.ts';
import { readBaselineFile } from '../../src/judge/baseline/baseline-file.ts';
import { readGoldenFile } from '../../src/rollout/registration/golden-file.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const folder = temporaryDirectory();
const path = (name: string, content: string | Uint8Array): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};

describe('the values of a file', () => {
  test('become elements as they are, at the ends of each type', () => {
    assert.deepEqual(elementsFrom('BYTES', ['', 'a\u0001\n', '😀']), ['', 'a\u0001\n', '😀']);
    assert.deepEqual([...elementsFrom('FP32', [3.4028234663852886e38, -Infinity, NaN]) as Float32Array],
      [3.4028234663852886e38, -Infinity, NaN]);
    assert.deepEqual([...elementsFrom('INT64', ['9007199254740993', -1]) as BigInt64Array], [9007199254740993n, -1n]);
  });

  test('are refused where the model would see others', () => {
    const refused: readonly (readonly [Datatype, RowValue, RegExp])[] = [
      ['BYTES', 'a\0b', /^holds "a\\u0000b" at 1; wanted texts without U\+0000/],
      ['BYTES', '\ud800', /half a surrogate/],
      ['FP32', 1e39, /^holds 1e\+39 at 1; wanted numbers of FP32/], ['FP16', -70_000, /wanted numbers of FP16/],
      ['INT8', 128, /whole numbers of INT8/], ['INT64', 2 ** 53, /beyond 2\^53 as texts/], ['BOOL', 2, /of BOOL/],
    ];
    for (const [datatype, value, why] of refused) {
      assert.throws(() => elementsFrom(datatype, [datatype === 'BYTES' ? 'a' : 1, value]), { message: why });
    }
  });

  test('are refused where JSON would make others of them', () => {
    const signature = { inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 1] }], outputs: [] } as const;
    const [far, latin] = ['[[1e400]]', Buffer.from('[["caf\u00e9"]]', 'latin1')];
    const tensors = (data: string): string => `{"x":{"shape":[1,1],"data":${data}}}`;
    const golden = (data: string): string =>
      `{"format":"lastgood.golden/1","cases":[{"inputs":${tensors(data)},"outputs":${tensors('[[1]]')}}]}`;
    const baseline = (data: string): string =>
      `{"format":"lastgood.baseline/1","source":"validation","rows":1,"outputs":${tensors(data)}}`;
    const inLatin = (text: string): Buffer => Buffer.from(text, 'latin1');
    const [beyond, notUtf8] = [/a number beyond 1\.8e308/, /it is no valid UTF-8/];
    assert.throws(() => readDataset(path('a.json', far), signature, []), beyond);
    assert.throws(() => readDataset(path('b.json', latin), signature, []), notUtf8);
    assert.throws(() => readDataset(path('c.csv', inLatin('x\ncaf\u00e9\n')), signature, []), notUtf8);
    assert.throws(() => readGoldenFile(path('d.json', golden('[[-1e400]]'))), beyond);
    assert.throws(() => readGoldenFile(path('e.json', inLatin(golden('[["caf\u00e9"]]')))), notUtf8);
    assert.throws(() => readBaselineFile(path('f.json', baseline('[[1e400]]'))), beyond);
    assert.throws(() => readBaselineFile(path('g.json', inLatin(baseline('[["caf\u00e9"]]')))), notUtf8);
  });
});
