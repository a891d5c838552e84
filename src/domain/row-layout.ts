// How a model's tensors divide into rows: which inputs and outputs have a batch axis, how many rows one run takes, and
// what one row looks like. Read from the signature alone. Pure; any thread.
import type { Datatype, Signature, TensorSignature } from './records.ts';
import type { ClassLabels } from '../onnx/derive/open-zipmap.ts';
import { elementBytes, elementCount } from './datatype.ts';

/**
 * dynamic: the first dimension of every input is open, rows are stacked. fixed: it is a number of at least rank 2,
 * runs are padded to it. none: the whole tensors are one row, one run per row.
 */
type Batching = 'dynamic' | 'fixed' | 'none';

export interface RowInput {
  readonly name: string;
  readonly datatype: Datatype;
  /** Shape of one row; -1 for a dimension that may have any size. */
  readonly shape: readonly number[];
  /** Elements of one row, or -1 when its shape is open. */
  readonly elements: number;
}

export interface RowOutput {
  readonly name: string;
  readonly datatype: Datatype;
  /** The first dimension counts rows. */
  readonly hasRows: boolean;
  /** A row is one number (or text), by the signature: it is answered bare, not as an array. */
  readonly isScalar: boolean;
  readonly labels?: ClassLabels;
}

export interface RowLayout {
  readonly batching: Batching;
  /** Rows of one run: exactly for fixed, at most otherwise. */
  readonly rowsPerRun: number;
  readonly inputs: readonly RowInput[];
  readonly outputs: readonly RowOutput[];
}

/** Input bytes of one run; models with large rows run fewer of them at once. */
export const RUN_INPUT_BYTES_MAX = 4 * 1024 * 1024;

/** Reads the layout of a signature; no run of a dynamic layout takes more than `rowsMax` rows. */
export function rowLayout(signature: Signature, rowsMax: number): RowLayout {
  const batching = batchingOf(signature.inputs);
  const fixedRows = batching === 'fixed' ? (signature.inputs[0]?.shape[0] ?? 1) : 1;
  const inputs = signature.inputs.map(({ name, datatype, shape }) => {
    const row = batching === 'none' ? shape : shape.slice(1);
    return { name, datatype, shape: row, elements: elementCount(row) };
  });
  const outputs = signature.outputs.map(({ name, datatype, shape, labels }) => {
    const hasRows = shape.length > 0 && leadsRows(batching, fixedRows, shape[0] ?? 0);
    const isScalar = elementCount(hasRows ? shape.slice(1) : shape) === 1;
    return { name, datatype, hasRows, isScalar, ...(labels === undefined ? {} : { labels }) };
  });
  return { batching, rowsPerRun: rowsPerRun(batching, fixedRows, inputs, outputs, rowsMax), inputs, outputs };
}

/** The same with the outputs that were found to have rows; the others belong to a run as a whole. */
export function withRowOutputs(layout: RowLayout, { outputs }: Signature, rowOutputs: readonly boolean[]): RowLayout {
  return {
    ...layout,
    outputs: layout.outputs.map((output, at) => {
      const hasRows = output.hasRows && rowOutputs[at] !== false;
      const { shape } = outputs[at]!;
      return { ...output, hasRows, isScalar: elementCount(hasRows ? shape.slice(1) : shape) === 1 };
    }),
  };
}

function batchingOf(inputs: readonly TensorSignature[]): Batching {
  if (inputs.length === 0) return 'none';
  if (inputs.every(({ shape }) => shape[0] === -1)) return 'dynamic';
  // A single fixed dimension is more often a vector than a batch of numbers.
  const first = inputs[0]?.shape[0] ?? 0;
  return first > 0 && inputs.every(({ shape }) => shape.length > 1 && shape[0] === first) ? 'fixed' : 'none';
}

function leadsRows(batching: Batching, fixedRows: number, size: number): boolean {
  if (size === -1) return batching !== 'none';
  // A model that mixes its rows may promise one: alone in its run, a row has that output to itself.
  return size === (batching === 'dynamic' ? 1 : fixedRows) && batching !== 'none';
}

function rowsPerRun(
  batching: Batching,
  fixedRows: number,
  inputs: readonly RowInput[],
  outputs: readonly RowOutput[],
  rowsMax: number,
): number {
  if (batching === 'none') return 1;
  if (batching === 'fixed') return fixedRows;
  // An output without a row axis belongs to the run as a whole: only runs of one row can be told apart.
  if (outputs.some(({ hasRows }) => !hasRows)) return 1;
  const rowBytes = inputs.reduce((sum, row) => sum + Math.max(1, row.elements) * elementBytes(row.datatype), 0);
  return Math.max(1, Math.min(rowsMax, Math.floor(RUN_INPUT_BYTES_MAX / Math.max(1, rowBytes))));
}
