// Texts in a model that its answers would say otherwise than the file has them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import type { ModelProto } from 'onnx-buf';
import { unreadableTextIn } from '../../src/onnx/answered-texts.ts';
import { runTrial } from '../../src/rollout/registration/trial.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, identity, linear, model, node } from '../worker/onnx.ts';
import { EXPORTED, exported } from './exported.ts';

/** A lone byte of a character of two, and an umlaut as Latin-1 has it. */
const BROKEN = [Uint8Array.of(0x61, 0xc3), Uint8Array.from(Buffer.from('gr\u00fcn', 'latin1'))];
const WHOLE = Uint8Array.from(Buffer.from('gr\u00fcn \u96ea'));

function stored(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(path, bytes);
  return path;
}
const found = (bytes: Uint8Array): string | null => unreadableTextIn(stored(bytes), 2 ** 30);

function changed(bytes: Uint8Array, change: (whole: ModelProto) => void): Uint8Array {
  const whole = fromBinary(ModelProtoSchema, bytes);
  change(whole);
  return toBinary(ModelProtoSchema, whole);
}

/** A classifier whose second class is called like this. */
const classifier = (name: string, operator: string, text: Uint8Array<ArrayBuffer>): Uint8Array =>
  changed(exported(name).bytes, (whole) => {
    const { attribute } = whole.graph!.node.find(({ opType }) => opType === operator)!;
    attribute.find((one) => one.name === 'classlabels_strings')!.strings[1] = text;
  });

/** The word at place x of a constant. */
const words = (text: Uint8Array<ArrayBuffer>): Uint8Array => model({
  inputs: [['x', Type.INT64, ['N']]], outputs: [['y', Type.STRING, ['N']]],
  nodes: [node('Gather', ['names', 'x'], 'y')],
  constants: [{ name: 'names', dims: [2n], dataType: Type.STRING, stringData: [WHOLE, text] }],
});

suite('texts that a model may answer', () => {
  test('are found where they are no UTF-8: names of classes behind a ZipMap, of a label, and constants', () => {
    for (const text of BROKEN) {
      assert.equal(found(classifier('sklearn-zipmap-text', 'ZipMap', text)),
        'text 2 of its attribute "classlabels_strings"');
      assert.equal(found(classifier('catboost-text-zipmap', 'TreeEnsembleClassifier', text)),
        'text 2 of its attribute "classlabels_strings"');
      assert.equal(found(words(text)), 'text 2 of its constant "names"');
    }
  });

  test('are left alone where they are, and where nothing answers them', () => {
    for (const { path, name } of EXPORTED) assert.equal(unreadableTextIn(path, 2 ** 30), null, name);
    for (const bytes of [words(WHOLE), linear(), identity(Type.STRING, ['N'])]) assert.equal(found(bytes), null);
    const counted = model({
      inputs: [['x', Type.INT64, ['N']]], outputs: [['y', Type.INT64, [1]]],
      nodes: [node('Gather', ['names', 'x'], 'some'), node('Shape', ['some'], 'y')],
      constants: [{ name: 'names', dims: [1n], dataType: Type.STRING, stringData: [BROKEN[0]!] }],
    });
    assert.equal(found(counted), null);
    assert.equal(found(Buffer.from('no model')), null);
  });

  test('are refused in a trial, before the runtime has seen them', async () => {
    const request = (bytes: Uint8Array): Parameters<typeof runTrial>[0] => ({
      file: { path: stored(bytes), kind: 'onnx', dataFiles: [] }, given: null, intraOpThreads: 1, golden: null,
    });
    const limits = { trialMs: 60_000, memoryBytes: 2 ** 31 };
    await assert.rejects(runTrial(request(words(BROKEN[0]!)), limits),
      /text 2 of its constant "names" is no valid UTF-8, .*; wanted names in UTF-8, or classes as numbers/);
    assert.equal((await runTrial(request(words(WHOLE)), limits)).signature.outputs[0]!.datatype, 'BYTES');
  });
});
