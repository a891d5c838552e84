// The last good version of a recording, run again: a data directory that holds its artefact lets a backtest ask what
// the engine asks before a rollback for drift. Answers at once, so that the recorded clock stands still meanwhile.
import { reasonOf } from '../base/errors.ts';
import { loadableModel } from '../artifacts/derived.ts';
import type { ModelFile } from '../artifacts/verify.ts';
import type { RegistryReader } from '../registry/reader.ts';
import type { Baseline, Datatype, OptionalInput, VersionRecord } from '../domain/records.ts';
import { halfToNumber } from '../domain/half.ts';
import { judgedOutputOf } from '../domain/judged-output.ts';
import { rowLayout } from '../domain/row-layout.ts';
import type { RowInput } from '../domain/row-layout.ts';
import { numberElements, runtimeType } from '../domain/datatype.ts';
import type { TensorData } from '../domain/datatype.ts';
import { openSession } from '../worker/session/direct-run.ts';
import type { DirectRun } from '../worker/session/direct-run.ts';
import { assertProviders, loadRuntime, runtimeOptions } from '../worker/session/runtime.ts';
import type { FeedValue, OrtModule, OrtSession } from '../worker/session/runtime.ts';

/** Answers recorded inputs; null for a row that it cannot answer. */
export interface Standby {
  readonly version: string;
  readonly baseline: Baseline | null;
  answer(inputs: readonly number[]): ArrayLike<number> | null;
  close(): Promise<void>;
}
/** Where last good versions come from. Resolves with the reason, as a part of a sentence, when there is none. */
export interface Standbys {
  open(model: string, version: string): Promise<Standby | { readonly unavailable: string }>;
}

/** The versions of a data directory. */
export function standbysOf(dataDir: string, registry: RegistryReader): Standbys {
  return {
    open: async (model, version) => {
      if (!registry.hasVersion(model, version)) {
        return { unavailable: `version "${version}" of model "${model}" is not in the data directory` };
      }
      try {
        const record = registry.version(model, version);
        const file = await loadableModel(dataDir, record);
        return await RegisteredStandby.open(file, record, registry.baselineOf(model, version));
      } catch (error) {
        return { unavailable: `version "${version}" does not load: ${reasonOf(error)}` };
      }
    },
  };
}

class RegisteredStandby implements Standby {
  readonly version: string;
  readonly baseline: Baseline | null;
  readonly #ort: OrtModule;
  readonly #session: OrtSession;
  readonly #run: DirectRun;
  readonly #rows: readonly RowInput[];
  readonly #optional: readonly OptionalInput[];
  readonly #leads: readonly number[];
  readonly #output: string;
  readonly #isHalf: boolean;

  private constructor(
    record: VersionRecord, baseline: Baseline | null, ort: OrtModule,
    { session, run }: { readonly session: OrtSession; readonly run: DirectRun },
  ) {
    const { signature, version } = record;
    const { batching, rowsPerRun, inputs } = rowLayout(signature, 1);
    if (batching === 'fixed' && rowsPerRun > 1) throw new Error(`it takes ${rowsPerRun} rows at a time; wanted one`);
    const output = signature.outputs.find(({ name }) => name === judgedOutputOf(record).output);
    if (output === undefined) throw new Error('no output of it is judged');
    this.version = version;
    this.baseline = baseline;
    this.#ort = ort;
    this.#session = session;
    this.#run = run;
    this.#rows = inputs;
    this.#optional = signature.optional ?? [];
    this.#leads = batching === 'none' ? [] : [1];
    this.#output = output.name;
    this.#isHalf = output.datatype === 'FP16';
  }

  static async open(file: ModelFile, record: VersionRecord, baseline: Baseline | null): Promise<RegisteredStandby> {
    const ort = await loadRuntime();
    const { session: chosen = {} } = record;
    assertProviders(ort, chosen);
    const { session, run } = await openSession(ort, file, runtimeOptions(chosen, 1));
    try {
      if (run === null) throw new Error('this build of onnxruntime-node is not the one that is known');
      return new RegisteredStandby(record, baseline, ort, { session, run });
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  answer(inputs: readonly number[]): ArrayLike<number> | null {
    try {
      const feeds = this.#feeds(inputs);
      const { data } = this.#run(feeds, { [this.#output]: null })[this.#output] as { data: ArrayLike<number | bigint> };
      return Array.from(data, (value) => (this.#isHalf ? halfToNumber(Number(value)) : Number(value)));
    } catch {
      // What the engine's standby fails is no answer either.
      return null;
    }
  }

  #feeds(inputs: readonly number[]): Record<string, FeedValue> {
    const feeds: Record<string, FeedValue> = {};
    for (const { name, datatype, default: { shape, data } } of this.#optional) {
      feeds[name] = this.#tensor(datatype, numberElements(datatype, data), shape);
    }
    let from = 0;
    for (const row of this.#rows) {
      const shape = shapeOf(row, this.#rows.length === 1 ? inputs.length : null);
      const elements = shape.reduce((product, size) => product * size, 1);
      if (row.datatype === 'BYTES') throw new Error(`"${row.name}" is text`);
      const data = numberElements(row.datatype, inputs.slice(from, from + elements));
      from += elements;
      feeds[row.name] = this.#tensor(row.datatype, data, [...this.#leads, ...shape]);
    }
    if (from !== inputs.length) throw new Error(`${inputs.length} inputs were recorded; wanted ${from}`);
    return feeds;
  }

  #tensor(datatype: Datatype, data: TensorData, shape: readonly number[]): FeedValue {
    return new this.#ort.Tensor(runtimeType(datatype) as 'float32', data as Float32Array, shape);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

// A recorded row is numbers only: one open dimension follows from their number, more of them do not.
function shapeOf({ name, shape }: RowInput, numbers: number | null): number[] {
  const open = shape.filter((size) => size < 0).length;
  if (open === 0) return [...shape];
  const known = shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  if (open > 1 || numbers === null || numbers % known !== 0) throw new Error(`the shape of "${name}" is not recorded`);
  return shape.map((size) => (size < 0 ? numbers / known : size));
}
