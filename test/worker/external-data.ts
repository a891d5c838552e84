// Models whose weights lie in a file beside theirs, with the reference in every place where a tensor may stand.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType, FunctionProtoSchema, GraphProtoSchema, ModelProtoSchema, SparseTensorProtoSchema,
  TensorProto_DataLocation,
} from 'onnx-buf';
import type { AttributeProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { packageRoot } from '../../src/base/package-root.ts';
import { floats, model, node, Type, valueInfo } from './onnx.ts';

type Tensor = MessageInitShape<typeof TensorProtoSchema>;
type Attribute = MessageInitShape<typeof AttributeProtoSchema>;

export interface TwoFiles {
  readonly model: Uint8Array;
  /** The name that the model has for the other file. */
  readonly name: string;
  readonly data: Uint8Array;
}

const file = (name: string): Uint8Array => readFileSync(join(packageRoot(), 'test', 'worker', 'external', name));

/** As PyTorch exports it. */
export const torchExport = (): TwoFiles =>
  ({ model: file('cnn.onnx'), name: 'cnn.onnx.data', data: file('cnn.onnx.data') });

const WEIGHTS_FILE = 'weights.bin';

/** Three weights that lie in the other file. */
const outside = (name: string, dims: readonly number[] = [3, 1]): Tensor => ({
  name, dims: dims.map(BigInt), dataType: Type.FLOAT,
  externalData: [{ key: 'offset', value: '0' }, { key: 'location', value: WEIGHTS_FILE }],
  dataLocation: TensorProto_DataLocation.EXTERNAL,
});

const constant = (attribute: Attribute): ReturnType<typeof node> => node('Constant', [], 'w', [attribute]);
const value = (tensor: Tensor): Attribute => ({ name: 'value', type: AttributeProto_AttributeType.TENSOR, t: tensor });
const sparseWeights: MessageInitShape<typeof SparseTensorProtoSchema> = {
  values: outside('w', [3]), dims: [3n, 1n],
  indices: { dims: [3n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(0n, 1n, 2n).buffer) },
};
const sparse: Attribute = {
  name: 'sparse_value', type: AttributeProto_AttributeType.SPARSE_TENSOR, sparseTensor: sparseWeights,
};

const answering = (nodes: Parameters<typeof model>[0]['nodes'], constants: readonly Tensor[]): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]], outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [...nodes, node('MatMul', ['x', 'w'], 'xw'), node('Add', ['xw', 'b'], 'y')],
  constants: [floats('b', [1], [0.5]), ...constants],
});

// Both branches give the weights: from the branch's own initialiser, behind a condition that is not known before.
const branch = (name: string): Attribute => ({
  name, type: AttributeProto_AttributeType.GRAPH,
  g: create(GraphProtoSchema, {
    name, initializer: [outside('inner')], node: [node('Identity', ['inner'], `${name}_w`)],
    output: [valueInfo([`${name}_w`, Type.FLOAT, [3, 1]])],
  }),
});

function inFunction(): Uint8Array {
  const whole = fromBinary(ModelProtoSchema, answering([{ ...node('Weights', [], 'w'), domain: 'local' }], []));
  whole.opsetImport.push({ ...whole.opsetImport[0]!, domain: 'local', version: 1n });
  whole.functions.push(create(FunctionProtoSchema, {
    name: 'Weights', domain: 'local', output: ['w'], node: [constant(value(outside('w')))],
    opsetImport: [{ domain: '', version: 17n }],
  }));
  return toBinary(ModelProtoSchema, whole);
}

function withSparseInitialiser(): Uint8Array {
  const whole = fromBinary(ModelProtoSchema, answering([], []));
  whole.graph!.sparseInitializer.push(create(SparseTensorProtoSchema, sparseWeights));
  return toBinary(ModelProtoSchema, whole);
}

const twoFiles = (bytes: Uint8Array): TwoFiles =>
  ({ model: bytes, name: WEIGHTS_FILE, data: new Uint8Array(Float32Array.of(1, 10, 100).buffer) });

/** The same answers as `linear()` has, once the other file is there. */
export const outsideInitialiser = (): TwoFiles => twoFiles(answering([], [outside('w')]));

/** By the place of the reference; the runtime itself does not take every one of them. */
export const PLACES: Readonly<Record<string, () => TwoFiles>> = {
  'an initialiser': outsideInitialiser,
  'an initialiser of a branch': () => twoFiles(answering([
    node('ReduceSum', ['x'], 'sum'), node('Greater', ['sum', 'b'], 'many'),
    node('Reshape', ['many', 'shape'], 'is_many'),
    node('If', ['is_many'], 'w', [branch('then_branch'), branch('else_branch')]),
  ], [{ name: 'shape', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(1n).buffer) }])),
  'the attribute of a node': () => twoFiles(answering([constant(value(outside('w')))], [])),
  'a list of tensors in an attribute': () => twoFiles(answering([
    constant({ name: 'values', type: AttributeProto_AttributeType.TENSORS, tensors: [outside('w')] })], [])),
  'a list of graphs in an attribute': () => twoFiles(answering([constant({
    name: 'graphs', type: AttributeProto_AttributeType.GRAPHS, graphs: [branch('one').g!],
  })], [])),
  'a sparse initialiser': () => twoFiles(withSparseInitialiser()),
  'a sparse attribute': () => twoFiles(answering([constant(sparse)], [])),
  'a function': () => twoFiles(inFunction()),
  'a tensor without the mark': () =>
    twoFiles(answering([], [{ ...outside('w'), dataLocation: TensorProto_DataLocation.DEFAULT }])),
};

/** Marked as lying outside, without a word where. */
export const outsideNowhere = (): Uint8Array => answering([], [{ ...outside('w'), externalData: [] }]);

