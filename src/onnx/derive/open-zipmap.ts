// open-zipmap/1: a ZipMap at the end of a classifier turns its matrix of probabilities into a list of maps, which no
// protocol here carries. It is taken off: the output of the same name is the matrix, and the names of the classes,
// which the maps had for keys, are its labels. Pure.
// Invariant: a ZipMap whose output anything else reads stays.
import type { Graph, OnnxModel } from '../graph.ts';
import { Fields } from '../protobuf.ts';
import type { ByteSource, Span } from '../protobuf.ts';
import { GRAPH, field, identityNode, tensorValue } from './wire.ts';
import type { Edit, Dimension } from './wire.ts';

/** The names of classes, in the order of their columns. */
export type ClassLabels = readonly (string | number)[];

/** The value that a model itself has for an input which may be left out. */
export interface DefaultValue {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What a rule makes of a model. */
export interface Change {
  readonly edits: readonly Edit[];
  /** By output. */
  readonly labels: Readonly<Record<string, ClassLabels>>;
  /** By input; none by default. */
  readonly defaults?: Readonly<Record<string, DefaultValue>>;
}

type Node = Graph['nodes'][number];

/** Their first output is the label, their second what speaks for each class. */
export const CLASSIFIERS = ['LinearClassifier', 'TreeEnsembleClassifier', 'SVMClassifier'];
/** Nodes that are followed back from an output. */
export const DEPTH_MAX = 32;
/** More classes than this are left as they are. */
const CLASSES_MAX = 65_536;
const ML_DOMAIN = 'ai.onnx.ml';
const LABELS = { classlabels_int64s: 8, classlabels_strings: 9 } as const;
const FLOAT = 1;

export function openZipMap(source: ByteSource, model: OnnxModel): Change {
  const { graph } = model;
  const edits: Edit[] = [];
  const labels: Record<string, ClassLabels> = {};
  for (const output of graph.outputs) {
    const node = producerOf(graph, output.name);
    if (output.kind !== 'sequence' || node?.operator !== 'ZipMap' || node.domain !== ML_DOMAIN) continue;
    const [input] = node.inputs;
    const names = labelsOf(source, node);
    if (input === undefined || names === null || !isLastWord(model, output.name)) continue;
    const shape = [rowsOf(graph), names.length];
    edits.push({ span: node.span, bytes: identityNode(input, output.name) });
    edits.push({ span: output.span, bytes: field(GRAPH.output, tensorValue(output.name, FLOAT, shape)) });
    labels[output.name] = names;
  }
  return { edits, labels };
}

/** The node of the main graph that gives a value. */
export const producerOf = ({ nodes }: Graph, value: string): Node | undefined =>
  nodes.find(({ outputs }) => outputs.includes(value));

/** Whether a value is one output of the model and nothing else. */
export const isLastWord = ({ graph }: OnnxModel, value: string): boolean =>
  graph.outputs.filter(({ name }) => name === value).length === 1 && !graph.nodes.some((node) => reads(node, value));

const reads = ({ inputs, attributes }: Node, value: string): boolean => inputs.includes(value) ||
  [...attributes.values()].some(({ graphs }) => graphs.some((inner) =>
    inner.outputs.some(({ name }) => name === value) || inner.nodes.some((node) => reads(node, value))));

/** The first dimension of the first input, which counts the rows of a classifier. */
export const rowsOf = ({ inputs }: Graph): Dimension => inputs[0]?.shape?.[0] ?? null;

// Null when there are none, too many, or one that no number of ours can say.
function labelsOf(source: ByteSource, { attributes }: Node): ClassLabels | null {
  for (const [name, number] of Object.entries(LABELS)) {
    const attribute = attributes.get(name);
    if (attribute === undefined) continue;
    const labels = read(source, attribute.span, number);
    if (labels.length > 0) return labels.length > CLASSES_MAX ? null : labels;
  }
  return null;
}

function read(source: ByteSource, span: Span, number: number): ClassLabels {
  const texts: string[] = [];
  const integers: number[] = [];
  const whole = new Fields(source, span);
  whole.next();
  const fields = new Fields(source, whole);
  while (fields.next() && texts.length <= CLASSES_MAX) {
    if (fields.number !== number) continue;
    if (number === LABELS.classlabels_strings) texts.push(fields.text());
    else fields.addIntegers(integers, CLASSES_MAX + 1);
  }
  return texts.length > 0 ? texts : integers.every(Number.isSafeInteger) ? integers : integers.map(String);
}
