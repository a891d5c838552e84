// Texts in a model that its answers may say: the names of classes, what a LabelEncoder answers, constants of text. ONNX
// has them as bytes and means UTF-8 by it. What is none would come out with other characters in the place of its own,
// so that two classes may have one name; a trial refuses it. Looks at no weight. Any thread.
import { isUtf8 } from 'node:buffer';
import { RegularFile } from '../base/regular-file.ts';
import { readModel } from './graph.ts';
import type { OnnxModel } from './graph.ts';
import { ByteSource, Fields, MESSAGE_DEPTH_MAX } from './protobuf.ts';
import type { Span } from './protobuf.ts';

const MODEL = { graph: 7, function: 25 } as const;
const GRAPH = { node: 1, constant: 5 } as const;
const FUNCTION_NODE = 7;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE = { name: 1, text: 4, tensor: 5, graph: 6, texts: 9, tensors: 10, graphs: 11 } as const;
const TENSOR = { texts: 6, name: 8 } as const;
/** Attributes whose texts are answers; those that are looked for in requests are met by none that is not UTF-8. */
const ANSWERED = ['classlabels_strings', 'classes_strings', 'values_strings', 'default_string'];
/** The number of text among the element types. */
const STRING = 8;
const TENSOR_ATTRIBUTES: readonly number[] = [ATTRIBUTE.tensor, ATTRIBUTE.tensors];
const GRAPH_ATTRIBUTES: readonly number[] = [ATTRIBUTE.graph, ATTRIBUTE.graphs];

/**
 * Where the model in the file at `path` has a text that is no UTF-8 and may be answered; null when nowhere, or when the
 * file cannot be read, for which the runtime has words.
 */
export function unreadableTextIn(path: string, bytesMax: number): string | null {
  const file = RegularFile.open(path, bytesMax);
  try {
    return unreadableText(ByteSource.ofFile(file.descriptor, file.bytes));
  } catch {
    return null;
  } finally {
    file.close();
  }
}

function unreadableText(source: ByteSource): string | null {
  if (!answersTexts(readModel(source))) return null;
  return firstIn(source, { from: 0, to: source.size }, (fields) => {
    if (fields.number === MODEL.graph) return inGraph(source, fields, 0);
    return fields.number === MODEL.function ? inNodes(source, fields, FUNCTION_NODE, 0) : null;
  });
}

const answersTexts = ({ graph: { outputs } }: OnnxModel): boolean =>
  outputs.some(({ kind, elementType }) => (kind === 'tensor' ? elementType === STRING : kind !== 'none'));

function firstIn(source: ByteSource, span: Span, find: (fields: Fields) => string | null): string | null {
  const fields = new Fields(source, span);
  while (fields.next()) {
    const found = find(fields);
    if (found !== null) return found;
  }
  return null;
}

function inGraph(source: ByteSource, span: Span, depth: number): string | null {
  if (depth > MESSAGE_DEPTH_MAX) return null;
  return inNodes(source, span, GRAPH.node, depth) ??
    firstIn(source, span, (fields) => (fields.number === GRAPH.constant ? inTensor(source, fields, 'constant') : null));
}

function inNodes(source: ByteSource, span: Span, nodes: number, depth: number): string | null {
  return firstIn(source, span, (node) => (node.number !== nodes ? null : firstIn(source, node, (attribute) =>
    (attribute.number === NODE_ATTRIBUTE ? inAttribute(source, attribute, depth) : null))));
}

function inAttribute(source: ByteSource, span: Span, depth: number): string | null {
  const name = textOf(source, span, ATTRIBUTE.name);
  const isAnswered = ANSWERED.includes(name);
  let at = 0;
  return firstIn(source, span, (fields) => {
    const { number, from, to } = fields;
    if (isAnswered && (number === ATTRIBUTE.text || number === ATTRIBUTE.texts)) {
      at += 1;
      return isUtf8(source.bytes(from, to)) ? null : `text ${at} of its attribute "${name}"`;
    }
    if (TENSOR_ATTRIBUTES.includes(number)) return inTensor(source, fields, `attribute "${name}" with tensor`);
    return GRAPH_ATTRIBUTES.includes(number) ? inGraph(source, fields, depth + 1) : null;
  });
}

function inTensor(source: ByteSource, span: Span, what: string): string | null {
  let at = 0;
  return firstIn(source, span, ({ number, from, to }) => {
    if (number !== TENSOR.texts) return null;
    at += 1;
    return isUtf8(source.bytes(from, to)) ? null
      : `text ${at} of its ${what} "${textOf(source, span, TENSOR.name)}"`;
  });
}

function textOf(source: ByteSource, span: Span, number: number): string {
  return firstIn(source, span, (fields) => (fields.number === number ? fields.text() : null)) ?? '';
}
