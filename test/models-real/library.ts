// Asks a model through the library: rows one by one, all at once, and several in one call. It speaks JSON to itself, so
// that integers beyond 2^53 and the infinities have no place in it.
import type { Engine, Features, Prediction } from '../../src/index.ts';
import { valueFrom } from './collection.ts';
import type { GivenTensor, Question, Value } from './collection.ts';
import type { Asked, Reply } from './ways.ts';

const isCarried = (value: Value): boolean =>
  typeof value === 'bigint' ? BigInt.asIntN(54, value) === value :
    value !== Infinity && value !== -Infinity;
const areCarried = (tensors: readonly GivenTensor[]): boolean => tensors.every(({ values }) => values.every(isCarried));

function nested(values: readonly Value[], shape: readonly number[], from: number): unknown {
  const [size, ...inner] = shape;
  if (size === undefined) {
    const value = values[from]!;
    return typeof value === 'bigint' ? Number(value) : value;
  }
  const step = inner.reduce((product, one) => product * one, 1);
  return Array.from({ length: size }, (_, at) => nested(values, inner, from + at * step));
}

function featuresOf({ model }: Asked, { inputs }: Question, row: number): Features {
  return Object.fromEntries(inputs.map(({ values, shape }, at) => {
    const inner = model.layout === 'whole' ? shape : shape.slice(1);
    const from = row * inner.reduce((product, size) => product * size, 1);
    return [model.inputs[at]!.name, nested(values, inner, from)];
  }));
}

function replyOf({ signature: { outputs }, model }: Asked, predictions: readonly Prediction[]): Reply {
  const values = outputs.map(({ name }, at) => predictions.flatMap((prediction) => {
    const value: unknown = outputs.length === 1 ? prediction : (prediction as Record<string, unknown>)[name];
    return [value].flat(Infinity).map((one) => valueFrom(model.outputs[at]!.datatype, one));
  }));
  return { values, nonFinite: 'null' };
}

/** Asks version 1 everything that fits, the single rows by as many callers at once. */
export async function askLibrary(
  engine: Engine, asked: Asked,
): Promise<{ readonly questions: readonly Question[]; readonly replies: readonly Reply[] }> {
  const questions = asked.model.questions.filter(({ form, inputs, answers }) =>
    form !== 'whole' && areCarried(inputs) && areCarried(answers['1']!));
  const { name } = asked.model;
  const replies = await Promise.all(questions.map(async (question): Promise<Reply> => {
    try {
      if (question.form !== 'rows') {
        return replyOf(asked, [(await engine.predict(name, featuresOf(asked, question, 0))).prediction]);
      }
      const rows = Array.from({ length: question.inputs[0]!.shape[0]! }, (_, row) => featuresOf(asked, question, row));
      return replyOf(asked, (await engine.predictMany(name, rows)).predictions);
    } catch (error) {
      return { refused: String(error) };
    }
  }));
  return { questions, replies };
}
