// The models of the weights benchmark: one for each way in which the runtime packs weights. Their numbers are made up.
import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import type { TensorProto_DataType } from 'onnx-buf';
import { numberToHalf } from '../../src/domain/half.ts';
import { Type, integer, integers, model, node } from '../../test/worker/onnx.ts';

type Constant = MessageInitShape<typeof TensorProtoSchema>;

export interface Kind {
  readonly name: string;
  readonly bytes: () => Uint8Array;
  /** Input of one row, without the row axis. */
  readonly row: readonly number[];
  readonly rowAxis: number;
  /** The model's weights as a file of that name beside it; they are in the model by default. */
  readonly weights?: { readonly name: string; readonly bytes: () => Uint8Array };
}

let state = 1;
const next = (): number => ((state = (state * 16_807) % 2_147_483_647) / 2_147_483_647) - 0.5;

function constant(name: string, dims: readonly number[], type: TensorProto_DataType, scale: number): Constant {
  const count = dims.reduce((product, size) => product * size, 1);
  const data = type === Type.INT8 ? new Int8Array(count) : type === Type.FLOAT16
    ? new Uint16Array(count) : new Float32Array(count);
  for (let at = 0; at < count; at += 1) {
    const value = next() * scale;
    data[at] = type === Type.FLOAT16 ? numberToHalf(value) : value;
  }
  return create(TensorProtoSchema, {
    name, dims: dims.map(BigInt), dataType: type, rawData: new Uint8Array(data.buffer),
  });
}

const WIDTH = 2_048;
const LAYERS = 8;

/** `seed` makes another model of the same size. */
export function matrices(layers = LAYERS, seed = 1): Uint8Array {
  state = seed;
  const nodes = Array.from({ length: layers }, (_, at) => [
    node('MatMul', [at === 0 ? 'x' : `r${at - 1}`, `w${at}`], `m${at}`),
    node('Relu', [`m${at}`], at === layers - 1 ? 'y' : `r${at}`),
  ]).flat();
  return model({
    inputs: [['x', Type.FLOAT, ['N', WIDTH]]], outputs: [['y', Type.FLOAT, ['N', WIDTH]]], nodes,
    constants: nodes.flatMap((_, at) =>
      (at % 2 === 0 ? [constant(`w${at / 2}`, [WIDTH, WIDTH], Type.FLOAT, 0.07)] : [])),
  });
}

function convolutions(): Uint8Array {
  const channels = 512;
  const nodes = Array.from({ length: LAYERS }, (_, at) => [
    node('Conv', [at === 0 ? 'x' : `r${at - 1}`, `w${at}`], `m${at}`, [integers('pads', [1, 1, 1, 1])]),
    node('Relu', [`m${at}`], at === LAYERS - 1 ? 'y' : `r${at}`),
  ]).flat();
  return model({
    inputs: [['x', Type.FLOAT, ['N', channels, 2, 2]]], outputs: [['y', Type.FLOAT, ['N', channels, 2, 2]]], nodes,
    constants: Array.from({ length: LAYERS }, (_, at) =>
      constant(`w${at}`, [channels, channels, 3, 3], Type.FLOAT, 0.05)),
  });
}

function lstm(): Uint8Array {
  const size = 1_024;
  return model({
    inputs: [['x', Type.FLOAT, [2, 'N', size]]], outputs: [['y', Type.FLOAT, [1, 'N', size]]],
    nodes: [{
      opType: 'LSTM', name: 'lstm', input: ['x', 'w', 'r'], output: ['', 'y', ''],
      attribute: [integer('hidden_size', size)],
    }],
    constants: [
      constant('w', [1, 4 * size, size], Type.FLOAT, 0.06), constant('r', [1, 4 * size, size], Type.FLOAT, 0.06),
    ],
  });
}

/** Four layers of one head over four steps. */
function attention(): Uint8Array {
  const size = 1_024;
  const layers = Array.from({ length: 4 }, (_, at) => at);
  return model({
    inputs: [['x', Type.FLOAT, ['N', 4, size]]], outputs: [['y3', Type.FLOAT, ['N', 4, size]]],
    nodes: layers.flatMap((at) => {
      const from = at === 0 ? 'x' : `y${at - 1}`;
      return [
        ...['q', 'k', 'v'].map((name) => node('MatMul', [from, `w${name}${at}`], `${name}${at}`)),
        node('Transpose', [`k${at}`], `t${at}`, [integers('perm', [0, 2, 1])]),
        node('MatMul', [`q${at}`, `t${at}`], `s${at}`), node('Softmax', [`s${at}`], `p${at}`, [integer('axis', 2)]),
        node('MatMul', [`p${at}`, `v${at}`], `a${at}`), node('MatMul', [`a${at}`, `wo${at}`], `y${at}`),
      ];
    }),
    constants: layers.flatMap((at) =>
      ['q', 'k', 'v', 'o'].map((name) => constant(`w${name}${at}`, [size, size], Type.FLOAT, 0.06))),
  });
}

function quantised(): Uint8Array {
  const layers = Array.from({ length: LAYERS }, (_, at) => at);
  return model({
    inputs: [['x', Type.FLOAT, ['N', WIDTH]]], outputs: [[`y${LAYERS - 1}`, Type.FLOAT, ['N', WIDTH]]],
    nodes: layers.flatMap((at) => [
      {
        opType: 'DynamicQuantizeLinear', name: `d${at}`, input: [at === 0 ? 'x' : `y${at - 1}`],
        output: [`q${at}`, `s${at}`, `z${at}`],
      },
      node('MatMulInteger', [`q${at}`, `w${at}`, `z${at}`], `i${at}`),
      node('Cast', [`i${at}`], `f${at}`, [integer('to', Type.FLOAT)]), node('Mul', [`f${at}`, `s${at}`], `y${at}`),
    ]),
    constants: layers.map((at) => constant(`w${at}`, [WIDTH, WIDTH], Type.INT8, 250)),
  });
}

function halves(): Uint8Array {
  const layers = Array.from({ length: LAYERS }, (_, at) => at);
  return model({
    inputs: [['x', Type.FLOAT, ['N', WIDTH]]], outputs: [['y', Type.FLOAT, ['N', WIDTH]]],
    nodes: [
      node('Cast', ['x'], 'h', [integer('to', Type.FLOAT16)]),
      ...layers.map((at) => node('MatMul', [at === 0 ? 'h' : `m${at - 1}`, `w${at}`], `m${at}`)),
      node('Cast', [`m${LAYERS - 1}`], 'y', [integer('to', Type.FLOAT)]),
    ],
    constants: layers.map((at) => constant(`w${at}`, [WIDTH, WIDTH], Type.FLOAT16, 0.07)),
  });
}

/** Weights and activations quantised around every product, as static quantisation leaves them. */
function quantisedAround(): Uint8Array {
  const layers = Array.from({ length: LAYERS }, (_, at) => at);
  return model({
    inputs: [['x', Type.FLOAT, ['N', WIDTH]]], outputs: [[`y${LAYERS - 1}`, Type.FLOAT, ['N', WIDTH]]],
    nodes: layers.flatMap((at) => [
      node('QuantizeLinear', [at === 0 ? 'x' : `y${at - 1}`, 'scale', 'zero'], `q${at}`),
      node('DequantizeLinear', [`q${at}`, 'scale', 'zero'], `d${at}`),
      node('DequantizeLinear', [`w${at}`, 'scale', 'zero'], `v${at}`), node('MatMul', [`d${at}`, `v${at}`], `y${at}`),
    ]),
    constants: [
      ...layers.map((at) => constant(`w${at}`, [WIDTH, WIDTH], Type.INT8, 250)),
      { name: 'scale', dataType: Type.FLOAT, dims: [], floatData: [0.01] },
      { name: 'zero', dataType: Type.INT8, dims: [], int32Data: [0] },
    ],
  });
}

const OUTSIDE = 'weights.data';
const OUTSIDE_LAYERS = 4;
const MATRIX_BYTES = WIDTH * WIDTH * 4;

/** Products whose weights lie in a file beside the model, one after another, as large exports are written. */
function matricesOutside(): Uint8Array {
  const layers = Array.from({ length: OUTSIDE_LAYERS }, (_, at) => at);
  return model({
    inputs: [['x', Type.FLOAT, ['N', WIDTH]]], outputs: [[`y${OUTSIDE_LAYERS - 1}`, Type.FLOAT, ['N', WIDTH]]],
    nodes: layers.map((at) => node('MatMul', [at === 0 ? 'x' : `y${at - 1}`, `w${at}`], `y${at}`)),
    constants: layers.map((at) => ({
      name: `w${at}`, dims: [BigInt(WIDTH), BigInt(WIDTH)], dataType: Type.FLOAT,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: Object.entries({ location: OUTSIDE, offset: at * MATRIX_BYTES, length: MATRIX_BYTES })
        .map(([key, value]) => ({ key, value: String(value) })),
    })),
  });
}

const outside = (): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: OUTSIDE_LAYERS * WIDTH * WIDTH }, () => next() * 0.07).buffer);

export const KINDS: readonly Kind[] = [
  { name: 'MatMul, 128 MiB', bytes: () => matrices(), row: [WIDTH], rowAxis: 0 },
  { name: 'convolution, 72 MiB', bytes: convolutions, row: [512, 2, 2], rowAxis: 0 },
  { name: 'LSTM, 32 MiB', bytes: lstm, row: [2, 1_024], rowAxis: 1 },
  { name: 'attention, 64 MiB', bytes: attention, row: [4, 1_024], rowAxis: 0 },
  { name: 'dynamic int8, 32 MiB', bytes: quantised, row: [WIDTH], rowAxis: 0 },
  { name: 'fp16, 64 MiB', bytes: halves, row: [WIDTH], rowAxis: 0 },
  { name: 'QDQ int8, 32 MiB', bytes: quantisedAround, row: [WIDTH], rowAxis: 0 },
  {
    name: 'MatMul, external data, 64 MiB', bytes: matricesOutside, row: [WIDTH], rowAxis: 0,
    weights: { name: OUTSIDE, bytes: outside },
  },
];
