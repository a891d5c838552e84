// Models of one operator, and what the runtime really does to the rows that go through it: each run alone, and in
// company of 2 and 3.
import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import type { AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema, TensorProtoSchema,
  ValueInfoProtoSchema } from 'onnx-buf';
import { createElements, elementCount } from '../../../src/domain/datatype.ts';
import type { Datatype } from '../../../src/domain/records.ts';
import type { TensorData } from '../../../src/domain/datatype.ts';
import { loadRuntime } from '../../../src/worker/session/runtime.ts';
import type { FeedValue, OrtSession } from '../../../src/worker/session/runtime.ts';
import { valueInfo } from '../../worker/onnx.ts';

export type AttributeValue = number | string | readonly number[] | readonly string[] | Float | GraphText | TensorText;
/** A number that is none of the whole ones, whatever it is. */
export interface Float {
  readonly float: number | readonly number[];
}
export interface GraphText {
  readonly graph: MessageInitShape<typeof GraphProtoSchema>;
}
export interface TensorText {
  readonly tensor: MessageInitShape<typeof TensorProtoSchema>;
}

/** An input with rows: its shape has 'N' where they are. */
export interface RowsInput {
  readonly shape: readonly (number | 'N')[];
  /** Axes whose size the model does not tell. */
  readonly open?: readonly number[];
  readonly type: keyof typeof TYPES;
  /** Of the element at `at` of row `row`. */
  readonly value: (row: number, at: number) => number;
}
/** One that is the same for all rows. */
export interface SameInput {
  readonly constant: readonly (number | string)[];
  readonly dims: readonly number[];
  readonly type: keyof typeof TYPES;
}

/** A node before the operator, by names with a space between them: x0, x1 are inputs with rows, c1 is a constant. */
export interface Step {
  readonly operator: string;
  readonly takes: string;
  readonly makes: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface OneOperator {
  readonly operator: string;
  readonly domain: string;
  readonly opset: number;
  /** null for one that is left out. */
  readonly inputs: readonly (RowsInput | SameInput | null)[];
  readonly before: readonly Step[];
  /** The values that it takes, where they are not the inputs. */
  readonly takes: readonly string[] | null;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputs: number;
  /** Rows that are tried; each alone, and all in company. */
  readonly rows: number;
}

const { FLOAT, DOUBLE, INT64, INT32, INT8, UINT8, BOOL, STRING, FLOAT16 } = TensorProto_DataType;
/** Element types by the name that the runtime has for them. */
const TYPES = {
  float32: [FLOAT, 'FP32'], float64: [DOUBLE, 'FP64'], int64: [INT64, 'INT64'], int32: [INT32, 'INT32'],
  int8: [INT8, 'INT8'], uint8: [UINT8, 'UINT8'], bool: [BOOL, 'BOOL'], string: [STRING, 'BYTES'],
  float16: [FLOAT16, 'FP16'],
} as const satisfies Record<string, readonly [TensorProto_DataType, Datatype]>;

const Kind = AttributeProto_AttributeType;

function attribute(name: string, value: AttributeValue): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: Kind.INT, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: Kind.STRING, s: Buffer.from(value) };
  if ('float' in value) {
    return typeof value.float === 'number'
      ? { name, type: Kind.FLOAT, f: value.float } : { name, type: Kind.FLOATS, floats: [...value.float] };
  }
  if ('graph' in value) return { name, type: Kind.GRAPH, g: value.graph };
  if ('tensor' in value) return { name, type: Kind.TENSOR, t: value.tensor };
  if (value.every((one) => typeof one === 'number')) {
    return { name, type: Kind.INTS, ints: value.map((one) => BigInt(one)) };
  }
  return { name, type: Kind.STRINGS, strings: (value).map((one) => Buffer.from(one)) };
}

export function constantTensor(name: string, { constant, dims,
  type }: SameInput): MessageInitShape<typeof TensorProtoSchema> {
  const [dataType, datatype] = TYPES[type];
  const base = { name, dims: dims.map(BigInt), dataType };
  if (datatype === 'BYTES') return { ...base, stringData: constant.map((one) => Buffer.from(String(one))) };
  const data = filled(datatype, constant.length, (at) => constant[at] as number) as Uint8Array<ArrayBuffer>;
  return { ...base, rawData: new Uint8Array(data.buffer) };
}

function filled(datatype: Datatype, count: number, value: (at: number) => number): TensorData {
  const data = createElements(datatype, count);
  for (let at = 0; at < count; at += 1) {
    const number = value(at);
    if (Array.isArray(data)) data[at] = `word ${number}`;
    else if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[at] = BigInt(Math.round(number));
    else data[at] = number;
  }
  return data;
}

const isRows = (input: RowsInput | SameInput | null): input is RowsInput => input !== null && 'shape' in input;

/** One of the outputs, whose rows are expected on an axis of it. */
export interface Turned {
  readonly output: number;
  readonly axis: number;
  readonly rank: number;
}

/**
 * The operator between inputs whose rows are on axis 0, turned to where it is to have them, and its outputs, or one of
 * them with the axis of its rows turned to the front.
 */
export function oneOperatorModel(one: OneOperator, turned: Turned | null = null): Uint8Array {
  const nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  const inputs: MessageInitShape<typeof ValueInfoProtoSchema>[] = [];
  const constants: MessageInitShape<typeof TensorProtoSchema>[] = [];
  const names = one.inputs.map((input, at) => {
    if (input === null) return '';
    if (!isRows(input)) {
      constants.push(constantTensor(`c${at}`, input));
      return `c${at}`;
    }
    const axis = input.shape.indexOf('N');
    const sizes = input.shape.map((size, place) => (input.open?.includes(place) === true ? `size ${place}` : size));
    const dims = [...sizes.slice(axis, axis + 1), ...sizes.slice(0, axis), ...sizes.slice(axis + 1)];
    inputs.push(valueInfo([`x${at}`, TYPES[input.type][0], dims]));
    if (axis === 0) return `x${at}`;
    const order = input.shape.map((_, place) => (place < axis ? place + 1 : place === axis ? 0 : place));
    nodes.push({ opType: 'Transpose', input: [`x${at}`], output: [`t${at}`], attribute: [attribute('perm', order)] });
    return `t${at}`;
  });
  for (const { operator, takes, makes, attributes } of one.before) {
    nodes.push({
      opType: operator, input: takes === '' ? [] : takes.split(' '), output: [makes],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }
  const made = Array.from({ length: one.outputs }, (_, at) => `y${at}`);
  nodes.push({
    opType: one.operator, domain: one.domain, input: [...(one.takes ?? names)], output: made,
    attribute: Object.entries(one.attributes).map(([name, value]) => attribute(name, value)),
  });
  if (turned !== null) {
    const others = Array.from({ length: turned.rank }, (_, at) => at).filter((at) => at !== turned.axis);
    nodes.push({
      opType: 'Transpose', input: [`y${turned.output}`], output: ['z'],
      attribute: [attribute('perm', [turned.axis, ...others])],
    });
  }
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [
      { domain: '', version: BigInt(one.domain === '' ? one.opset : 17) },
      ...(one.domain === '' ? [] : [{ domain: one.domain, version: BigInt(one.opset) }]),
    ],
    graph: {
      name: 'one', input: inputs, node: nodes, initializer: constants,
      output: (turned === null ? made : ['z']).map((name) => ({ name })),
    },
  }));
}

export interface Measured {
  /** Of each output: its rank in company, and the axes along which each row has what it has alone. */
  readonly outputs: readonly { readonly rank: number; readonly apart: readonly number[] }[];
  /** Two runs of the same inputs have answered alike. */
  readonly isSteady: boolean;
}

interface Answer {
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Asks the runtime; throws what it says when it has no such operator, or answers neither a company nor a row alone. */
export async function measure(one: OneOperator): Promise<Measured> {
  const ort = await loadRuntime();
  const session = await ort.InferenceSession.create(oneOperatorModel(one),
    { logSeverityLevel: 4, intraOpNumThreads: 1 });
  try {
    const run = (rows: readonly number[]): Promise<readonly Answer[]> => answers(session, one, rows);
    const everyone = Array.from({ length: one.rows }, (_, row) => row);
    const companies = [everyone, [...everyone].reverse(), [1, 0], [0, 0]];
    const isAnswered = await run(everyone).then(() => true, () => false);
    // What refuses company answers a row that is alone.
    const shown = isAnswered ? everyone : [0];
    const [first, again] = [await run(shown), await run(shown)];
    const found: number[][] = first.map(({ dims }) => (isAnswered ? dims.map((_, axis) => axis) : []));
    for (const rows of companies) {
      const together = await run(rows).catch(() => null);
      for (const [at, row] of rows.entries()) {
        const alone = await run([row]).catch(() => null);
        found.forEach((axes, output) => {
          found[output] = axes.filter((axis) => together !== null && alone !== null &&
            isSameRow(together[output]!, alone[output]!, { axis, at, rows: rows.length }));
        });
      }
    }
    return {
      outputs: first.map(({ dims }, at) => ({ rank: dims.length, apart: found[at]! })),
      isSteady: first.every((answer, at) => isClose(answer.data, again[at]!.data)),
    };
  } finally {
    await session.release();
  }
}

async function answers(session: OrtSession, one: OneOperator, rows: readonly number[]): Promise<readonly Answer[]> {
  const ort = await loadRuntime();
  const feeds: Record<string, FeedValue> = {};
  one.inputs.forEach((input, at) => {
    if (!isRows(input)) return;
    const shape = input.shape.filter((size) => size !== 'N');
    const perRow = elementCount(shape);
    const data = filled(TYPES[input.type][1], perRow * rows.length, (place) =>
      input.value(rows[Math.floor(place / perRow)]!, place % perRow));
    feeds[`x${at}`] = new ort.Tensor(input.type as 'float32', data as Float32Array, [rows.length, ...shape]);
  });
  const answer = await session.run(feeds);
  return session.outputNames.map((name) => {
    const { dims, data } = answer[name] as unknown as Answer;
    return { dims, data };
  });
}

interface Place {
  readonly axis: number;
  readonly at: number;
  readonly rows: number;
}

function isSameRow(together: Answer, alone: Answer, { axis, at, rows }: Place): boolean {
  if (together.dims[axis] !== rows || alone.dims[axis] !== 1 || together.dims.length !== alone.dims.length) {
    return false;
  }
  if (together.dims.some((size, other) => other !== axis && size !== alone.dims[other])) return false;
  const inner = elementCount(together.dims.slice(axis + 1));
  const outer = elementCount(together.dims.slice(0, axis));
  const row: unknown[] = [];
  for (let block = 0; block < outer; block += 1) {
    for (let place = 0; place < inner; place += 1) row.push(together.data[(block * rows + at) * inner + place]);
  }
  return isClose(row, alone.data);
}

function isClose(left: ArrayLike<unknown>, right: ArrayLike<unknown>): boolean {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at], right[at]];
    if (Object.is(one, other)) continue;
    if (typeof one !== 'number' || typeof other !== 'number') return false;
    if (!(Math.abs(one - other) <= 1e-5 * Math.max(1, Math.abs(one)))) return false;
  }
  return left.length === right.length;
}
