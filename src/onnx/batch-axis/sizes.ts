// Sizes of which not all is known: a whole number times the names of those that are open. Enough to follow what
// exporters write around a Reshape: products, exact quotients, equality. Pure.
// Invariant: two sizes with the same text are equal in every run of the model.

/** The name of the size that counts the rows of a run. */
const ROWS_NAME = 'rows';
/** More rows no run ever has, and no request: the options' own limit is not above it. */
export const ROWS_MAX = 2 ** 24;

export interface Size {
  readonly factor: number;
  /** In order, one more than once where it is squared. */
  readonly names: readonly string[];
}

export const sizeOf = (factor: number): Size => ({ factor, names: [] });
export const openSize = (name: string): Size => ({ factor: 1, names: [name] });
export const ONE = sizeOf(1);
export const OPEN_ROWS = openSize(ROWS_NAME);

/** Whether it is another one with another number of rows. */
export const countsRows = ({ names }: Size): boolean => names.includes(ROWS_NAME);
export const isNumber = ({ names }: Size): boolean => names.length === 0;
export const isOne = ({ factor, names }: Size): boolean => factor === 1 && names.length === 0;

export function product(sizes: readonly Size[]): Size {
  let factor = 1;
  const names: string[] = [];
  for (const size of sizes) {
    factor *= size.factor;
    names.push(...size.names);
  }
  return { factor, names: names.sort() };
}

/** null when it does not come out even, or when that is not known. */
export function quotient(size: Size, divisor: Size): Size | null {
  if (divisor.factor === 0 || size.factor % divisor.factor !== 0) return null;
  const names = [...size.names];
  for (const name of divisor.names) {
    const at = names.indexOf(name);
    if (at < 0) return null;
    names.splice(at, 1);
  }
  return { factor: size.factor / divisor.factor, names };
}

export const sizeText = ({ factor, names }: Size): string =>
  (names.length === 0 ? String(factor) : [...(factor === 1 ? [] : [String(factor)]), ...names].join('·'));

export const isEqualSize = (left: Size, right: Size): boolean =>
  left.factor === right.factor && left.names.length === right.names.length &&
  left.names.every((name, at) => name === right.names[at]);

/** What an operator makes of two sizes that it knows nothing more of; null when it would depend on the rows' number. */
export function derivedSize(operator: string, left: Size, right: Size): Size | null {
  if (countsRows(left) || countsRows(right)) return null;
  return openSize(`(${sizeText(left)} ${operator} ${sizeText(right)})`);
}
