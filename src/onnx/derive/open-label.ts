// open-label/1: some exporters declare the label of a classifier as that of one row, [1], whatever the number of rows
// is. Declared as it is, with a label for each row, it can be divided among them. Pure.
// Invariant: nothing but the declaration changes.
import type { Graph, OnnxModel } from '../graph.ts';
import type { ByteSource } from '../protobuf.ts';
import { CLASSIFIERS, DEPTH_MAX, producerOf, rowsOf } from './open-zipmap.ts';
import type { Change } from './open-zipmap.ts';
import { GRAPH, field, tensorValue } from './wire.ts';

export function openLabel(_source: ByteSource, { graph }: OnnxModel): Change {
  const rows = rowsOf(graph);
  if (typeof rows === 'number') return { edits: [], labels: {} };
  const edits = graph.outputs
    .filter(({ kind, shape }) => kind === 'tensor' && shape?.length === 1 && shape[0] === 1)
    .filter(({ name }) => isLabel(graph, name))
    .map(({ name, elementType, span }) =>
      ({ span, bytes: field(GRAPH.output, tensorValue(name, elementType, [rows])) }));
  return { edits, labels: {} };
}

// What a classifier says, by any number of other names and in another type.
function isLabel(graph: Graph, value: string, depth = 0): boolean {
  const node = producerOf(graph, value);
  if (node === undefined || depth > DEPTH_MAX) return false;
  if (CLASSIFIERS.includes(node.operator)) return node.outputs[0] === value;
  return ['Identity', 'Cast'].includes(node.operator) && isLabel(graph, node.inputs[0] ?? '', depth + 1);
}
