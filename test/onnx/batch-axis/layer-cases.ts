// Cases for products, convolutions, recurrent layers, classical models, control flow, and the runtime's own operators.
import { OPSET, apart, bool, c, ci, counted, f, forAll, i64, mixed, positive, scalar, text, u8 } from './cases.ts';
import type { OperatorCases } from './cases.ts';
import { constantTensor } from './one-operator.ts';
import { branches, carriedScan, rowScan, threeRounds } from './bodies.ts';

const s = (value: number): ReturnType<typeof scalar> => scalar(value);
const z = (value: number): ReturnType<typeof scalar> => scalar(value, 'uint8');
const weights8 = (dims: readonly number[]): ReturnType<typeof c> =>
  c(dims, Array.from({ length: dims.reduce((all, size) => all * size, 1) }, (_, at) => (at * 7) % 11), 'uint8');

const PRODUCTS: OperatorCases = {
  MatMul: [
    apart([f('N', 4), c([4, 2])]), apart([f('N', 2, 3), f('N', 3, 2)]), apart([c([2, 3]), f(3, 'N')]),
      apart([f('N', 4), c([4])]),
    mixed([f('N', 2), f(2, 'N')]), apart([f('N', 2), c([3, 2, 2])]),
    mixed([f('N', 2, 2), c([3, 2, 2])]),
  ],
  MatMulInteger: [apart([u8('N', 4), weights8([4, 2]), z(3)]), mixed([u8('N', 2), u8(2, 'N')])],
  QLinearMatMul: [
    apart([u8('N', 4), s(0.1), z(3), weights8([4, 2]), s(0.1), z(1), s(0.5), z(2)]),
    mixed([u8('N', 4), s(0.1), z(3), u8(4, 'N'), s(0.1), z(1), s(2.5), z(2)]),
  ],
  Gemm: [
    apart([f('N', 4), c([4, 2]), c([2])]), apart([f(4, 'N'), c([2, 4])], { transA: 1, transB: 1 }),
      mixed([f('N', 2), f(2, 'N')]),
    mixed([f('N', 4), c([4, 2]), c([3, 2])]),
  ],
  Einsum: [
    apart([f('N', 2, 3), f('N', 3, 2)], { equation: 'bij,bjk->bik' }),
      apart([f('N', 4), c([4, 2])], { equation: 'bi,ij->jb' }),
    mixed([f('N', 4)], { equation: 'bi->i' }), mixed([f('N', 2), f('N', 2)], { equation: 'bi,ci->bc' }),
  ],
  Conv: [
    apart([f('N', 2, 5, 5), c([3, 2, 3, 3])]), mixed([f(2, 1, 'N', 5), c([3, 1, 3, 3])], { pads: [1, 1, 1, 1] }),
  ],
  ConvInteger: [
    apart([u8('N', 2, 5, 5), weights8([3, 2, 3, 3]), z(3)]),
    mixed([u8(2, 1, 'N', 5), weights8([3, 1, 3, 3])], { pads: [1, 1, 1, 1] }),
  ],
  QLinearConv: [
    apart([u8('N', 2, 5, 5), s(0.1), z(3), weights8([3, 2, 3, 3]), s(0.1), z(1), s(5), z(2)]),
    mixed([u8(2, 1, 'N', 5), s(0.1), z(3), weights8([3, 1, 3, 3]), s(0.1), z(1), s(5), z(2)], { pads: [1, 1, 1, 1] }),
  ],
  ConvTranspose: [apart([f('N', 2, 4, 4), c([2, 3, 3, 3])]),
    mixed([f(2, 1, 'N', 4), c([1, 3, 3, 3])], { pads: [1, 1, 1, 1] })],
  DeformConv: [
    apart([f('N', 1, 3, 3), c([1, 1, 2, 2]), f('N', 8, 2, 2)], { kernel_shape: [2, 2] }),
    mixed([f('N', 1, 3, 3), c([1, 1, 2, 2]), c([3, 8, 2, 2])], { kernel_shape: [2, 2] }),
  ],
  AveragePool: [apart([f('N', 2, 4, 4)], { kernel_shape: [2, 2] }),
    mixed([f(2, 1, 'N', 4)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })],
  LpPool: [apart([f('N', 2, 4, 4)], { kernel_shape: [2, 2] }),
    mixed([f(2, 1, 'N', 4)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })],
  MaxPool: [
    apart([f('N', 2, 4, 4)], { kernel_shape: [2, 2] }),
      mixed([f(2, 1, 'N', 4)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    mixed([f('N', 2, 4, 4)], { kernel_shape: [2, 2] }, { outputs: 2 }),
  ],
  ...forAll('GlobalAveragePool GlobalMaxPool GlobalLpPool', [apart([f('N', 2, 3, 3)]), mixed([f(2, 1, 'N', 3)])]),
  MaxUnpool: [mixed([f('N', 1, 2, 2), counted((row, at) => row * 16 + at * 4, 'N', 1, 2, 2)],
    { kernel_shape: [2, 2], strides: [2, 2] })],
  MaxRoiPool: [mixed([f('N', 1, 4, 4), c([1, 5], [0, 0, 0, 2, 2])], { pooled_shape: [2, 2] })],
  RoiAlign: [mixed([f('N', 1, 4, 4), c([1, 4], [0, 0, 2, 2]), ci(0)], { output_height: 2, output_width: 2 })],
  Col2Im: [apart([f('N', 4, 4), ci(4, 4), ci(2, 2)], { strides: [2, 2] }),
    mixed([f(1, 4, 'N'), ci(4, 2), ci(2, 2)], { strides: [1, 1] })],
  Resize: [
    apart([f('N', 1, 2, 2), null, c([4], [1, 1, 2, 2])]), mixed([f('N', 1, 2, 2), null, c([4], [2, 1, 1, 1])]),
    mixed([f('N', 1, 2, 2), null, null, ci(2, 1, 2, 2)]),
  ],
  Upsample: [apart([f('N', 1, 2, 2), c([4], [1, 1, 2, 2])], {}, { opset: 9 }),
    mixed([f('N', 1, 2, 2), c([4], [2, 1, 1, 1])], {}, { opset: 9 })],
  CenterCropPad: [apart([f('N', 4), ci(2)], { axes: [1] }), mixed([f('N', 4), ci(2)], { axes: [0] })],
  GridSample: [
    apart([f('N', 1, 3, 3), f('N', 2, 2, 2)]), mixed([f('N', 1, 3, 3),
      c([3, 2, 2, 2], Array.from({ length: 24 }, (_, at) => (at % 7) / 4 - 0.8))]),
  ],
  AffineGrid: [mixed([f('N', 2, 3), ci(3, 1, 2, 2)])],
  ...forAll('LSTM', [
    apart([f(4, 'N', 2), c([1, 12, 2]), c([1, 12, 3])], { hidden_size: 3 }, { outputs: 3 }),
    apart([f(4, 'N', 2), c([1, 12, 2]), c([1, 12, 3]), null, null, f(1, 'N', 3), f(1, 'N', 3)], { hidden_size: 3 }),
    mixed([f('N', 2, 2), c([1, 12, 2]), c([1, 12, 3])], { hidden_size: 3 }, { outputs: 3 }),
  ]),
  GRU: [
    apart([f(4, 'N', 2), c([1, 9, 2]), c([1, 9, 3])], { hidden_size: 3 }, { outputs: 2 }),
    mixed([f('N', 2, 2), c([1, 9, 2]), c([1, 9, 3])], { hidden_size: 3 }, { outputs: 2 }),
  ],
  RNN: [
    apart([f(4, 'N', 2), c([1, 3, 2]), c([1, 3, 3])], { hidden_size: 3 }, { outputs: 2 }),
    mixed([f('N', 2, 2), c([1, 3, 2]), c([1, 3, 3])], { hidden_size: 3 }, { outputs: 2 }),
  ],
  Attention: [
    apart([f('N', 3, 4), f('N', 3, 4), f('N', 3, 4)], { q_num_heads: 2, kv_num_heads: 2 }, { opset: 23 }),
    mixed([f(1, 'N', 4), f(1, 'N', 4), f(1, 'N', 4)], { q_num_heads: 2, kv_num_heads: 2 }, { opset: 23 }),
  ],
  RotaryEmbedding: [
    apart([f('N', 1, 2, 4), c([5, 2]), c([5, 2]), i64('N', 2)], {}, { opset: 23 }),
    mixed([f(1, 1, 'N', 4), c([1, 3, 2]), c([1, 3, 2])], {}, { opset: 23 }),
  ],
  STFT: [
    apart([f('N', 8, 1), scalar(2, 'int64'), c([4])]), mixed([f(1, 'N', 1), scalar(1, 'int64'), c([2])]),
  ],
  DFT: [mixed([f('N', 4, 1), null, scalar(0, 'int64')])],
};

const REST: OperatorCases = {
  SoftmaxCrossEntropyLoss: [mixed([f('N', 3), i64('N')])],
  NegativeLogLikelihoodLoss: [mixed([f('N', 3), i64('N')])],
  ...forAll('BlackmanWindow HannWindow HammingWindow', [mixed([counted(() => 3, 'N')])]),
  MelWeightMatrix: [mixed([counted(() => 3, 'N'), scalar(8, 'int64'), scalar(8000, 'int64'), scalar(20),
    scalar(4000)])],
  NonZero: [mixed([bool('N', 3)])], Unique: [mixed([f('N')])],
  NonMaxSuppression: [mixed([positive('N', 3, 4), positive('N', 1, 3), ci(2)])],
  Bernoulli: [mixed([{ ...positive('N', 60), value: () => 0.5 }])],
  Multinomial: [mixed([{ ...positive('N', 9), value: () => 1 }], { sample_size: 40 })],
  ...forAll('RandomNormalLike RandomUniformLike', [mixed([f('N', 4)])]),
  ...forAll('RandomNormal RandomUniform', [mixed([], { shape: [2, 3] })]),
  If: [mixed([bool('N')], branches)],
  Loop: [apart([scalar(3, 'int64'), null, f('N', 2)], threeRounds), mixed([i64('N'), null, scalar(0)], threeRounds)],
  Scan: [
    apart([f(4, 'N')], { ...rowScan, num_scan_inputs: 1 }), apart([f('N', 4)], { ...rowScan, num_scan_inputs: 1 }),
    mixed([c([4], [0, 0, 0, 0]), f('N', 4)], { ...carriedScan, num_scan_inputs: 1 }, { outputs: 2 }),
  ],
};

const FOREST = {
  nodes_treeids: [0, 0, 0], nodes_nodeids: [0, 1, 2], nodes_featureids: [0, 0, 0], nodes_values: { float: [0.1, 0, 0] },
  nodes_modes: ['BRANCH_LEQ', 'LEAF', 'LEAF'], nodes_truenodeids: [1, 0, 0], nodes_falsenodeids: [2, 0, 0],
} as const;

const LEARNED: OperatorCases = {
  Binarizer: [apart([f('N', 4)], { threshold: { float: 0.2 } })],
  CategoryMapper: [apart([text('N', 2)], { cats_strings: ['word 0', 'word 1'], cats_int64s: [5, 6] })],
  LabelEncoder: [apart([i64('N', 2)], { keys_int64s: [0, 1], values_int64s: [7, 9] })],
  OneHotEncoder: [apart([i64('N', 2)], { cats_int64s: [0, 1, 2] })],
  ArrayFeatureExtractor: [
    apart([f('N', 4), ci(2, 0)]), apart([c([3]), i64('N')]), mixed([f('N'), ci(0)]), mixed([f('N', 4), i64('N')]),
  ],
  FeatureVectorizer: [apart([f('N', 2), f('N', 3)], { inputdimensions: [2, 3] }),
    mixed([f(1, 'N'), f(1, 'N')], { inputdimensions: [3, 3] })],
  Imputer: [apart([f('N', 2)], { imputed_value_floats: { float: [1, 2] }, replaced_value_float: { float: 0 } }),
    mixed([{ ...f(1, 'N'), value: (row) => (row > 0 ? 0 : 5) }],
      { imputed_value_floats: { float: [1, 2, 3] }, replaced_value_float: { float: 0 } })],
  Scaler: [apart([f('N', 2)], { offset: { float: [1, 2] }, scale: { float: [3, 4] } }),
    mixed([f(1, 'N')], { offset: { float: [1, 2, 3] }, scale: { float: [3, 4, 5] } })],
  Normalizer: [apart([f('N', 4)], { norm: 'L2' }), mixed([f('N')], { norm: 'L2' }), mixed([f(2, 'N')], { norm: 'L1' })],
  LinearClassifier: [
    apart([f('N', 2)], { coefficients: { float: [1, 2, 3, 4] }, intercepts: { float: [0, 1] },
      classlabels_ints: [0, 1] }, { outputs: 2 }),
    mixed([f('N')], { coefficients: { float: [1, 2, 3, 4, 5, 6] }, intercepts: { float: [0, 1] },
      classlabels_ints: [0, 1] }, { outputs: 2 }),
  ],
  LinearRegressor: [apart([f('N', 2)], { coefficients: { float: [1, 2] }, intercepts: { float: [0.5] } }),
    mixed([f(1, 'N')], { coefficients: { float: [1, 2, 3] }, intercepts: { float: [0.5] } })],
  SVMClassifier: [apart([f('N', 2)], {
    classlabels_ints: [0, 1], coefficients: { float: [1, -1] }, kernel_params: { float: [0.5, 0, 3] },
      kernel_type: 'RBF',
    prob_a: { float: [-1] }, prob_b: { float: [0] }, rho: { float: [0.1] }, support_vectors: { float: [1, 2, 3, 4] },
      vectors_per_class: [1, 1],
  }, { outputs: 2 }), mixed([f('N')], {
    classlabels_ints: [0, 1], coefficients: { float: [1, -1] }, kernel_params: { float: [0.5, 0, 3] },
      kernel_type: 'RBF',
    prob_a: { float: [-1] }, prob_b: { float: [0] }, rho: { float: [0.1] },
      support_vectors: { float: [1, 2, 3, 4, 5, 6] }, vectors_per_class: [1, 1],
  }, { outputs: 2 })],
  SVMRegressor: [apart([f('N', 2)], {
    coefficients: { float: [1, -1] }, kernel_params: { float: [0.5, 0, 3] }, kernel_type: 'RBF', n_supports: 2,
      rho: { float: [0.1] },
    support_vectors: { float: [1, 2, 3, 4] },
  }), mixed([f(1, 'N')], {
    coefficients: { float: [1, -1] }, kernel_params: { float: [0.5, 0, 3] }, kernel_type: 'RBF', n_supports: 2,
      rho: { float: [0.1] },
    support_vectors: { float: [1, 2, 3, 4, 5, 6] },
  })],
  TreeEnsembleClassifier: [apart([f('N', 2)], {
    ...FOREST, class_treeids: [0, 0], class_nodeids: [1, 2], class_ids: [0, 1], class_weights: { float: [1, 1] },
      classlabels_int64s: [0, 1],
  }, { outputs: 2 }), mixed([f(1, 'N')], {
    ...FOREST, nodes_featureids: [2, 0, 0], class_treeids: [0, 0], class_nodeids: [1, 2], class_ids: [0, 1],
      class_weights: { float: [1, 1] },
    classlabels_int64s: [0, 1],
  }, { outputs: 2 })],
  TreeEnsembleRegressor: [apart([f('N', 2)], {
    ...FOREST, target_treeids: [0, 0], target_nodeids: [1, 2], target_ids: [0, 0], target_weights: { float: [1, 2] },
      n_targets: 1,
  }), mixed([f(1, 'N')], {
    ...FOREST, nodes_featureids: [2, 0, 0], target_treeids: [0, 0], target_nodeids: [1, 2], target_ids: [0, 0],
      target_weights: { float: [1, 2] },
    n_targets: 1,
  })],
  TreeEnsemble: [apart([f('N', 2)], {
    n_targets: 1, tree_roots: [0], nodes_featureids: [0], nodes_splits: { tensor: constantTensor('', c([1], [0.1])) },
    nodes_modes: { tensor: constantTensor('', c([1], [0], 'uint8')) }, nodes_truenodeids: [0], nodes_falsenodeids: [1],
    nodes_trueleafs: [1], nodes_falseleafs: [1], leaf_targetids: [0, 0],
      leaf_weights: { tensor: constantTensor('', c([2], [1, 2])) },
  }, { opset: 5 }), mixed([f(1, 'N')], {
    n_targets: 1, tree_roots: [0], nodes_featureids: [2], nodes_splits: { tensor: constantTensor('', c([1], [0.1])) },
    nodes_modes: { tensor: constantTensor('', c([1], [0], 'uint8')) }, nodes_truenodeids: [0], nodes_falsenodeids: [1],
    nodes_trueleafs: [1], nodes_falseleafs: [1], leaf_targetids: [0, 0],
      leaf_weights: { tensor: constantTensor('', c([2], [1, 2])) },
  }, { opset: 5 })],
};

const RUNTIME: OperatorCases = {
  ...forAll('Gelu QuickGelu', [apart([f('N', 4)])]),
  FastGelu: [apart([f('N', 4), c([4])])], BiasGelu: [apart([f('N', 4), c([4])])],
  QuantizeLinear: [apart([f('N', 4), s(0.1), z(3)]),
    mixed([f('N', 4), c([3]), c([3], [1, 2, 3], 'uint8')], { axis: 0 })],
  DequantizeLinear: [apart([u8('N', 4), s(0.1), z(3)]),
    mixed([u8('N', 4), c([3]), c([3], [1, 2, 3], 'uint8')], { axis: 0 })],
  ...forAll('QLinearAdd QLinearMul', [
    apart([u8('N', 4), s(0.1), z(3), u8('N', 4), s(0.1), z(1), s(0.2), z(2)]),
    mixed([u8('N', 2), s(0.1), z(3), weights8([3, 2]), s(0.1), z(1), s(0.2), z(2)]),
  ]),
  ...forAll('QLinearSigmoid QLinearLeakyRelu', [apart([u8('N', 4), s(0.1), z(30), s(0.01), z(2)])]),
  QLinearGlobalAveragePool: [apart([u8('N', 2, 3, 3), s(0.1), z(3), s(0.1), z(3)]),
    mixed([u8(2, 1, 'N', 3), s(0.1), z(3), s(0.1), z(3)])],
  QLinearSoftmax: [apart([u8('N', 4), s(0.1), z(3), s(0.004), z(0)], { axis: 1, opset: 21 }),
    mixed([u8('N', 4), s(0.1), z(3), s(0.004), z(0)], { axis: 0, opset: 11 })],
  QGemm: [apart([u8('N', 4), s(0.1), z(3), weights8([4, 2]), s(0.1), z(1)], { alpha: { float: 1 } }),
    mixed([u8('N', 4), s(0.1), z(3), u8(4, 'N'), s(0.1), z(1)], { alpha: { float: 1 } })],
  SkipLayerNormalization: [apart([f('N', 2, 4), f('N', 2, 4), c([4])]), mixed([f(2, 'N', 4), c([2, 3, 4]), c([4])])],
  SkipSimplifiedLayerNormalization: [apart([f('N', 2, 4), f('N', 2, 4), c([4])]),
    mixed([f(2, 'N', 4), c([2, 3, 4]), c([4])])],
  FusedConv: [apart([f('N', 2, 5, 5), c([3, 2, 3, 3])], { activation: 'Relu' }),
    mixed([f(2, 1, 'N', 5), c([3, 1, 3, 3])], { pads: [1, 1, 1, 1], activation: 'Relu' })],
  FusedMatMul: [mixed([f('N', 2), f(2, 'N')])],
  DynamicQuantizeLSTM: [mixed([f(4, 'N', 2), weights8([1, 2, 12]), weights8([1, 3, 12]), null, null, null, null, null,
    c([1]), c([1], [0], 'uint8'), c([1]), c([1], [0], 'uint8')], { hidden_size: 3 })],
  MatMulIntegerToFloat: [apart([u8('N', 4), weights8([4, 2]), s(0.1), s(0.2), z(3), z(1)]),
    mixed([u8('N', 4), u8(4, 'N'), s(0.1), s(0.2), z(3), z(1)])],
  CDist: [apart([f('N', 4), c([2, 4])], { metric: 'euclidean' }), mixed([f('N', 4), f('N', 4)])],
  // A row of two words beside one of three.
  Tokenizer: [mixed([{ ...text('N'), value: (row) => row / 2 }],
    { mark: 0, mincharnum: 1, pad_value: '#', tokenexp: '[a-z0-9]+' })],
  DynamicQuantizeMatMul: [mixed([f('N', 4), weights8([4, 2]), s(0.1), z(1)])],
};

const withOpset = (opset: number, cases: OperatorCases): OperatorCases =>
  Object.fromEntries(Object.entries(cases).map(([name, own]) =>
    [name, own.map((one) => ({ ...one, opset: Math.max(opset, one.opset === OPSET ? 0 : one.opset) }))]));

export const LAYER_CASES: Readonly<Record<string, OperatorCases>> = {
  '': { ...PRODUCTS, ...REST }, 'ai.onnx.ml': withOpset(3, LEARNED), 'com.microsoft': withOpset(1, RUNTIME),
};
