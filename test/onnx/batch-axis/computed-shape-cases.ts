// Cases for what exporters write around a change of shape: sizes that the model tells itself, on axes of which it does
// not say how large they are, and ends that are far behind every row. Beside each form stand near ones that mix rows.
import { after, apart, c, ci, f, mixed, open } from './cases.ts';
import type { OperatorCase, OperatorCases } from './cases.ts';
import type { Step } from './one-operator.ts';

const step = (operator: string, takes: string, makes: string, attributes: Step['attributes'] = {}): Step =>
  ({ operator, takes, makes, attributes });
const number = (makes: string, value: number): Step => step('Constant', '', makes, { value_int: value });
const list = (makes: string, ...values: readonly number[]): Step => step('Constant', '', makes, { value_ints: values });
const AXIS = { axis: 0 };
const join = (...parts: readonly string[]): Step => step('Concat', parts.join(' '), 'wanted', AXIS);

/** A size as PyTorch's exporter takes it: Shape, Gather, Unsqueeze. */
const size = (axis: number, makes: string, of = 'x0'): Step[] => [
  step('Shape', of, `${makes}_all`), number(`${makes}_at`, axis),
  step('Gather', `${makes}_all ${makes}_at`, `${makes}_one`), list(`${makes}_zero`, 0),
  step('Unsqueeze', `${makes}_one ${makes}_zero`, makes),
];
/** The same as those of TensorFlow and Paddle do: Shape, Cast, Slice, Cast. */
const slicedSize = (axis: number, makes: string): Step[] => [
  step('Shape', 'x0', `${makes}_64`), step('Cast', `${makes}_64`, `${makes}_32`, { to: 6 }),
  list(`${makes}_from`, axis), list(`${makes}_to`, axis + 1),
  step('Slice', `${makes}_32 ${makes}_from ${makes}_to`, `${makes}_cut`),
  step('Cast', `${makes}_cut`, makes, { to: 7 }),
];
const rows = size(0, 'rows');
/** A size that is reckoned, so that the runtime does not know it again. */
const foreign = (axis: number, makes: string): Step[] =>
  [...size(axis, 'own'), step('Mul', 'own own', 'square'), step('Div', 'square own', makes)];
/** One more or less than the rows. */
const shifted = (by: number): Step[] => [...rows, list('by', by), step('Add', 'rows by', 'other')];
const width = (axis: number): Step[] => size(axis, 'width');

/** A convolution that may keep the size, and its rows on the second axis. */
const convolved = (pads: readonly number[]): Step[] => [
  step('Conv', 'x0 c1', 'seen', { kernel_shape: [3], pads }), step('Transpose', 'seen', 'turned', { perm: [2, 0, 1] }),
];

/** A new shape that was computed. */
const reshape = (before: readonly Step[], one: OperatorCase, of = 'x0'): OperatorCase =>
  after(before, `${of} wanted`, one);

const RESHAPES: readonly OperatorCase[] = [
  reshape([...rows, list('rest', 3, 4), join('rows', 'rest')], apart([f('N', 12)])),
  reshape([...slicedSize(0, 'rows'), list('rest', 3, -1), join('rows', 'rest')], apart([open(f('N', 12), 1)])),
  // Boxes of a detector: as many as the image has places.
  reshape([...rows, ...width(2), list('four', 2, 4), join('rows', 'four', 'width')], apart([open(f('N', 8, 5), 2)])),
  // Behind a convolution that keeps the size, whatever it is.
  reshape([...rows, ...width(2), list('two', 1, 2), join('rows', 'two', 'width'),
    step('Conv', 'x0 c1', 'seen', { kernel_shape: [3], pads: [1, 1] })],
  apart([open(f('N', 4, 5), 2), c([2, 4, 3])]), 'seen'),
  // Text of one line: a height that has to be 1, or the runtime refuses the shape.
  reshape([list('flat', 0, -1, 4), step('Reshape', 'x0 flat', 'places'), ...slicedSize(0, 'rows'),
    ...slicedSize(2, 'width'), list('one', 1), list('four', 4), join('rows', 'one', 'width', 'four')],
  apart([open(f('N', 1, 5, 4), 1, 2)]), 'places'),
  // Several places for each row in between.
  reshape([list('flat', -1, 4), step('Reshape', 'x0 flat', 'places'), ...rows, ...width(1), list('four', 4),
    join('rows', 'width', 'four')], apart([open(f('N', 3, 4), 1)]), 'places'),
  reshape([...rows, ...width(1), step('Mul', 'rows width', 'all'), list('two', 2),
    step('Concat', 'all two', 'flat', AXIS), step('Reshape', 't0 flat', 'places'),
    join('width', 'rows', 'two')], apart([open(f(3, 'N', 2), 0)]), 'places'),
  reshape([...convolved([1, 1]), ...rows, ...width(2), list('rest', -1), join('width', 'rows', 'rest')],
    apart([open(f('N', 4, 4), 2), c([2, 4, 3])]), 'turned'),
  apart([open(f('N', 3, 4), 1), ci(0, 0, 2, 2)]),
  apart([open(f('N', 6, 2), 1), ci(0, -1, 3)]),
  // Another size in the place of the rows'.
  reshape([...rows, ...width(1), list('four', 4), join('width', 'rows', 'four')], mixed([open(f('N', 3, 4), 1)])),
  reshape([...width(1), list('rest', -1), join('width', 'rest')], mixed([open(f('N', 3, 4), 1)])),
  reshape([...rows, list('rest', -1), join('rest', 'rows')], mixed([open(f('N', 4), 1)])),
  reshape([...rows, ...width(1), step('Mul', 'rows width', 'all'), list('four', 4), join('all', 'four')],
    mixed([open(f('N', 3, 4), 1)])),
  reshape([...rows, step('Mul', 'rows rows', 'all'), list('rest', -1), join('all', 'rest')],
    mixed([open(f('N', 6), 1)])),
  // Places for each row, as many as there are rows.
  reshape([...rows, step('Mul', 'rows rows', 'all'), list('rest', -1), step('Concat', 'all rest', 'flat', AXIS),
    step('Reshape', 'x0 flat', 'places'), step('Softmax', 'places', 'shares'), ...width(1), join('rows', 'width')],
  mixed([open(f('N', 18), 1)]), 'shares'),
  // Shapes of another number of elements, of which the runtime takes one size for the rest.
  reshape([...foreign(0, 'rows'), list('rest', 3, 4), join('rows', 'rest')], mixed([open(f('N', 24), 1)])),
  reshape([...foreign(0, 'rows'), ...width(1), list('two', 2), join('rows', 'width', 'two')],
    mixed([open(f('N', 3, 4), 1)])),
  reshape([...foreign(1, 'width'), ...size(1, 'rows', 't0'), list('two', 2), join('width', 'rows', 'two')],
    mixed([open(f(3, 'N', 4), 0)]), 't0'),
  reshape([...convolved([0, 0]), ...rows, ...width(2), list('rest', -1), join('width', 'rows', 'rest')],
    mixed([open(f('N', 4, 4), 2), c([2, 4, 3])]), 'turned'),
  // The rows' size in its place, and the rows on another axis before.
  reshape([...rows, list('rest', 3, 2), join('rows', 'rest')], mixed([f(3, 'N', 2)]), 't0'),
  reshape([...rows, list('rest', -1), join('rows', 'rest')], mixed([open(f(3, 'N', 2), 0)]), 't0'),
  mixed([open(f('N', 6), 1), ci(3, -1)]),
];

/** What TensorFlow's exporter writes for the end of every axis. */
const FAR = 1_000_000_000;
/** An end of axis 0 that was computed. */
const slice = (before: readonly Step[], end: string, one: OperatorCase): OperatorCase =>
  after([...before, list('zero', 0)], `x0 zero ${end} zero`, one);

const SLICES: readonly OperatorCase[] = [
  apart([f('N', 4), ci(0), ci(FAR), ci(0)]),
  apart([open(f('N', 4, 2), 1), ci(0, 0, 0), ci(FAR, FAR, FAR), ci(0, 2, 1), ci(1, 1, 1)]),
  slice(rows, 'rows', apart([f('N', 4)])),
  slice(slicedSize(0, 'rows'), 'rows', apart([open(f('N', 4), 1)])),
  mixed([f('N', 4), ci(1), ci(FAR), ci(0)]),
  mixed([f('N', 4), ci(-2), ci(FAR), ci(0)]),
  mixed([f('N', 4), ci(0), ci(FAR), ci(0), ci(2)]),
  mixed([f('N', 4), ci(FAR), ci(-FAR), ci(0), ci(-1)]),
  mixed([f('N', 4), ci(0), ci(-1), ci(0)]),
  mixed([f('N', 4), ci(0), ci(2), ci(0)]),
  slice(width(1), 'width', mixed([open(f('N', 2), 1)])),
];

export const COMPUTED_SHAPE_CASES: OperatorCases = { Reshape: RESHAPES, Slice: SLICES };

/** Sizes that are reckoned from the number of rows, whatever the operator makes of them. */
export const RECKONED: OperatorCases = {
  Reshape: [
    reshape([...shifted(1), list('rest', -1), join('other', 'rest')], mixed([open(f('N', 12), 1)])),
    reshape([...rows, step('Mul', 'rows rows', 'all'), list('four', 4), step('Concat', 'all four', 'flat', AXIS),
      step('Reshape', 'x0 flat', 'places'), ...width(1), join('rows', 'width', 'four')],
    apart([open(f('N', 3, 4), 1)]), 'places'),
  ],
  Slice: [slice(shifted(-1), 'other', mixed([f('N', 4)])), slice(shifted(1), 'other', apart([f('N', 4)]))],
};
