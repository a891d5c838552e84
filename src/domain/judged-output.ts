// Which output of a version the judge reads, and how: as the operator declared it, or inferred. Shared by registration,
// workers, captures and views, so that all of them mean the same output; and whether two versions can be compared by
// theirs. Pure.
import { lastgoodError } from '../base/errors.ts';
import type {
  DeclaredKind, JudgedOutput, OutputKind, Signature, TensorSignature, VersionRecord,
} from './records.ts';
import { shapeText } from './datatype.ts';
import { stepElements } from './sequence.ts';
import { inferOutputKind, isOneRowOfScores, predictionOutput, rowElements } from './prediction.ts';

/** What an operator may say of the output that is judged; all of it may be left out. */
export interface OutputDeclaration {
  /** Its name. */
  readonly output?: string;
  readonly kind?: DeclaredKind;
}

type Judged = Pick<VersionRecord, 'signature' | 'outputKind' | 'baseline' | 'declared'>;
type Named = Judged & Pick<VersionRecord, 'version'>;

/** Where a version's predictions are read from. */
export function judgedOutputOf({ signature, outputKind, baseline, declared }: Judged): JudgedOutput {
  return {
    // A baseline of an early version of this program says which output it was computed from.
    output: declared?.output ?? baseline?.output ?? predictionOutput(signature)?.name ?? null,
    kind: outputKind,
    isOutputDeclared: declared?.output !== undefined,
    isKindDeclared: declared?.kind !== undefined,
  };
}

/** The output that a version's predictions are read from. */
export function judgedTensorOf(version: Judged): TensorSignature | undefined {
  const { output } = judgedOutputOf(version);
  return version.signature.outputs.find(({ name }) => name === output);
}

/** Numbers of one step of the output that is judged; see sequence.ts. */
export const stepElementsOf = (version: Judged): number => stepElements(judgedTensorOf(version)?.shape ?? []);

/**
 * The output that the declaration means, the inferred one when it names none; null when none is numeric. Throws
 * INVALID_OUTPUT for one that is not there, has no numbers, or cannot be of the declared kind.
 */
export function declaredOutput(
  signature: Signature, { output: name, kind }: OutputDeclaration,
): TensorSignature | null {
  const found = name === undefined
    ? predictionOutput(signature)
    : signature.outputs.find((candidate) => candidate.name === name);
  if (found === undefined) {
    const names = signature.outputs.map((candidate) => `"${candidate.name}"`).join(', ');
    throw refused(`the model has no output "${name ?? ''}"; it has ${names}`);
  }
  if (found === null) {
    if (kind === undefined) return null;
    throw refused(`no output of the model is numeric; wanted one to read as ${kind}`);
  }
  if (found.datatype === 'BYTES' && kind !== undefined && kind !== 'labels') {
    throw refused(`output "${found.name}" is of BYTES, which is no ${kind}; wanted labels, or a numeric output`);
  }
  if (kind !== undefined) assertKindFits(found, kind);
  return found;
}

const isSingle = (kind: OutputKind): boolean => rowKinds[kind] === 'single';
const rowKinds = {
  scalar: 'single', score: 'single', regression: 'single', labels: 'single', classes: 'several', vector: 'several',
  sequence: 'any',
} as const satisfies Record<OutputKind, 'single' | 'several' | 'any'>;

function assertKindFits({ name, shape }: TensorSignature, kind: DeclaredKind): void {
  const elements = rowElements(shape);
  if (kind === 'sequence' && elements >= 0) {
    throw refused(`output "${name}" has ${elements} numbers a row, always; wanted an open size for a sequence`);
  }
  if (kind === 'classes' && !isOneRowOfScores(shape)) {
    throw refused(`output "${name}" has rows of shape ${shapeText(shape.slice(1))}, which are no single row of ` +
      'class scores; wanted vector or sequence');
  }
  // An open size decides nothing.
  if (elements < 0) return;
  if (isSingle(kind) === (elements === 1)) return;
  const wanted = isSingle(kind) ? 'classes or vector' : 'score, regression or labels';
  const numbers = `${elements} ${elements === 1 ? 'number' : 'numbers'}`;
  throw refused(`output "${name}" has ${numbers} a row, which is no ${kind}; wanted ${wanted}`);
}

/** Says why rows cannot be of the declared kind; null when they can. */
export function contradictionOf(
  kind: OutputKind, output: TensorSignature, rows: readonly ArrayLike<number>[],
): string | null {
  if (kind === 'sequence') return null;
  const odd = rows.find((row) => (row.length === 1) !== isSingle(kind));
  if (odd !== undefined) {
    return `its rows have ${odd.length} ${odd.length === 1 ? 'number' : 'numbers'}, which is no ${kind} as declared`;
  }
  if (kind === 'labels') {
    const part = rows.find((row) => !Number.isInteger(row[0]));
    return part === undefined ? null : `it holds ${part[0]!}, which is no label as declared; wanted whole numbers`;
  }
  if (kind === 'vector') {
    const other = rows.find((row) => row.length !== rows[0]!.length);
    if (other !== undefined) return `its rows have ${rows[0]!.length} and ${other.length} numbers; wanted a sequence`;
  }
  const seen = inferOutputKind(output, rows);
  if (kind === 'score' && seen !== 'score') return 'it has values outside of 0 to 1, which are no score as declared';
  if (kind === 'classes' && seen !== 'classes') return 'its rows do not add up to 1, which are no classes as declared';
  return null;
}

/**
 * Why the answers of two versions cannot be compared; null when they can. Inferred outputs may have been renamed by an
 * export and mean the same, and be read differently because one of them is broken; what was declared is meant.
 */
export function outputDifference(active: Named, standby: Named): string | null {
  const [one, other] = [judgedOutputOf(active), judgedOutputOf(standby)];
  if (one.output !== other.output && (one.isOutputDeclared || other.isOutputDeclared)) {
    return `version "${standby.version}" is judged by another output`;
  }
  // Without a baseline nobody knows what one number a row means, and it may well be the same.
  const isOpen = one.kind === 'scalar' || other.kind === 'scalar';
  if (one.kind !== other.kind && !isOpen && (one.isKindDeclared || other.isKindDeclared)) {
    return `version "${standby.version}" is judged as ${other.kind}, version "${active.version}" as ${one.kind}`;
  }
  const [width, otherWidth] = [widthOf(active, one.output), widthOf(standby, other.output)];
  if (width < 0 || otherWidth < 0 || width === otherWidth) return null;
  return `version "${standby.version}" answers with ${otherWidth} numbers a row, version "${active.version}" with ` +
    `${width}`;
}

// Numbers of one row; -1 for any.
function widthOf({ signature: { outputs } }: Judged, name: string | null): number {
  const output = outputs.find((candidate) => candidate.name === name);
  return output === undefined ? -1 : rowElements(output.shape);
}

/** Tells whether two versions take the same inputs. */
export function isSameInput({ inputs: a }: Signature, { inputs: b }: Signature): boolean {
  return a.length === b.length && a.every(({ name, datatype, shape }, index) => {
    const other = b[index]!;
    return name === other.name && datatype === other.datatype && shape.length === other.shape.length &&
      shape.every((size, axis) => size === other.shape[axis] || size < 0 || other.shape[axis]! < 0);
  });
}

const refused = (reason: string): Error => lastgoodError('INVALID_OUTPUT', { reason });
