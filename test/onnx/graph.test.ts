// A model's graph as it is read from its bytes, against a full parser's reading of the same bytes.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType, FunctionProtoSchema, ModelProtoSchema, NodeProtoSchema, TensorProtoSchema,
  TensorProto_DataLocation,
} from 'onnx-buf';
import type { GraphProto } from 'onnx-buf';
import { nodesOf, readModel, readModelFile } from '../../src/onnx/graph.ts';
import type { Graph, OnnxModel } from '../../src/onnx/graph.ts';
import { ByteSource } from '../../src/onnx/protobuf.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { randomOf } from '../shared-memory/seeded.ts';
import { endless } from '../worker/hostile-onnx.ts';
import { fixedSoftmax, quantised, sequenceFirst } from '../worker/mixers.ts';
import { Type, deadly, heavy, integer, integers, linear, model, node, slow } from '../worker/onnx.ts';

const BYTES_MAX = 1e9;
const read = (bytes: Uint8Array): OnnxModel => readModel(ByteSource.ofBytes(bytes));
const demo = (name: string, file: string): Uint8Array => readFileSync(join(packageRoot(), 'models', name, file));
const MODELS: readonly Uint8Array[] = [
  linear(), quantised(), endless(), sequenceFirst(), slow(2), deadly(), fixedSoftmax(0), heavy(700),
  demo('digits', '1.onnx'), demo('breast-cancer', '1.onnx'), demo('housing', '1.onnx'),
];

/** A graph as both readers have it. */
interface Seen {
  readonly nodes: unknown[];
  readonly inputs: unknown[];
  readonly constants: unknown[];
}

const seen = ({ nodes, inputs, outputs, constants }: Graph): Seen => ({
  nodes: nodes.map(({ name, operator, domain, inputs: from, outputs: to, attributes }) => ({
    name, operator, domain, from, to,
    attributes: [...attributes.values()].map(({ name: of, integer: i, graphs }) =>
      [of, i ?? 0, graphs.map((inner) => seen(inner))]),
  })),
  inputs: [...inputs, ...outputs].map(({ name, elementType, shape }) => [name, elementType, shape]),
  constants: [...constants.values()].map(({ name, dims, elementType }) => [name, dims, elementType]),
});

const parsed = (graph: GraphProto): Seen => ({
  nodes: graph.node.map(({ name, opType: operator, domain, input: from, output: to, attribute }) => ({
    name, operator, domain, from, to,
    attributes: attribute.map(({ name: of, i, g, graphs }) =>
      [of, Number(i), [...(g === undefined ? [] : [g]), ...graphs].map((inner) => parsed(inner))]),
  })),
  inputs: [...graph.input, ...graph.output].map(({ name, type }) => {
    const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
    const shape = tensor?.shape?.dim.map(({ value }) =>
      (value.case === 'dimValue' ? Number(value.value) : value.case === 'dimParam' ? value.value : null));
    return [name, tensor?.elemType ?? 0, shape ?? null];
  }),
  constants: graph.initializer.map(({ name, dims, dataType }) => [name, dims.map(Number), dataType]),
});

suite('readModel', () => {
  test('sees what a full parser sees, from memory and from a file', () => {
    for (const bytes of MODELS) {
      const wanted = fromBinary(ModelProtoSchema, bytes);
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, bytes);
      for (const found of [read(bytes), readModelFile(path, BYTES_MAX)]) {
        assert.deepEqual(seen(found.graph), parsed(wanted.graph!));
        assert.deepEqual([...found.opsets], wanted.opsetImport.map(({ domain, version }) => [domain, Number(version)]));
      }
    }
  });

  test('says where a field stands, so that it can be taken out or copied', () => {
    const bytes = linear();
    const { graph } = read(bytes);
    const { from, to } = graph.nodes[0]!.span;
    const content = bytes.subarray(from + 2, to);
    assert.equal(bytes[from], 0x0a);
    assert.equal(fromBinary(NodeProtoSchema, content).opType, 'MatMul');
    const constant = graph.constants.get('b')!.span;
    assert.equal(bytes[constant.from], 0x2a);
    assert.equal(fromBinary(TensorProtoSchema, bytes.subarray(constant.from + 2, constant.to)).name, 'b');
  });

  test('has the numbers of small constants, however they are written', () => {
    const raw = ({ buffer }: { readonly buffer: ArrayBuffer }): Uint8Array<ArrayBuffer> => new Uint8Array(buffer);
    type Case = readonly [MessageInitShape<typeof TensorProtoSchema>, number[] | null];
    const { EXTERNAL } = TensorProto_DataLocation;
    const tensors: readonly Case[] = [
      [{ dataType: Type.INT64, dims: [3n], int64Data: [-1n, 0n, 2n ** 40n] }, [-1, 0, 2 ** 40]],
      [{ dataType: Type.INT64, dims: [2n], rawData: raw(BigInt64Array.of(-7n, 9n)) }, [-7, 9]],
      [{ dataType: Type.INT32, dims: [2n], int32Data: [-3, 4] }, [-3, 4]],
      [{ dataType: Type.FLOAT, dims: [2n], floatData: [0.5, -2] }, [0.5, -2]],
      [{ dataType: Type.FLOAT, dims: [], rawData: raw(Float32Array.of(1.5)) }, [1.5]],
      [{ dataType: Type.DOUBLE, dims: [1n], doubleData: [0.1] }, [0.1]],
      [{ dataType: Type.BOOL, dims: [2n], rawData: Uint8Array.of(1, 0) }, [1, 0]],
      [{ dataType: Type.INT64, dims: [0n] }, []],
      [{ dataType: Type.INT64, dims: [4n], int64Data: [1n] }, null],
      [{ dataType: Type.FLOAT, dims: [1_000n], rawData: new Uint8Array(4_000) }, null],
      [{ dataType: Type.FLOAT, dims: [1_000n], floatData: new Array<number>(1_000).fill(1) }, null],
      [{ dataType: Type.INT64, dims: [1n], dataLocation: EXTERNAL, rawData: raw(BigInt64Array.of(1n)) }, null],
      [{ dataType: Type.FLOAT16, dims: [1n], rawData: Uint8Array.of(0, 60) }, null],
    ];
    for (const [tensor, wanted] of tensors) {
      const bytes = model({
        inputs: [], outputs: [], nodes: [], constants: [{ ...tensor, name: 'c' }],
      });
      assert.deepEqual(read(bytes).graph.constants.get('c')?.numbers, wanted, JSON.stringify(wanted));
    }
  });

  test('has attributes of every kind that an operator reads', () => {
    const { FLOAT, STRING, STRINGS } = AttributeProto_AttributeType;
    const bytes = model({
      inputs: [], outputs: [],
      nodes: [node('Any', [], 'y', [
        integer('axis', -1), integers('axes', [-2, 0, 5]), integers('many', new Array<number>(300).fill(1)),
        { name: 'mode', type: STRING, s: Buffer.from('linear') }, { name: 'alpha', type: FLOAT, f: 0.25 },
        { name: 'keys', type: STRINGS, strings: [Buffer.from('a'), Buffer.from('b')] },
        { name: 'taken', refAttrName: 'given' },
      ])],
    });
    const attributes = Object.fromEntries(read(bytes).graph.nodes[0]!.attributes);
    assert.equal(attributes['axis']?.integer, -1);
    assert.deepEqual(attributes['axes']?.integers, [-2, 0, 5]);
    assert.equal(attributes['many']?.integers, null);
    assert.deepEqual([attributes['mode']?.text, attributes['alpha']?.float], ['linear', 0.25]);
    assert.deepEqual(attributes['keys']?.texts, ['a', 'b']);
    assert.equal(attributes['taken']?.reference, 'given');
  });

  test('finds the nodes inside of loops and of local functions', () => {
    const operators = (bytes: Uint8Array): string[] => nodesOf(read(bytes)).map(({ operator }) => operator).sort();
    assert.deepEqual(operators(quantised()), ['Cast', 'DynamicQuantizeLinear', 'MatMulInteger', 'Mul']);
    assert.ok(operators(endless()).includes('Neg'), 'it stands in the body alone');
    const file = fromBinary(ModelProtoSchema, linear());
    file.functions.push(create(FunctionProtoSchema, {
      name: 'inner', domain: 'local', node: [create(NodeProtoSchema, { opType: 'DynamicQuantizeLinear' })],
    }));
    assert.deepEqual(operators(toBinary(ModelProtoSchema, file)), ['Add', 'DynamicQuantizeLinear', 'MatMul']);
  });

  test('refuses what is no model, what ends too early, and what a parser would merge', () => {
    const graphField = (bytes: Uint8Array): Uint8Array => {
      const { span } = read(bytes).graph;
      const length = span.to - span.from;
      const key = Uint8Array.of(0x3a, (length % 128) | 0x80, length >> 7);
      return Buffer.concat([key, bytes.subarray(span.from, span.to)]);
    };
    assert.throws(() => read(Buffer.from('not a model')), /wire type \d is unknown/);
    assert.throws(() => read(linear().slice(0, -20)), /longer than the message around it/);
    assert.throws(() => read(Uint8Array.of(0x3a, 0xff)), /ends in the middle/);
    assert.throws(() => read(Uint8Array.of()), /has no graph/);
    assert.throws(() => read(Buffer.concat([linear(), graphField(linear())])), /a second graph/);
  });

  test('comes to an end with whatever it is given, and says why', () => {
    const random = randomOf(11);
    for (const bytes of [endless(), quantised(), sequenceFirst()]) {
      for (let round = 0; round < 400; round += 1) {
        const damaged = Buffer.from(bytes);
        for (let count = 0; count < 6; count += 1) {
          damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
        }
        try {
          read(damaged.subarray(0, random() < 0.5 ? damaged.length : Math.floor(random() * damaged.length)));
        } catch (error) {
          assert.match((error as Error).message, /^(it|a|its|wire type \d) /);
        }
      }
    }
  });
});
