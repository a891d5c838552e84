// Turns a trained network into ONNX bytes: as it should be, in another but equal form, or with one mistake that
// exporters make in life. Invariant: every graph has the same input and output unless its columns differ.
import { GraphWriter, INPUT_NAME, integerAttribute } from './onnx-writer.ts';
import type { Head, Layer, Network } from './mlp.ts';
import type { ExtraColumn } from './extra-column.ts';

/** Output name of each kind of head. */
export interface OutputShape {
  readonly name: string;
  readonly width: number;
}

export interface GraphOptions {
  /** Folds the scaler into the first layer and uses Gemm: equal answers, other operators. */
  readonly folded?: boolean;
  /** Leaves the scaler out. */
  readonly unscaled?: boolean;
  /** Replaces every feature x by `invertedFrom` - x before the scaler. */
  readonly invertedFrom?: number;
  /** Multiplies the answer. */
  readonly outputFactor?: number;
  /** Adds arithmetic whose result is scaled away. */
  readonly burdened?: boolean;
  /** A column computed from the others inside the graph. */
  readonly extra?: ExtraColumn;
  /** Exports the extra column without the clamp it was trained with. */
  readonly unclamped?: boolean;
}

// The burden: products of 384 x 384 matrices, 57 million multiply-adds (about one millisecond on one core) each.
const BURDEN_SIZE = 384;
const BURDEN_PRODUCTS = 58;
const BURDEN_SHARE = 1e-30;

/** Writes the network as an ONNX file. */
export function exportNetwork(
  graphName: string,
  network: Network,
  output: OutputShape,
  options: GraphOptions = {},
): Uint8Array {
  const columns = network.scaler.mean.length - (options.extra === undefined ? 0 : 1);
  const graph = new GraphWriter(columns);
  let values = INPUT_NAME;
  if (options.invertedFrom !== undefined) {
    values = graph.node('Sub', [graph.floats('white', [1], [options.invertedFrom]), values], 'inverted');
  }
  if (options.extra !== undefined) {
    const column = options.extra.emit(graph, options.unclamped !== true);
    values = graph.node('Concat', [values, column], 'columns', [integerAttribute('axis', 1)]);
  }
  if (options.folded !== true && options.unscaled !== true) values = emitScaler(graph, network, values);
  const isPlain = options.outputFactor === undefined && options.burdened !== true;
  values = emitLayers(graph, options.folded === true ? foldScaler(network) : network.layers, values, {
    gemm: options.folded === true, last: isPlain && network.head === 'number' ? output.name : 'sums',
  });
  values = emitHead(graph, network.head, values, isPlain ? output.name : 'answer');
  if (options.outputFactor !== undefined) {
    values = graph.node('Mul', [values, graph.floats('unit', [1], [options.outputFactor])], output.name);
  }
  if (options.burdened === true) values = graph.node('Add', [values, emitBurden(graph)], output.name);
  return graph.toBytes(graphName, values, output.width);
}

function emitScaler(graph: GraphWriter, network: Network, values: string): string {
  const { mean, divisor } = network.scaler;
  const centred = graph.node('Sub', [values, graph.floats('mean', [mean.length], mean)], 'centred');
  return graph.node('Div', [centred, graph.floats('divisor', [divisor.length], divisor)], 'scaled');
}

/** Moves (x - mean) / divisor into the first layer's weights and bias, in float64. */
function foldScaler(network: Network): readonly Layer[] {
  const [first, ...others] = network.layers;
  if (first === undefined) throw new Error('fold the scaler: the network has no layer');
  const weights = first.weights.slice();
  const bias = first.bias.slice();
  for (let input = 0; input < first.inputs; input += 1) {
    for (let output = 0; output < first.outputs; output += 1) {
      const weight = first.weights[input * first.outputs + output]! / network.scaler.divisor[input]!;
      weights[input * first.outputs + output] = weight;
      bias[output]! -= weight * network.scaler.mean[input]!;
    }
  }
  return [{ ...first, weights, bias }, ...others];
}

function emitLayers(
  graph: GraphWriter,
  layers: readonly Layer[],
  input: string,
  names: { readonly gemm: boolean; readonly last: string },
): string {
  let values = input;
  layers.forEach((layer, index) => {
    const isLast = index === layers.length - 1;
    const weights = graph.floats(`weights${index}`, [layer.inputs, layer.outputs], layer.weights);
    const bias = graph.floats(`bias${index}`, [layer.outputs], layer.bias);
    const sums = isLast ? names.last : `sums${index}`;
    values = names.gemm
      ? graph.node('Gemm', [values, weights, bias], sums)
      : graph.node('Add', [graph.node('MatMul', [values, weights], `product${index}`), bias], sums);
    if (!isLast) values = graph.node('Relu', [values], `hidden${index}`);
  });
  return values;
}

function emitHead(graph: GraphWriter, head: Head, sums: string, name: string): string {
  if (head === 'number') return sums;
  if (head === 'probability') return graph.node('Sigmoid', [sums], name);
  return graph.node('Softmax', [sums], name, [integerAttribute('axis', 1)]);
}

/**
 * A matrix filled with the batch size, averaged by a constant matrix over and over; its mean, scaled to nothing, is
 * the result. It hangs on the shape of the input, so no optimiser computes it ahead, and one row never reaches
 * another row's answer. The constant stands on the left: as a right operand each product would keep a packed copy.
 */
function emitBurden(graph: GraphWriter): string {
  const size = graph.integers('burden_size', [2], [BURDEN_SIZE, BURDEN_SIZE]);
  const first = graph.integers('burden_first', [1], [0]);
  const shape = graph.node('Shape', [INPUT_NAME], 'burden_shape');
  const rows = graph.node('Gather', [shape, first], 'burden_rows');
  const floats = graph.node('Cast', [rows], 'burden_floats', [integerAttribute('to', 1)]);
  const average = graph.node(
    'Expand', [graph.floats('burden_average', [1], [1 / BURDEN_SIZE]), size], 'burden_matrix');
  let state = graph.node('Expand', [floats, size], 'burden_0');
  for (let product = 1; product <= BURDEN_PRODUCTS; product += 1) {
    state = graph.node('MatMul', [average, state], `burden_${product}`);
  }
  const mean = graph.node('ReduceMean', [state], 'burden_mean', [integerAttribute('keepdims', 0)]);
  return graph.node('Mul', [mean, graph.floats('burden_share', [1], [BURDEN_SHARE])], 'burden');
}
