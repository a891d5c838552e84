// A file that rules made of a model is compared with the model before it is trusted.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AttributeProtoSchema, ModelProtoSchema } from 'onnx-buf';
import type { ModelProto } from 'onnx-buf';
import { derive } from '../../../src/onnx/derive/derive.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { assertAnswersAlike } from '../../../src/rollout/registration/derived-check.ts';
import { exported } from '../../onnx/exported.ts';
import { modelFile, openModel } from '../../worker/fixtures.ts';
import { integer } from '../../worker/onnx.ts';

/** What the rules make of a model, with a change to it. */
function derived(bytes: Uint8Array, change: (model: ModelProto) => void = () => undefined): Uint8Array {
  const parts = derive(ByteSource.ofBytes(bytes))!.pieces.map((piece) =>
    (piece instanceof Uint8Array ? piece : bytes.subarray(piece.from, piece.to)));
  const model = fromBinary(ModelProtoSchema, Buffer.concat(parts));
  change(model);
  return toBinary(ModelProtoSchema, model);
}

async function compare(given: Uint8Array, made: Uint8Array): Promise<void> {
  const session = await openModel(made);
  try {
    await assertAnswersAlike({ path: modelFile(given), kind: 'onnx', dataFiles: [] }, session);
  } finally {
    await session.release();
  }
}

suite('what rules made of a model', () => {
  for (const name of ['sklearn-zipmap-text', 'lightgbm-zipmap', 'catboost-zipmap', 'sklearn-multioutput']) {
    test(`passes when every output that both have is the same bit for bit: ${name}`, async () => {
      const { bytes } = exported(name);
      await compare(bytes, derived(bytes));
    });
  }

  test('is refused when another label comes out of it', async () => {
    const { bytes } = exported('catboost-zipmap');
    const other = derived(bytes, (model) => {
      const { attribute } = model.graph!.node.find(({ opType }) => opType === 'TreeEnsembleClassifier')!;
      attribute.find(({ name }) => name === 'classlabels_int64s')!.ints = [2n, 1n, 0n];
    });
    await assert.rejects(compare(bytes, other), /output "label" of what is derived of it is not that of the model/);
  });

  test('is refused when an output comes out of it in another shape', async () => {
    const { bytes } = exported('sklearn-multioutput');
    const reshaped = derived(bytes, (model) => {
      const concat = model.graph!.node.find(({ opType }) => opType === 'Concat')!;
      concat.attribute = [create(AttributeProtoSchema, integer('axis', 0))];
    });
    await assert.rejects(compare(bytes, reshaped), /output "label" of what is derived of it/);
  });
});
