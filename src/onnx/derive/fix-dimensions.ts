// fix-dimensions/1: an open dimension that has a name in the model is given a size, as the runtime's free dimension
// overrides do, which its binding for Node has no way to say. Shapes that follow from it are then known to the runtime
// when it plans a session. Pure.
// Invariant: nothing but declarations changes, and of those only dimensions of these names; what the runtime works out
// of them is its own.
import type { OnnxModel } from '../graph.ts';
import { ByteSource, Fields, WireType } from '../protobuf.ts';
import type { Span } from '../protobuf.ts';
import { field, GRAPH, integerField } from './wire.ts';
import type { Edit } from './wire.ts';

export const FIX_DIMENSIONS = 'fix-dimensions/1';

/** By the name that a model has for them. */
export type DimensionSizes = Readonly<Record<string, number>>;

const VALUE_INFO = 13;
const DECLARATIONS: readonly number[] = [GRAPH.input, GRAPH.output, VALUE_INFO];
const DIMENSION = { size: 1, name: 2 } as const;

/** What a message holds that leads to dimensions: by field, the message in it; `dimension` is where they are. */
interface Layout {
  readonly [field: number]: Layout | 'type' | 'dimension';
}
const DECLARATION: Layout = { 2: 'type' };
const SHAPE: Layout = { 1: 'dimension' };
const TENSOR: Layout = { 2: SHAPE };
const ELEMENT: Layout = { 1: 'type' };
/** Tensors, sparse tensors, and what holds another type: sequences, maps by their second field, optional values. */
const TYPE: Layout = { 1: TENSOR, 8: TENSOR, 4: ELEMENT, 5: { 2: 'type' }, 9: ELEMENT };

/** The names of the inputs' open dimensions, each once. */
export const openDimensions = ({ graph }: OnnxModel): string[] => [...new Set(graph.inputs
  .filter(({ name }) => !graph.constants.has(name))
  .flatMap(({ shape }) => (shape ?? []).filter((size) => typeof size === 'string' && size !== '') as string[]))];

/** The edits of other rules, and those that give these dimensions their sizes, in them and in what they leave alone. */
export function fixDimensions(
  source: ByteSource, { graph }: OnnxModel, edits: readonly Edit[], sizes: DimensionSizes,
): readonly Edit[] {
  const edited = edits.map(({ span, bytes }) => ({ span, bytes: declared(ByteSource.ofBytes(bytes), sizes) }));
  const left = [...graph.inputs, ...graph.outputs, ...graph.values]
    .map(({ span }) => span)
    .filter((span) => !edits.some((edit) => edit.span.from < span.to && span.from < edit.span.to))
    .flatMap((span) => {
      const bytes = declared(source, sizes, span);
      return Buffer.compare(bytes, source.bytes(span.from, span.to)) === 0 ? [] : [{ span, bytes }];
    });
  return [...edited, ...left];
}

// The fields of a graph that stand in a span, with the sizes in those that declare something.
function declared(source: ByteSource, sizes: DimensionSizes, span?: Span): Uint8Array {
  const parts: Uint8Array[] = [];
  const fields = new Fields(source, span);
  while (fields.next()) {
    const { number, keyAt, to } = fields;
    parts.push(DECLARATIONS.includes(number)
      ? field(number, rewritten(source, fields, DECLARATION, sizes)) : source.bytes(keyAt, to));
  }
  return Buffer.concat(parts);
}

function rewritten(source: ByteSource, span: Span, layout: Layout, sizes: DimensionSizes): Uint8Array {
  const parts: Uint8Array[] = [];
  const fields = new Fields(source, span);
  while (fields.next()) {
    const { number, wireType, keyAt, from, to } = fields;
    const inner = wireType === WireType.length ? layout[number] : undefined;
    if (inner === undefined) parts.push(source.bytes(keyAt, to));
    else if (inner === 'dimension') parts.push(field(number, sized(source, { from, to }, sizes)));
    else parts.push(field(number, rewritten(source, { from, to }, inner === 'type' ? TYPE : inner, sizes)));
  }
  return Buffer.concat(parts);
}

function sized(source: ByteSource, span: Span, sizes: DimensionSizes): Uint8Array {
  const parts: Uint8Array[] = [];
  const fields = new Fields(source, span);
  while (fields.next()) {
    const { number, keyAt, to } = fields;
    const name = number === DIMENSION.name ? fields.text() : null;
    const isNamed = name !== null && Object.hasOwn(sizes, name);
    parts.push(isNamed ? integerField(DIMENSION.size, sizes[name]!) : source.bytes(keyAt, to));
  }
  return Buffer.concat(parts);
}
