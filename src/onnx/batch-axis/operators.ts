// What every operator of ONNX, of its classical models and of the runtime's own additions does to the rows of a run.
// Data; an operator that is not here is unknown, and rows are never followed through one of those.
import {
  add, alongAxes, alongAxis, alongInputAxis, batchNormalization, byChance, cast, choose, divide, dropout, eachElement,
  equal, firstAlone, fromAxis, mixes, multiply, perChannel, quantise, quantisedSoftmax, quantisedTogether,
    sameElements, softmax, subtract, together,
} from './elementwise-rules.ts';
import { branch, loop, scan } from './control-rules.ts';
import {
  addAndNormalise, affineGrid, besideEachOther, blocks, centerCropPad, convolve, convolveDeformed, distances, features,
  firstAxisOnly, gridSample, normaliseChannels, pool, poolAll, resize,
} from './image-rules.ts';
import {
  arrayFeatureExtractor, gather, gatherElements, gatherNd, onLast, oneHot, oneHotEncoder, pickElements, reduce,
  reduceAxis, reduceProduct, reverseSequence, scatterElements, scatterNd, tensorScatter, topK,
} from './index-rules.ts';
import { attention, einsum, gemm, productOf, quantisedGemm, recurrent, rotaryEmbedding } from './linear-rules.ts';
import type { Node } from '../graph.ts';
import type { Rule } from './node-view.ts';
import { normaliseTexts, termCounts, tokenise } from './text-rules.ts';
import {
  concat, constant, constantOfShape, expand, flatten, pad, range, reshape, slice, split, squeeze, tellShape, tellSize,
  tile, transpose, unsqueeze,
} from './shape-rules.ts';

export type OperatorTable = Readonly<Record<string, Readonly<Record<string, Rule>>>>;

const byData = mixes('how much it answers depends on the values of all rows');
const sequence = mixes('it makes or takes a list of values');
const places = mixes('it writes to places that count through all rows');

/** One rule for many operators. */
const all = (names: string, rule: Rule): Record<string, Rule> =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));

const ELEMENTS: Record<string, Rule> = {
  ...all('Abs Acos Acosh Asin Asinh Atan Atanh BitCast BitwiseNot Ceil Celu Clip Cos Cosh Elu Erf Exp Floor ' +
    'Gelu HardSigmoid HardSwish IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal RegexFullMatch Relu Round Selu ' +
    'Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu', eachElement),
  ...all('And BitShift BitwiseAnd BitwiseOr BitwiseXor Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Or ' +
    'PRelu Pow StringConcat Sum Xor', together),
  Add: add, Sub: subtract, Mul: multiply, Div: divide, Equal: equal, Where: choose,
  Cast: cast, CastLike: firstAlone, Identity: sameElements, Dropout: dropout,
  ...all('QuantizeLinear DequantizeLinear', quantise),
};

const AXES: Record<string, Rule> = {
  ...all('Softmax LogSoftmax Hardmax', softmax),
  ...all('LayerNormalization RMSNormalization SimplifiedLayerNormalization', fromAxis(-1)),
  LpNormalization: alongAxis(-1),
  LRN: perChannel,
  BatchNormalization: batchNormalization,
  ...all('InstanceNormalization GroupNormalization', normaliseChannels),
  MeanVarianceNormalization: alongAxes([0, 2, 3]),
  ...all('CumSum CumProd', alongInputAxis(1)),
  ...all('ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSumSquare', reduce(18)),
  ReduceSum: reduce(13), ReduceProd: reduceProduct,
  ...all('ArgMax ArgMin', reduceAxis),
  TopK: topK,
  Trilu: onLast(2, (_, before) => before),
  Det: onLast(2, (_, before) => before.slice(0, -2)),
};

const SHAPES: Record<string, Rule> = {
  Constant: constant, ConstantOfShape: constantOfShape, Shape: tellShape, Size: tellSize, Reshape: reshape,
    Flatten: flatten,
  Squeeze: squeeze, Unsqueeze: unsqueeze, Transpose: transpose, Expand: expand, Tile: tile, Concat: concat,
  Split: split, Slice: slice, Pad: pad, Range: range,
  ...all('EyeLike', mixes('it has another row of the identity for each row')),
  DepthToSpace: blocks(-1), SpaceToDepth: blocks(1),
};

const PLACES: Record<string, Rule> = {
  Gather: gather, GatherElements: gatherElements, GatherND: gatherNd, Compress: pickElements, OneHot: oneHot,
  ...all('Scatter ScatterElements', scatterElements), ScatterND: scatterNd, TensorScatter: tensorScatter,
  ReverseSequence: reverseSequence,
};

const PRODUCTS: Record<string, Rule> = {
  MatMul: productOf(0, 1), MatMulInteger: productOf(0, 1), QLinearMatMul: productOf(0, 3), Gemm: gemm, Einsum: einsum,
  Conv: convolve(1), ConvInteger: convolve(1), QLinearConv: convolve(3), ConvTranspose: convolve(1, true),
  DeformConv: convolveDeformed,
  ...all('AveragePool MaxPool LpPool', pool), ...all('GlobalAveragePool GlobalMaxPool GlobalLpPool', poolAll),
  MaxUnpool: places, ...all('MaxRoiPool RoiAlign', mixes('its regions name the rows that they are of')),
  Col2Im: firstAxisOnly(), ...all('Resize Upsample', resize), CenterCropPad: centerCropPad,
  GridSample: gridSample, AffineGrid: affineGrid,
  RNN: recurrent([5]), GRU: recurrent([5]), LSTM: recurrent([5, 6]),
  Attention: attention([0, 1, 2, 4, 5], [3]), RotaryEmbedding: rotaryEmbedding,
  STFT: firstAxisOnly(4), DFT: mixes('its axis is not looked at'),
  ...all('SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss', mixes('it makes one loss out of all rows')),
  ...all('BlackmanWindow HannWindow HammingWindow MelWeightMatrix', mixes('it depends on how many rows there are')),
};

const REST: Record<string, Rule> = {
  DynamicQuantizeLinear: mixes('it takes one scale from all rows of a run'),
  If: branch, Loop: loop, Scan: scan,
  ...all('Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike', byChance),
  ...all('NonZero NonMaxSuppression Unique', byData),
  StringSplit: mixes('its width is that of the longest of all rows'),
  StringNormalizer: normaliseTexts,
  TfIdfVectorizer: termCounts,
  ...all('ConcatFromSequence SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength ' +
    'SequenceMap SplitToSequence Optional OptionalGetElement OptionalHasElement', sequence),
  ImageDecoder: mixes('it reads one picture'),
  ...all('CausalConvWithState LinearAttention SwiGLU', mixes('nothing is known of it yet')),
};

const LEARNED: Record<string, Rule> = {
  ...all('Binarizer CategoryMapper LabelEncoder', eachElement),
  ArrayFeatureExtractor: arrayFeatureExtractor, FeatureVectorizer: besideEachOther,
  ...all('Imputer Scaler Normalizer', features('same')),
  ...all('LinearClassifier SVMClassifier TreeEnsembleClassifier', features('none', 'classes')),
  ...all('LinearRegressor SVMRegressor TreeEnsembleRegressor TreeEnsemble', features('targets')),
  OneHotEncoder: oneHotEncoder,
  ...all('CastMap DictVectorizer ZipMap', sequence),
};

/** The runtime's own: those that its optimiser or exporters write into files. */
const RUNTIME: Record<string, Rule> = {
  ...all('FastGelu BiasGelu', together), ...all('Gelu QuickGelu', eachElement),
  ...all('QuantizeLinear DequantizeLinear', quantise),
  ...all('QLinearAdd QLinearMul', quantisedTogether([0, 3])), ...all('QLinearSigmoid QLinearLeakyRelu', eachElement),
  QLinearGlobalAveragePool: poolAll, QLinearSoftmax: quantisedSoftmax, QGemm: quantisedGemm,
  ...all('SkipLayerNormalization SkipSimplifiedLayerNormalization', addAndNormalise([0, 1])),
  FusedMatMul: mixes('what it turns around is not looked at'), FusedConv: convolve(1),
  MatMulIntegerToFloat: productOf(0, 1), CDist: distances, Tokenizer: tokenise,
  ...all('DynamicQuantizeMatMul DynamicQuantizeLSTM', mixes('it takes one scale from all rows of a run')),
};

export const OPERATORS: OperatorTable = {
  '': { ...ELEMENTS, ...AXES, ...SHAPES, ...PLACES, ...PRODUCTS, ...REST },
  'ai.onnx.ml': LEARNED,
  'com.microsoft': RUNTIME,
};

/** Those that what is padded to the longest of all rows may go through: see Flow. */
const PADDED_TAKERS = ['Flatten', 'Identity', 'TfIdfVectorizer'];
export const takesPadding = ({ domain, operator }: Pick<Node, 'domain' | 'operator'>): boolean =>
  domain === '' && PADDED_TAKERS.includes(operator);
