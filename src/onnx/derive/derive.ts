// What is loaded in place of a model that cannot be served as it is: the rules, in the order in which they are looked
// at, and the file that they make. A rule never changes what it makes of a file: another way is another version of it,
// beside the one that versions in a registry were made by. Any thread.
import { defaultInputs } from '../default-inputs.ts';
import { readModel } from '../graph.ts';
import type { OnnxModel } from '../graph.ts';
import { Fields, WireType } from '../protobuf.ts';
import type { ByteSource, Span } from '../protobuf.ts';
import { FIX_DIMENSIONS, fixDimensions } from './fix-dimensions.ts';
import type { DimensionSizes } from './fix-dimensions.ts';
import { DEFAULT_INPUTS_MAX, openDefault } from './open-default.ts';
import { openLabel } from './open-label.ts';
import { openSequence, openSequenceAtFirst } from './open-sequence.ts';
import { openZipMap } from './open-zipmap.ts';
import type { Change, ClassLabels, DefaultValue } from './open-zipmap.ts';
import { withEdits } from './wire.ts';
import type { Piece } from './wire.ts';

const RULES: Readonly<Record<string, (source: ByteSource, model: OnnxModel) => Change>> = {
  'open-zipmap/1': openZipMap, 'open-sequence/2': openSequence, 'open-label/1': openLabel,
  'open-default/1': openDefault,
};
/** Of versions that an earlier build registered. */
const EARLIER_RULES: typeof RULES = { 'open-sequence/1': openSequenceAtFirst };
const ALL_RULES: typeof RULES = { ...RULES, ...EARLIER_RULES };
/** What a model that is registered now is derived by. */
const currentRules: readonly string[] = [...Object.keys(RULES), FIX_DIMENSIONS];

/** Each with its version. */
export const knownRules: readonly string[] = [...currentRules, ...Object.keys(EARLIER_RULES)];

interface Derivation {
  /** Those that found something to do. */
  readonly rules: readonly string[];
  readonly pieces: readonly Piece[];
  /** By output. */
  readonly labels: Readonly<Record<string, ClassLabels>>;
  /** By input. */
  readonly defaults: Readonly<Record<string, DefaultValue>>;
}

/**
 * What the rules make of a model, all of them or those named, where some open dimensions are to have a size; null when
 * they leave it as it is.
 */
export function derive(
  source: ByteSource, rules: readonly string[] = currentRules, sizes: DimensionSizes = {},
): Derivation | null {
  const unknown = rules.find((rule) => !knownRules.includes(rule));
  if (unknown !== undefined) {
    throw new Error(`the rule "${unknown}" is not known to this build; known are ${knownRules.join(', ')}`);
  }
  const isSized = rules.includes(FIX_DIMENSIONS) && Object.keys(sizes).length > 0;
  if (!isSized && !isOfInterest(source)) return null;
  const model = readModel(source);
  const changes = rules
    .filter((rule) => rule !== FIX_DIMENSIONS)
    .map((rule) => ({ rule, ...ALL_RULES[rule]!(source, model) }))
    .filter(({ edits }) => edits.length > 0);
  if (!isSized && changes.length === 0) return null;
  const edits = changes.flatMap((change) => change.edits);
  return {
    rules: [...changes.map(({ rule }) => rule), ...(isSized ? [FIX_DIMENSIONS] : [])],
    pieces: withEdits(source, isSized ? fixDimensions(source, model, edits, sizes) : edits),
    labels: Object.assign({}, ...changes.map(({ labels }) => labels)) as Derivation['labels'],
    defaults: Object.assign({}, ...changes.map(({ defaults }) => defaults)) as Derivation['defaults'],
  };
}

const MODEL = { graph: 7, opset: 8 } as const;
const GRAPH_OUTPUT = 12;
const VALUE_TYPE = 2;
/** Sequences, maps, optional values. */
const OTHER_TYPES = [4, 5, 9];

// Looks at no node: of a large network, which no rule is about, nothing more is read.
function isOfInterest(source: ByteSource): boolean {
  const defaults = defaultInputs(source).length;
  if (defaults > 0 && defaults <= DEFAULT_INPUTS_MAX) return true;
  const fields = new Fields(source);
  while (fields.next()) {
    if (fields.number === MODEL.opset && textsIn(source, fields).includes('ai.onnx.ml')) return true;
    if (fields.number !== MODEL.graph) continue;
    const inGraph = new Fields(source, fields);
    while (inGraph.next()) if (inGraph.number === GRAPH_OUTPUT && !isTensor(source, inGraph)) return true;
  }
  return false;
}

function textsIn(source: ByteSource, span: Span): string[] {
  const texts: string[] = [];
  const fields = new Fields(source, span);
  while (fields.next()) if (fields.wireType === WireType.length) texts.push(fields.text());
  return texts;
}

function isTensor(source: ByteSource, span: Span): boolean {
  const value = new Fields(source, span);
  while (value.next()) {
    if (value.number !== VALUE_TYPE) continue;
    const type = new Fields(source, value);
    while (type.next()) if (OTHER_TYPES.includes(type.number)) return false;
  }
  return true;
}
