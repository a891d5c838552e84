// The ways to ask a model: for each protocol which questions fit it, how they are sent, and how answers are read.
import type { Signature } from '../../src/domain/records.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { valueFrom } from './collection.ts';
import type { NamedTensor, Question, RealModel, Value } from './collection.ts';
import type { Lines } from './lines.ts';
import { jsonOf, nestedJson, parseExactly, rawBytes, rawValues } from './wire.ts';
import type { NonFinite, Posted } from './wire.ts';

/** A model as the engine has it. */
export interface Asked {
  readonly model: RealModel;
  readonly signature: Signature;
}

export interface Answered {
  /** Output by output, flat. */
  readonly values: readonly (readonly Value[])[];
  /** Where the protocol says them. */
  readonly shapes?: readonly (readonly number[])[];
  /** What the infinities become in it as well. */
  readonly nonFinite: NonFinite;
}

/** An answer, or why there is none. */
export type Reply = Answered | { readonly refused: string };

export interface Way {
  readonly name: string;
  fits(asked: Asked, question: Question): boolean;
  /** Asks all at once, and returns the replies in their order. */
  ask(lines: Lines, asked: Asked, questions: readonly Question[]): Promise<Reply[]>;
}

/** NaN is null in JSON; the infinities have no word in it. */
const hasInfinite = ({ inputs }: Question): boolean =>
  inputs.some(({ values }) => values.some((value) => value === Infinity || value === -Infinity));
const rowsOf = ({ inputs }: Question): number => inputs[0]!.shape[0] ?? 1;

const parts = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;

/** All that a request gives: the inputs, and those that might be left out. */
const givenBy = ({ model }: Asked, { inputs, optional }: Question): NamedTensor[] =>
  [...inputs.map((tensor, at) => ({ name: model.inputs[at]!.name, ...tensor })), ...optional];

/** One value, or an object of all by name. */
function named({ model }: Asked, texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : parts(model.inputs.map(({ name }, at) => [name, texts[at]!]));
}

/** One row of a question as /predict and TensorFlow Serving take it. */
function rowJson(asked: Asked, { inputs }: Question, row: number, nonFinite: NonFinite): string {
  const isWhole = asked.model.layout === 'whole';
  return named(asked, inputs.map(({ values, shape }) => {
    const inner = isWhole ? shape : shape.slice(1);
    return nestedJson(values, inner, nonFinite, row * inner.reduce((product, size) => product * size, 1));
  }));
}

/** The values of one answer by output: the only one bare, several in an object. */
function outputsOf({ signature, model }: Asked, answers: readonly unknown[]): Value[][] {
  const { outputs } = signature;
  return outputs.map(({ name }, at) => answers.flatMap((answer) => {
    const value = outputs.length === 1 ? answer : (answer as Record<string, unknown>)[name];
    return [value].flat(Infinity).map((one) => valueFrom(model.outputs[at]!.datatype, one));
  }));
}

function jsonReply({ status, body }: Posted, read: (json: Record<string, unknown>) => Answered): Reply {
  const text = body.toString();
  if (status !== 200) return { refused: `${status} ${text}` };
  return read(parseExactly(text));
}

const overJson = (
  name: string, fits: Way['fits'], path: (model: string) => string,
  bodyOf: (asked: Asked, question: Question) => string,
  read: (asked: Asked, json: Record<string, unknown>) => Answered,
): Way => ({
  name, fits,
  ask: (lines, asked, questions) => Promise.all(questions.map(async (question) =>
    jsonReply(await lines.post(path(asked.model.name), bodyOf(asked, question)), (json) => read(asked, json)))),
});

const predict = overJson('/predict', (_, question) => question.form === 'row' && !hasInfinite(question),
  (model) => `/models/${model}/predict`,
  (asked, question) => `{"features":${rowJson(asked, question, 0, 'null')}}`,
  (asked, json) => ({ values: outputsOf(asked, [json['prediction']]), nonFinite: 'null' }));

const instances = overJson('/predict instances', (_, question) => question.form === 'rows' && !hasInfinite(question),
  (model) => `/models/${model}/predict`,
  (asked, question) => {
    const rows = Array.from({ length: rowsOf(question) }, (_, row) => rowJson(asked, question, row, 'null'));
    return `{"instances":[${rows.join(',')}]}`;
  },
  (asked, json) => ({ values: outputsOf(asked, json['predictions'] as unknown[]), nonFinite: 'null' }));

/** Whole tensors; a row of an open batch is one as well. */
const isWhole = ({ model }: Asked, { form }: Question): boolean =>
  form === 'whole' || (form === 'row' && model.layout !== 'fixed');
/** All outputs of the answer that is expected have the question's rows. */
const hasRows = (question: Question): boolean =>
  Object.values(question.answers).flat().every(({ shape }) => shape[0] === rowsOf(question));

const tfsRows = overJson('TFS rows',
  (asked, question) => asked.model.layout !== 'whole' && isWhole(asked, question) && hasRows(question) &&
    question.optional.length === 0,
  (model) => `/v1/models/${model}:predict`,
  (asked, question) => {
    const rows = Array.from({ length: rowsOf(question) }, (_, row) => rowJson(asked, question, row, 'token'));
    return `{"instances":[${rows.join(',')}]}`;
  },
  (asked, json) => ({ values: outputsOf(asked, json['predictions'] as unknown[]), nonFinite: 'token' }));

const tfsColumns = overJson('TFS columns', isWhole, (model) => `/v1/models/${model}:predict`,
  (asked, question) => {
    const texts = givenBy(asked, question).map(({ name, values, shape }) =>
      [name, nestedJson(values, shape, 'token')] as const);
    return `{"inputs":${texts.length === 1 ? texts[0]![1] : parts(texts)}}`;
  },
  (asked, json) => ({ values: outputsOf(asked, [json['outputs']]), nonFinite: 'token' }));

const port = ({ name, datatype, shape }: NamedTensor): [string, string][] => [
  ['name', JSON.stringify(name)], ['datatype', `"${datatype}"`], ['shape', JSON.stringify(shape)],
];

interface OipOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data?: readonly unknown[];
  readonly parameters?: { readonly binary_data_size?: number };
}

/** Outputs in the order of the signature; raw ones from the bytes behind the JSON. */
function oipAnswer({ signature, model }: Asked, json: Record<string, unknown>, tail: Buffer): Answered {
  let from = 0;
  const came = new Map((json['outputs'] as readonly OipOutput[]).map((output) => {
    const size = output.parameters?.binary_data_size;
    const bytes = tail.subarray(from, from + (size ?? 0));
    from += size ?? 0;
    return [output.name, { ...output, bytes: size === undefined ? null : bytes }];
  }));
  const inOrder = signature.outputs.map(({ name }) => came.get(name)!);
  return {
    values: inOrder.map(({ data = [], bytes }, at) => {
      const { datatype } = model.outputs[at]!;
      return bytes === null ? data.map((value) => valueFrom(datatype, value)) : rawValues(datatype, bytes);
    }),
    shapes: inOrder.map(({ shape }) => shape),
    nonFinite: 'token',
  };
}

const isWithoutHalf = ({ model }: Asked): boolean =>
  [...model.inputs, ...model.outputs].every(({ datatype }) => datatype !== 'FP16');

const oipJson = overJson('OIP JSON', (asked, question) => isWhole(asked, question) && isWithoutHalf(asked),
  (model) => `/v2/models/${model}/infer`,
  (asked, question) => parts([['inputs', `[${givenBy(asked, question).map((tensor) => parts([
    ...port(tensor), ['data', `[${tensor.values.map((value) => jsonOf(value, 'token')).join(',')}]`],
  ])).join(',')}]`]]),
  (asked, json) => oipAnswer(asked, json, Buffer.alloc(0)));

/** The JSON before raw tensors; `more` are further members. */
function rawHead(asked: Asked, question: Question, more: readonly [string, string][]): string {
  const tensors = givenBy(asked, question).map((tensor) => parts([
    ...port(tensor), ['parameters', `{"binary_data_size":${rawBytes(tensor).length}}`],
  ]));
  return parts([...more, ['parameters', '{"binary_data_output":true}'], ['inputs', `[${tensors.join(',')}]`]]);
}

const HEAD_LENGTH = 'inference-header-content-length';

const oipBinary: Way = {
  name: 'OIP binary', fits: isWhole,
  ask: (lines, asked, questions) => Promise.all(questions.map(async (question) => {
    const head = Buffer.from(rawHead(asked, question, []));
    const { status, headers, body } = await lines.post(`/v2/models/${asked.model.name}/infer`,
      Buffer.concat([head, ...givenBy(asked, question).map(rawBytes)]), { [HEAD_LENGTH]: String(head.length) });
    if (status !== 200) return { refused: `${status} ${body.toString()}` };
    const length = Number(headers[HEAD_LENGTH] ?? body.length);
    return oipAnswer(asked, parseExactly(body.toString('utf8', 0, length)), body.subarray(length));
  })),
};

const oipFrames: Way = {
  name: 'oip.v2', fits: isWhole,
  ask: (lines, asked, questions) => lines.exchange<Reply>('oip.v2', '/ws', questions.map((question, id) => oipFrame(
    rawHead(asked, question, [['id', `"${id}"`], ['model_name', JSON.stringify(asked.model.name)]]),
    ...givenBy(asked, question).map(rawBytes),
  )), async (client) => {
    const { json, tail } = readOipFrame(await client.nextBinary());
    const id = Number(json['id']);
    if (json['error'] !== undefined) return { id, reply: { refused: JSON.stringify(json) } };
    return { id, reply: oipAnswer(asked, json, tail) };
  }),
};

const socketJson: Way = {
  name: 'lastgood.json', fits: (asked, question) => predict.fits(asked, question),
  ask: (lines, asked, questions) => lines.exchange<Reply>('lastgood.json', '/ws', questions.map((question, id) =>
    parts([
      ['id', String(id)], ['model', JSON.stringify(asked.model.name)],
      ['features', rowJson(asked, question, 0, 'null')],
    ])), async (client) => {
    const json = parseExactly(await client.next());
    const id = json['id'] as number;
    if (json['error'] !== undefined) return { id, reply: { refused: JSON.stringify(json) } };
    return { id, reply: { values: outputsOf(asked, [json['prediction']]), nonFinite: 'null' } };
  }),
};

const elements = (shape: readonly number[]): number => shape.slice(1).reduce((product, size) => product * size, 1);

const floats: Way = {
  name: 'lastgood.f32',
  fits: ({ model, signature: { inputs, outputs } }, { form }) =>
    form !== 'whole' && model.layout !== 'whole' && inputs.length === 1 &&
    [...inputs, ...outputs].every(({ datatype, shape }) =>
      datatype === 'FP32' && shape.length > 0 && shape.slice(1).every((size) => size >= 0)),
  ask: (lines, asked, questions) => lines.exchange<Reply>('lastgood.f32', `/ws?model=${asked.model.name}`,
    questions.map((question, id) => floatFrame(id, question.inputs[0]!.values as readonly number[])),
    async (client) => {
      const { id, values, error } = readFloatAnswer(await client.nextBinary());
      if (error !== undefined) return { id, reply: { refused: error } };
      return { id, reply: { values: byOutput(asked, values), nonFinite: 'token' } };
    }),
};

/** Row by row all outputs, as they come, to output by output. */
function byOutput({ signature: { outputs } }: Asked, values: readonly number[]): Value[][] {
  const widths = outputs.map(({ shape }) => elements(shape));
  const width = widths.reduce((sum, one) => sum + one, 0);
  return widths.map((own, at) => {
    const before = widths.slice(0, at).reduce((sum, one) => sum + one, 0);
    return values.filter((_, place) => place % width >= before && place % width < before + own);
  });
}

export const WAYS: readonly Way[] = [
  predict, instances, socketJson, floats, tfsRows, tfsColumns, oipJson, oipBinary, oipFrames,
];

/** What is asked without a protocol. */
export const LIBRARY = 'library';
