// Cases for operators that look at single elements, at axes, and at shapes.
import { apart, bool, c, ci, counted, f, forAll, i64, mixed, positive, scalar, text, u8, words } from './cases.ts';
import type { OperatorCases } from './cases.ts';

const ELEMENTS: OperatorCases = {
  ...forAll('Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid ' +
    'HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh ' +
    'Softplus Softsign Sqrt Tan Tanh ThresholdedRelu', [apart([f('N', 4)]), apart([f(2, 'N', 3)])]),
  Swish: [apart([f('N', 4)], {}, { opset: 24 })],
  BitCast: [apart([f('N', 4)], { to: 6 }, { opset: 26 })],
  Not: [apart([bool('N', 4)])], BitwiseNot: [apart([u8('N', 4)])],
  Cast: [apart([f('N', 4)], { to: 7 })], CastLike: [apart([f('N', 4), scalar(1, 'int64')])],
  RegexFullMatch: [apart([text('N', 2)], { pattern: 'word [01]' })],
  Dropout: [apart([f('N', 4)]), mixed([f('N', 40), scalar(0.5), scalar(1, 'bool')])],
  ...forAll('Add Sub Mul Div Max Min Mean Sum Pow', [
    apart([positive('N', 4), positive('N', 4)]), apart([positive('N', 4), c([4])]),
      mixed([positive('N', 2), c([3, 2])]),
    mixed([positive('N', 1), positive(1, 'N')]),
  ]),
  PRelu: [apart([f('N', 4), c([4])]), mixed([f('N', 2), c([3, 2])])],
  ...forAll('Greater GreaterOrEqual Less LessOrEqual Equal', [
    apart([f('N', 4), f('N', 4)]), apart([f('N', 4), c([1])]), mixed([f('N', 1), f(1, 'N')]),
  ]),
  Mod: [apart([i64('N', 4), ci(2)]), mixed([counted((row, at) => row + at, 'N', 2),
    c([3, 2], [1, 2, 3, 4, 5, 6], 'int64')])],
  ...forAll('And Or Xor', [apart([bool('N', 4), bool('N', 4)]), mixed([bool('N', 3), bool(3, 'N')])]),
  ...forAll('BitwiseAnd BitwiseOr BitwiseXor', [apart([u8('N', 4), u8('N', 4)]), mixed([u8('N', 1), u8(1, 'N')])]),
  BitShift: [apart([u8('N', 4), c([1], [1], 'uint8')], { direction: 'LEFT' }),
    mixed([u8('N', 1), u8(1, 'N')], { direction: 'RIGHT' })],
  StringConcat: [apart([text('N', 2), words('!')]), mixed([text('N', 1), text(1, 'N')])],
  Where: [apart([bool('N', 4), f('N', 4), c([4])]), mixed([bool('N', 1), f('N', 1), f(1, 'N')])],
  QuantizeLinear: [
    apart([f('N', 4), scalar(0.1), scalar(3, 'uint8')]),
    apart([f('N', 4), c([4]), c([4], [1, 2, 3, 4], 'uint8')], { axis: 1 }),
    mixed([f('N', 4), c([3]), c([3], [1, 2, 3], 'uint8')], { axis: 0 }),
  ],
  DequantizeLinear: [
    apart([u8('N', 4), scalar(0.1), scalar(3, 'uint8')]), apart([u8('N', 4), c([4])], { axis: 1 }),
    mixed([u8('N', 4), c([3])], { axis: 0 }),
  ],
  DynamicQuantizeLinear: [mixed([f('N', 4)], {}, { outputs: 3 })],
};

const AXES: OperatorCases = {
  ...forAll('Softmax LogSoftmax Hardmax', [
    apart([f('N', 4)], { axis: 1 }), apart([f('N', 4)]), apart([f('N', 4)], { axis: 1 }, { opset: 11 }),
    mixed([f('N', 4)], { axis: 0 }), mixed([f('N', 4)], { axis: 0 }, { opset: 11 }), mixed([f(2, 'N', 3)], { axis: 1 }),
    mixed([f(4, 'N')]),
  ]),
  LayerNormalization: [apart([f('N', 4), c([4])]), mixed([f('N', 4), c([3, 4])], { axis: 0 }),
    mixed([f(4, 'N'), c([1])])],
  SimplifiedLayerNormalization: [apart([f('N', 4), c([4])], {}, { opset: 17 }),
    mixed([f(4, 'N'), c([1])], {}, { opset: 17 })],
  RMSNormalization: [apart([f('N', 4), c([4])], {}, { opset: 23 }), mixed([f(4, 'N'), c([1])], {}, { opset: 23 })],
  LpNormalization: [apart([f('N', 4)]), mixed([f('N', 4)], { axis: 0 })],
  LRN: [apart([f('N', 4, 3, 1)], { size: 3 }), mixed([f(2, 'N', 3, 1)], { size: 3, alpha: { float: 1 } })],
  BatchNormalization: [
    apart([f('N', 2, 3), c([2]), c([2]), c([2]), c([2])]),
    mixed([f('N', 2, 3), c([2]), c([2]), c([2]), c([2])], { training_mode: 1 }, { outputs: 3 }),
    mixed([f(2, 'N', 3), c([3]), c([3]), c([3]), c([3])]),
  ],
  InstanceNormalization: [apart([f('N', 2, 3), c([2]), c([2])]), mixed([f(2, 1, 'N'), c([1]), c([1])])],
  GroupNormalization: [
    apart([f('N', 4, 3), c([4]), c([4])], { num_groups: 2 }, { opset: 21 }),
    mixed([f(2, 4, 'N'), c([4]), c([4])], { num_groups: 2 }, { opset: 21 }),
  ],
  MeanVarianceNormalization: [apart([f('N', 2, 3)], { axes: [1, 2] }), mixed([f('N', 2, 3, 2)])],
  CumSum: [apart([f('N', 4), scalar(1, 'int64')]), mixed([f('N', 4), scalar(0, 'int64')])],
  CumProd: [apart([f('N', 4), scalar(1, 'int64')], {}, { opset: 26 }),
    mixed([f('N', 4), scalar(0, 'int64')], {}, { opset: 26 })],
  ...forAll('ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ' +
    'ReduceSumSquare', [
    apart([positive('N', 4, 2), ci(1)]), apart([positive('N', 4, 2), ci(-1)], { keepdims: 0 }),
    apart([positive(2, 'N', 3), ci(0)], { keepdims: 0 }), apart([positive('N', 4)], { noop_with_empty_axes: 1 }),
    mixed([positive('N', 4), ci(0)]), mixed([positive('N', 4)]),
      mixed([positive('N', 4)], { keepdims: 0 }, { opset: 11 }),
  ]),
  ...forAll('ArgMax ArgMin', [apart([f('N', 4)], { axis: 1 }), mixed([f('N', 4)]),
    mixed([f('N', 40)], { keepdims: 0 })]),
  TopK: [
    apart([f('N', 4), ci(2)], {}, { outputs: 2 }), mixed([f('N', 4), ci(1)], { axis: 0 }, { outputs: 2 }),
  ],
  Trilu: [apart([f('N', 3, 3)]), mixed([f('N', 3)])],
  Det: [apart([f('N', 3, 3)]), mixed([f('N', 3)])],
};

const SHAPES: OperatorCases = {
  ConstantOfShape: [mixed([counted((row) => row + 1, 'N')])],
  Shape: [mixed([f('N', 4)])], Size: [mixed([f('N', 4)])],
  EyeLike: [mixed([f('N', 3)])],
  Reshape: [
    apart([f('N', 4), ci(-1, 2, 2)]), apart([f('N', 2, 2), ci(0, 4)]), mixed([f('N', 4), ci(2, -1)]),
      mixed([f('N', 4), ci(-1)]),
  ],
  Flatten: [apart([f('N', 2, 2)]), mixed([f('N', 2, 2)], { axis: 0 }), mixed([f(2, 'N', 2)], { axis: 1 })],
  Squeeze: [apart([f('N', 1, 2), ci(1)]), mixed([f('N', 2), ci(0)]), mixed([f('N', 1)])],
  Unsqueeze: [apart([f('N', 2), ci(0)]), apart([f('N', 2), ci(1, 3)])],
  Transpose: [apart([f('N', 2, 3)], { perm: [1, 0, 2] }), apart([f('N', 2)])],
  Expand: [apart([f('N', 1), ci(1, 4)]), mixed([f('N', 1), ci(3, 2)])],
  Tile: [apart([f('N', 2), ci(1, 2)]), mixed([f('N', 2), ci(2, 1)])],
  Concat: [
    apart([f('N', 2), f('N', 3)], { axis: 1 }), mixed([f('N', 2), f('N', 2)], { axis: 0 }),
      mixed([f('N', 2), c([3, 2])], { axis: 1 }),
  ],
  Split: [apart([f('N', 4), ci(1, 3)], { axis: 1 }, { outputs: 2 }),
    mixed([f('N', 4), ci(1, 2)], { axis: 0 }, { outputs: 2 })],
  Slice: [
    apart([f('N', 4), ci(1), ci(3), ci(1)]), apart([f('N', 4), ci(0), ci(2 ** 40), ci(0)]),
      mixed([f('N', 4), ci(0), ci(1), ci(0)]),
    mixed([f('N', 4), ci(2 ** 40), ci(-(2 ** 40)), ci(0), ci(-1)]),
  ],
  Pad: [apart([f('N', 2), ci(0, 1, 0, 2)]), mixed([f('N', 2), ci(1, 0, 0, 0)])],
  Range: [mixed([scalar(0, 'int64'), counted(() => 3, 'N'), scalar(1, 'int64')])],
  DepthToSpace: [apart([f('N', 4, 2, 2)], { blocksize: 2 }), mixed([f(1, 4, 'N', 2)], { blocksize: 2 })],
  SpaceToDepth: [apart([f('N', 1, 2, 2)], { blocksize: 2 }), mixed([f(1, 'N', 2, 2)], { blocksize: 2 })],
};

const PLACES: OperatorCases = {
  Gather: [
    apart([f('N', 4), ci(2, 0)], { axis: 1 }), apart([c([5, 2]), i64('N', 3)]),
      apart([f(3, 'N'), c([2, 2], [0, 1, 2, 0], 'int64')]),
    mixed([f('N', 4), ci(0)], { axis: 0 }), mixed([f('N', 4), i64('N', 2)], { axis: 1 }),
  ],
  GatherElements: [
    apart([f('N', 4), i64('N', 2)], { axis: 1 }), apart([c([3, 2]), i64('N', 2)], { axis: 0 }),
      mixed([f('N', 4), i64('N', 4)], { axis: 0 }),
    mixed([c([3, 3]), i64('N', 3)], { axis: 1 }),
  ],
  GatherND: [
    apart([f('N', 4), i64('N', 1)], { batch_dims: 1 }), apart([c([3, 2]), i64('N', 1)]),
      mixed([f('N', 4), c([2, 1], [0, 1], 'int64')]),
  ],
  Compress: [
    apart([f('N', 3), c([3], [1, 0, 1], 'bool')], { axis: 1 }),
      mixed([f('N', 3), c([3], [0, 1, 1], 'bool')], { axis: 0 }),
    mixed([f('N', 3), c([3], [1, 0, 1], 'bool')]),
  ],
  OneHot: [apart([i64('N'), scalar(3, 'int64'), c([2], [0, 1])]),
    apart([i64('N', 2), scalar(3, 'int64'), c([2])], { axis: 0 }),
    mixed([i64('N'), counted(() => 3, 'N'), c([2])])],
  ScatterElements: [
    apart([f('N', 4), i64('N', 2), f('N', 2)], { axis: 1 }),
      mixed([f('N', 4), c([1, 4], [0, 0, 0, 0], 'int64'), c([1, 4])], { axis: 0 }),
    mixed([f('N', 4), c([1, 1], [0], 'int64'), c([1, 1])], { axis: 1 }),
  ],
  Scatter: [apart([f('N', 4), i64('N', 2), f('N', 2)], { axis: 1 }, { opset: 10 }),
    mixed([f('N', 4), c([1, 1], [0], 'int64'), c([1, 1])], { axis: 1 }, { opset: 10 })],
  ScatterND: [mixed([f('N', 4), c([1, 1], [0], 'int64'), c([1, 4])])],
  TensorScatter: [
    apart([f('N', 4, 2), f('N', 1, 2), i64('N')], {}, { opset: 24 }),
      mixed([f('N', 4, 2), c([1, 1, 2]), ci(0)], {}, { opset: 24 }),
  ],
  ReverseSequence: [
    apart([f(3, 'N'), counted((row) => row + 1, 'N')]),
      mixed([f('N', 3), ci(3, 3, 3)], { time_axis: 0, batch_axis: 1 }),
  ],
};

const STRINGS: OperatorCases = {
  StringNormalizer: [
    apart([text('N')], { case_change_action: 'UPPER', locale: 'C' }),
    mixed([{ ...text('N'), value: (row) => row }],
      { case_change_action: 'UPPER', stopwords: ['word 1'], locale: 'C' }),
  ],
  StringSplit: [mixed([{ ...text('N'), value: (row) => row * 1e-7 }], { delimiter: 'e' }, { outputs: 2 })],
  TfIdfVectorizer: [
    apart([i64('N', 4)], {
      mode: 'TF', min_gram_length: 1, max_gram_length: 1, max_skip_count: 0, ngram_counts: [0],
        ngram_indexes: [0, 1, 2],
      pool_int64s: [0, 1, 2],
    }),
    mixed([i64('N')], {
      mode: 'TF', min_gram_length: 1, max_gram_length: 1, max_skip_count: 0, ngram_counts: [0],
        ngram_indexes: [0, 1, 2],
      pool_int64s: [0, 1, 2],
    }),
  ],
};

export const ELEMENT_CASES: OperatorCases = { ...ELEMENTS, ...AXES, ...SHAPES, ...PLACES, ...STRINGS };
