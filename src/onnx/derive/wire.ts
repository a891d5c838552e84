// Writes the few messages of an ONNX file that rules put in place of others, and a file with them in it. Pure.
// Invariant: what no rule replaces is copied byte for byte.
import { Fields } from '../protobuf.ts';
import type { ByteSource, Span } from '../protobuf.ts';
import type { Graph } from '../graph.ts';

/** One place of the graph's content that becomes something else: whole fields, or nothing between two. */
export interface Edit {
  readonly span: Span;
  readonly bytes: Uint8Array;
}

/** What a file is put together from: places of the original, and bytes. */
export type Piece = Span | Uint8Array;

/** A size, the name of an open one, or null. */
export type Dimension = NonNullable<Graph['inputs'][number]['shape']>[number];

const MODEL_GRAPH = 7;
export const GRAPH = { node: 1, input: 11, output: 12 } as const;

/** The file with these edits of its graph, which do not overlap. */
export function withEdits(source: ByteSource, edits: readonly Edit[]): Piece[] {
  const graph = graphField(source);
  const pieces: Piece[] = [];
  let at = graph.from;
  let bytes = graph.to - graph.from;
  for (const edit of [...edits].sort((a, b) => a.span.from - b.span.from)) {
    pieces.push({ from: at, to: edit.span.from }, edit.bytes);
    at = edit.span.to;
    bytes += edit.bytes.length - (edit.span.to - edit.span.from);
  }
  pieces.push({ from: at, to: graph.to }, { from: graph.to, to: source.size });
  const head = Buffer.concat([varint(MODEL_GRAPH * 8 + 2), varint(bytes)]);
  return [{ from: 0, to: graph.keyAt }, head, ...pieces];
}

function graphField(source: ByteSource): Span & { readonly keyAt: number } {
  const fields = new Fields(source);
  while (fields.next()) {
    const { number, keyAt, from, to } = fields;
    if (number === MODEL_GRAPH) return { keyAt, from, to };
  }
  throw new Error('it has no graph');
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** A field with a length. */
export const field = (number: number, content: Uint8Array | string): Uint8Array => {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
};

/** A field with a whole number from 0 on. */
export const integerField = (number: number, value: number): Uint8Array =>
  Buffer.concat([varint(number * 8), varint(value)]);

/** What a graph declares of a tensor; of no shape when it is null. */
export function tensorValue(name: string, elementType: number, shape: readonly Dimension[] | null): Uint8Array {
  const dimensions = (shape ?? []).map((size) =>
    field(1, typeof size === 'number' ? integerField(1, size) : size === null ? '' : field(2, size)));
  const shapeField = shape === null ? [] : [field(2, Buffer.concat(dimensions))];
  const tensor = Buffer.concat([integerField(1, elementType), ...shapeField]);
  return Buffer.concat([field(1, name), field(2, field(1, tensor))]);
}

/** A node that gives a value another name. */
export const identityNode = (input: string, output: string): Uint8Array =>
  field(GRAPH.node, Buffer.concat([field(1, input), field(2, output), field(3, output), field(4, 'Identity')]));
