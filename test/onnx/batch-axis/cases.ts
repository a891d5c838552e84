// How a case for an operator is written down: inputs with rows somewhere in their shape, constants, and what is to be
// seen of the rows behind it.
import type { AttributeValue, OneOperator, RowsInput, SameInput, Step } from './one-operator.ts';

/** apart: each row has what it has alone, and the table says so. mixed: the runtime shows that it has not. */
export interface OperatorCase extends Omit<OneOperator, 'operator' | 'domain'> {
  readonly expected: 'apart' | 'mixed';
}
export type OperatorCases = Readonly<Record<string, readonly OperatorCase[]>>;

interface More {
  readonly opset?: number;
  readonly outputs?: number;
}
type Attributes = Readonly<Record<string, AttributeValue>>;
type Inputs = readonly (RowsInput | SameInput | null)[];

export const OPSET = 20;
const ROWS = 3;

const make = (expected: OperatorCase['expected']) =>
  (inputs: Inputs, attributes: Attributes = {}, { opset = OPSET, outputs = 1 }: More = {}): OperatorCase =>
    ({ expected, inputs, before: [], takes: null, attributes, opset, outputs, rows: ROWS });
export const apart = make('apart');
export const mixed = make('mixed');

/** With nodes before the operator, which takes these values. */
export const after = (before: readonly Step[], takes: string, one: OperatorCase): OperatorCase =>
  ({ ...one, before, takes: takes.split(' ') });
/** A rows input whose sizes on these axes the model does not tell. */
export const open = (input: RowsInput, ...axes: readonly number[]): RowsInput => ({ ...input, open: axes });

type Shape = readonly (number | 'N')[];
type Type = RowsInput['type'];

// Of both signs, no two alike, and those of different rows of different sizes.
const scattered = (row: number, at: number): number => {
  const hash = Math.imul(row * 31 + at * 7 + 5, 0x9e3779b1) >>> 0;
  return ((hash % 1_999) / 1_000 - 1) * (1 + row * 3);
};
const few = (most: number) => (row: number, at: number): number =>
  (Math.imul(row * 31 + at * 7 + 5, 0x9e3779b1) >>> 8) % most;

const rows = (type: Type, value: RowsInput['value']) => (...shape: Shape): RowsInput => ({ shape, type, value });
/** Inputs with rows, by their element type. */
export const f = rows('float32', scattered);
export const positive = rows('float32', (row, at) => 0.1 + Math.abs(scattered(row, at)));
export const i64 = rows('int64', few(3));
export const i32 = rows('int32', few(3));
export const u8 = rows('uint8', (row, at) => 20 + few(100)(row, at));
export const i8 = rows('int8', few(60));
export const bool = rows('bool', few(2));
export const text = rows('string', few(3));
export const counted = (value: (row: number, at: number) => number, ...shape: Shape): RowsInput =>
  ({ shape, type: 'int64', value });

/** Constants: numbers of their own when none are given. */
export const c = (dims: readonly number[], constant?: readonly number[], type: Type = 'float32'): SameInput => ({
  dims, type,
  constant: constant ?? Array.from({ length: dims.reduce((all, size) => all * size, 1) },
    (_, at) => 0.3 + ((at * 7) % 11) / 9),
});
export const ci = (...constant: readonly number[]): SameInput => ({ dims: [constant.length], constant, type: 'int64' });
export const scalar = (value: number, type: Type = 'float32'): SameInput => ({ dims: [], constant: [value], type });
export const words = (...constant: readonly string[]): SameInput =>
  ({ dims: [constant.length], constant, type: 'string' });

/** The same cases for many operators. */
export const forAll = (names: string, cases: readonly OperatorCase[]): OperatorCases =>
  Object.fromEntries(names.split(' ').map((name) => [name, cases]));
