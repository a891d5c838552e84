// open-sequence/2: a SequenceConstruct at the end puts several tensors into one output, which no protocol here carries.
// It is taken off: each of the tensors is an output of its own, NAME_0, NAME_1 and so on. Pure.
// open-sequence/1 is the same, but that it declares a classifier of more than 256 classes with names as one of 257.
// Invariant: a sequence that anything else reads stays.
import type { Graph, OnnxModel } from '../graph.ts';
import { Fields } from '../protobuf.ts';
import type { ByteSource, Span } from '../protobuf.ts';
import { CLASSIFIERS, DEPTH_MAX, isLastWord, producerOf, rowsOf } from './open-zipmap.ts';
import type { Change } from './open-zipmap.ts';
import { GRAPH, field, identityNode, tensorValue } from './wire.ts';
import type { Edit, Dimension } from './wire.ts';

const TENSORS_MAX = 256;
const FIRST_CLASSES_MAX = 257;
/** Operators that leave the shape of their input as it is. */
const KEEPING = ['Identity', 'Cast', 'Normalizer', 'Softmax', 'Sigmoid', 'Scaler'];
const CLASS_ATTRIBUTES = ['classlabels_ints', 'classlabels_int64s', 'classlabels_strings'];

export const openSequence = (source: ByteSource, model: OnnxModel): Change => opened(source, model, Infinity);
export const openSequenceAtFirst = (source: ByteSource, model: OnnxModel): Change =>
  opened(source, model, FIRST_CLASSES_MAX);

function opened(source: ByteSource, model: OnnxModel, classesMax: number): Change {
  const { graph } = model;
  const edits: Edit[] = [];
  const taken = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const output of graph.outputs) {
    const node = producerOf(graph, output.name);
    if (output.kind !== 'sequence' || node?.operator !== 'SequenceConstruct' || node.domain !== '') continue;
    const names = node.inputs.map((_, index) => `${output.name}_${index}`);
    const elementType = elementTypeOf(source, output.span);
    if (names.length > TENSORS_MAX || elementType === 0 || names.some((name) => taken.has(name))) continue;
    if (!isLastWord(model, output.name)) continue;
    const values = node.inputs.map((input, index) =>
      field(GRAPH.output, tensorValue(names[index]!, elementType, shapeOf(graph, input, classesMax))));
    edits.push({ span: output.span, bytes: Buffer.concat(values) });
    const identities = node.inputs.map((input, index) => identityNode(input, names[index]!));
    edits.push({ span: node.span, bytes: Buffer.concat(identities) });
  }
  return { edits, labels: {} };
}

// As declared; of a classifier's scores, which exporters leave undeclared, as they are by definition.
function shapeOf(graph: Graph, value: string, classesMax: number, depth = 0): readonly Dimension[] | null {
  const declared = [...graph.values, ...graph.inputs].find(({ name }) => name === value);
  const shape = declared?.shape ?? null;
  if (shape !== null) return shape;
  const node = producerOf(graph, value);
  if (node === undefined || depth > DEPTH_MAX) return null;
  if (KEEPING.includes(node.operator)) return shapeOf(graph, node.inputs[0] ?? '', classesMax, depth + 1);
  if (!CLASSIFIERS.includes(node.operator) || node.outputs[1] !== value) return null;
  const classes = CLASS_ATTRIBUTES.map((name) => node.attributes.get(name))
    .map((attribute) => (attribute?.integers?.length ?? 0) || Math.min(attribute?.texts?.length ?? 0, classesMax))
    .find((count) => count > 0);
  return [rowsOf(graph), classes ?? null];
}

// In a value's field: its type, of a sequence, of a tensor, of elements.
function elementTypeOf(source: ByteSource, span: Span): number {
  let at: Span | null = span;
  // The field itself, then one field after the other down to the tensor.
  for (const number of [GRAPH.output, 2, 4, 1, 1]) {
    at = at === null ? null : innerOf(source, at, number);
  }
  const fields = at === null ? null : new Fields(source, at);
  while (fields?.next() === true) if (fields.number === 1) return fields.value;
  return 0;
}

function innerOf(source: ByteSource, span: Span, number: number): Span | null {
  const fields = new Fields(source, span);
  while (fields.next()) if (fields.number === number) return { from: fields.from, to: fields.to };
  return null;
}
