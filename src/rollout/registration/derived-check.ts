// Whether what rules make of a model answers as the model does: both are asked about made-up rows, for every output
// that the runtime can hand over of both. Trial process.
import type { ModelFile } from '../../artifacts/verify.ts';
import { runtimeType } from '../../domain/datatype.ts';
import type { Tensor, TensorData } from '../../domain/datatype.ts';
import { openSession } from '../../worker/session/direct-run.ts';
import { OPEN_SIZES, madeUpInputs } from '../../worker/session/made-up-rows.ts';
import type { Manner } from '../../worker/session/made-up-rows.ts';
import { loadRuntime } from '../../worker/session/runtime.ts';
import type { OrtModule, OrtSession, OrtTensor } from '../../worker/session/runtime.ts';
import type { Session, WholeResult } from '../../worker/session/session.ts';

const ROWS = 5;
const MANNERS: readonly Manner[] = [
  { floats: 'wide', integers: 'wide' }, { floats: 'narrow', integers: 'few' }, { floats: 'narrow', integers: 'bits' },
];

/** Throws an Error that names an output which `derived`, a session on what rules made of `given`, answers otherwise. */
export async function assertAnswersAlike(given: ModelFile, derived: Session): Promise<void> {
  const ort = await loadRuntime();
  const { session } = await openSession(ort, given, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    for (const manner of MANNERS) await compare(ort, session, derived, manner);
  } finally {
    await session.release();
  }
}

async function compare(ort: OrtModule, given: OrtSession, derived: Session, manner: Manner): Promise<void> {
  const { signature } = derived;
  const tensors = given.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  const outputs = signature.outputs.map(({ name, shape }, index) => ({ name, index, rank: shape.length }));
  const shared = outputs.filter(({ name }) => tensors.includes(name));
  const hasRows = signature.inputs.map(({ shape }) => shape[0] === -1);
  const rows = Array.from({ length: ROWS }, (_, number) => ({ number }));
  const { inputs, got } = await questionTaken(derived, (openSize) =>
    madeUpInputs(signature, { hasRows, openSize }, rows, manner), outputs.map(({ index }) => index));
  const feeds = Object.fromEntries(signature.inputs.map(({ name, datatype }, index) => {
    const { data, shape } = inputs[index]!;
    return [name, new ort.Tensor(runtimeType(datatype) as 'float32', data as Float32Array, shape)];
  }));
  // Of an output whose rank no exporter and no runtime knew nothing could be told apart.
  const unknown = outputs.find(({ index, rank }) => got !== null && got.outputs[index]!.shape.length !== rank);
  if (unknown !== undefined) throw new Error(`nothing says how many dimensions output "${unknown.name}" has`);
  if (shared.length === 0) return;
  const wanted = await answerOf(given.run(feeds, shared.map(({ name }) => name)));
  // Rows that a model refuses it has to refuse either way.
  if (wanted === null && got === null) return;
  const odd = shared.find(({ name, index }) =>
    wanted === null || got === null || !isEqual(wanted[name] as OrtTensor, got.outputs[index]!));
  if (odd !== undefined) throw new Error(`output "${odd.name}" of what is derived of it is not that of the model`);
}

// With the first sizes of open dimensions that it takes, or the last that are tried.
async function questionTaken(
  derived: Session, inputsOf: (openSize: number) => Tensor[], outputs: readonly number[],
): Promise<{ inputs: Tensor[]; got: WholeResult | null }> {
  const sizes = [...OPEN_SIZES];
  for (;;) {
    const inputs = inputsOf(sizes.shift()!);
    const got = await answerOf(derived.runWhole(inputs, outputs));
    if (got !== null || sizes.length === 0) return { inputs, got };
  }
}

const answerOf = <T>(run: Promise<T>): Promise<T | null> => run.catch(() => null);

function isEqual({ dims, data }: OrtTensor, tensor: Tensor): boolean {
  return String(dims) === String(tensor.shape) && bytesOf(data).equals(bytesOf(tensor.data));
}

const bytesOf = (data: TensorData): Buffer =>
  Array.isArray(data) ? Buffer.from(JSON.stringify(data)) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
