// The models and requests of the benchmark. Models are multilayer perceptrons with fixed pseudo-random weights, written
// on the fly; every contender gets the same file and the same rows.
import { Type, floats, model, node } from '../test/worker/onnx.ts';

export interface Workload {
  readonly name: string;
  /** Sizes of the layers, input first. */
  readonly layers: readonly number[];
  /** Rows of one request. */
  readonly rows: number;
}

export const TINY: Workload = { name: 'tiny', layers: [30, 32, 1], rows: 1 };
export const MIDDLING: Workload = { name: 'middling', layers: [128, 256, 256, 10], rows: 1 };
export const COMPUTE: Workload = { name: 'compute', layers: [784, 1024, 1024, 10], rows: 1 };
export const MANY_ROWS: Workload = { name: 'many-rows', layers: [30, 32, 1], rows: 256 };

/** The name under which every server knows the model. */
export const MODEL = 'm';

const SEED = 0x2545f491;

/** Pseudo-random numbers in -1…1, the same in every run. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x80000000;
  };
}

/** The bytes of the .onnx file: x FP32[N, first layer] -> y FP32[N, last layer], Relu in between. */
export function modelFile({ layers }: Workload): Uint8Array {
  const next = numbersFrom(SEED);
  const nodes = [];
  const constants = [];
  let value = 'x';
  for (let layer = 1; layer < layers.length; layer += 1) {
    const from = layers[layer - 1] ?? 0;
    const to = layers[layer] ?? 0;
    const weights = Array.from({ length: from * to }, () => next() / Math.sqrt(from));
    const bias = new Array<number>(to).fill(0.1);
    constants.push(floats(`w${layer}`, [from, to], weights), floats(`b${layer}`, [to], bias));
    const isLast = layer === layers.length - 1;
    const sum = isLast ? 'y' : `s${layer}`;
    nodes.push(node('MatMul', [value, `w${layer}`], `p${layer}`), node('Add', [`p${layer}`, `b${layer}`], sum));
    if (!isLast) nodes.push(node('Relu', [sum], `r${layer}`));
    value = `r${layer}`;
  }
  const [first] = layers;
  return model({
    inputs: [['x', Type.FLOAT, ['N', first ?? 0]]],
    outputs: [['y', Type.FLOAT, ['N', layers[layers.length - 1] ?? 0]]],
    nodes, constants,
  });
}

/** The rows of one request, with six decimals as measurements have. */
export function rowsOf({ layers, rows }: Workload): number[][] {
  const next = numbersFrom(SEED ^ rows);
  const width = layers[0] ?? 0;
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => Math.round(next() * 1e6) / 1e6));
}

/** A ready HTTP request body with its path and headers. */
export interface RequestText {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** POST /predict: `features` for one row, `instances` for several. */
export function predictRequest(workload: Workload): RequestText {
  const rows = rowsOf(workload);
  const body = JSON.stringify(rows.length === 1 ? { features: rows[0] } : { instances: rows });
  return { path: '/predict', headers: JSON_TYPE, body: Buffer.from(body) };
}

/** The Open Inference Protocol with the numbers as JSON. */
export function oipJsonRequest(workload: Workload): RequestText {
  const rows = rowsOf(workload);
  const shape = [rows.length, workload.layers[0]];
  const body = JSON.stringify({ inputs: [{ name: 'x', shape, datatype: 'FP32', data: rows.flat() }] });
  return { path: `/v2/models/${MODEL}/infer`, headers: JSON_TYPE, body: Buffer.from(body) };
}

/** The Open Inference Protocol with raw tensors both ways. */
export function oipBinaryRequest(workload: Workload): RequestText {
  const rows = rowsOf(workload);
  const data = Buffer.from(Float32Array.from(rows.flat()).buffer);
  const input = { name: 'x', shape: [rows.length, workload.layers[0]], datatype: 'FP32' };
  const header = Buffer.from(JSON.stringify({
    inputs: [{ ...input, parameters: { binary_data_size: data.length } }],
    outputs: [{ name: 'y', parameters: { binary_data: true } }],
  }));
  return {
    path: `/v2/models/${MODEL}/infer`,
    headers: { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(header.length) },
    body: Buffer.concat([header, data]),
  };
}

/** The payload of a lastgood.f32 frame behind its id. */
export function floatPayload(workload: Workload): Buffer {
  return Buffer.from(Float32Array.from(rowsOf(workload).flat()).buffer);
}
