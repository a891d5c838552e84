// Prepares a model: lets the runtime write its optimised graph, and the weights as the operators want them packed, into
// files that sessions map, and finds out whether it answers as the model itself does, bit for bit. In a process of its
// own, which may die of it.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { PREPARED_MODEL, PREPARED_WEIGHTS } from '../../artifacts/prepared.ts';
import type { ModelFile } from '../../artifacts/verify.ts';
import { reasonOf } from '../../base/errors.ts';
import type { Golden } from '../../domain/records.ts';
import { createElements, type Tensor } from '../../domain/datatype.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import { madeUpInputs, type Manner } from './made-up-rows.ts';
import { Session } from './session.ts';
import { goldenInputs } from './golden.ts';

/** Rows of the runs that are compared, and sizes of other open dimensions. */
const ROWS = [1, 3, 8];
const OPEN_SIZES = [1, 2, 16, 64];
const MANNERS: readonly Manner[] = [
  { floats: 'narrow', integers: 'few' }, { floats: 'narrow', integers: 'bits' }, { floats: 'wide', integers: 'few' },
];
const ELEMENTS_MAX = 4 * 1024 ** 2;

interface PrepareOptions {
  readonly file: ModelFile;
  /** Empty, and on a disk that has room. */
  readonly folder: string;
  readonly golden: Golden | null;
  /** The version's own; all are the engine's by default. */
  readonly session?: SessionOptions | undefined;
}

/** Why what is in the folder then is not to be used; null when it is. */
export async function prepare({ file, folder, golden, session = {} }: PrepareOptions): Promise<string | null> {
  const options = { intraOpThreads: 1, rowsMax: 1, session };
  const saving = await Session.open({ ...file, ...options, saveIn: folder });
  await saving.release();
  const weights = statSync(join(folder, PREPARED_WEIGHTS), { throwIfNoEntry: false });
  if (weights === undefined) return 'it has no weights to share';
  const plain = await Session.open({ ...file, ...options });
  const prepared = await Session.open({
    path: join(folder, PREPARED_MODEL), dataFiles: [PREPARED_WEIGHTS], ...options,
  });
  try {
    if (JSON.stringify(plain.signature) !== JSON.stringify(prepared.signature)) return 'its signature is another';
    return await differenceOf(plain, prepared, golden);
  } finally {
    await Promise.all([plain.release(), prepared.release()]);
  }
}

async function differenceOf(plain: Session, prepared: Session, golden: Golden | null): Promise<string | null> {
  let answered = 0;
  for (const inputs of questionsOf(plain, golden)) {
    const [one, other] = [await answerOf(plain, inputs), await answerOf(prepared, inputs)];
    if (typeof one === 'string' && typeof other === 'string') continue;
    if (typeof one === 'string' || typeof other === 'string') return 'it takes other inputs';
    if (!one.every((output, index) => isSame(output, other[index]!))) return 'it answers differently';
    answered += 1;
  }
  return answered > 0 ? null : 'no made-up row was answered';
}

function* questionsOf(session: Session, golden: Golden | null): Generator<readonly Tensor[]> {
  const { signature, layout } = session;
  for (const one of golden?.cases ?? []) {
    const given = goldenInputs(one, session);
    yield signature.inputs.map(({ name }) => given[name]!);
  }
  const hasRows = signature.inputs.map(({ shape }) => layout.batching === 'dynamic' && shape[0] === -1);
  const isOpen = signature.inputs.some(({ shape }, input) =>
    shape.some((size, axis) => size < 0 && !(axis === 0 && hasRows[input])));
  for (const count of layout.batching === 'dynamic' ? ROWS : [1]) {
    const rows = Array.from({ length: count }, (_, number) => ({ number }));
    for (const openSize of isOpen ? OPEN_SIZES : [1]) {
      for (const manner of MANNERS) {
        const inputs = madeUpInputs(signature, { hasRows, openSize }, rows, manner);
        if (inputs.reduce((sum, { data }) => sum + data.length, 0) <= ELEMENTS_MAX) yield inputs;
      }
      const zeros = madeUpInputs(signature, { hasRows, openSize }, rows, MANNERS[0]!);
      yield zeros.map(({ data, shape }, index) =>
        ({ data: createElements(signature.inputs[index]!.datatype, data.length), shape }));
    }
  }
}

// Or why there is none.
async function answerOf(session: Session, inputs: readonly Tensor[]): Promise<readonly Tensor[] | string> {
  try {
    const { outputs } = await session.runWhole(inputs, session.signature.outputs.map((_, index) => index));
    return outputs.map((output) => output!);
  } catch (error) {
    return reasonOf(error);
  }
}

function isSame({ data, shape }: Tensor, other: Tensor): boolean {
  if (data.length !== other.data.length || shape.join() !== other.shape.join()) return false;
  for (let at = 0; at < data.length; at += 1) if (!Object.is(data[at], other.data[at])) return false;
  return true;
}
