// Turns recorded lines into the samples that the judge reads. One object is filled again and again, as in a worker.
import { SQUARABLE_MAX } from '../domain/datatype.ts';
import type { OutputKind } from '../domain/records.ts';
import { emptySample, Outcome, SampleKind } from '../shared-memory/sample-ring.ts';
import type { Sample } from '../shared-memory/sample-ring.ts';
import { summarizeRow } from '../domain/prediction.ts';
import { SequenceReader } from '../domain/sequence.ts';
import { Projector } from '../domain/projection.ts';
import type { SampleLine } from './record-line.ts';

const HASH_SEED = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

export class RecordedSamples {
  readonly #sample: Sample = emptySample();
  readonly #projector = new Projector();
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  /** The sample of one line, at `atUs` of the recorded clock; it is valid until the next call. */
  fill(
    line: SampleLine, { kind, width }: { readonly kind: OutputKind; readonly width: number }, generation: number,
    atUs: number,
  ): Readonly<Sample> {
    const { outputs, inputs, ok } = line;
    const sample = this.#sample;
    sample.generation = generation;
    sample.kind = (line.row ?? 0) > 0 ? SampleKind.row : SampleKind.request;
    sample.atUs = atUs;
    sample.latencyUs = Math.round(line.latency_ms * 1_000);
    sample.rows = sample.batchRows = 1;
    sample.direction = -1;
    if (ok && kind === 'sequence') {
      const sequences = new SequenceReader(width);
      sequences.read(outputs, 0, outputs.length, sample);
      sample.direction = this.#projector.next();
      sample.projection = sequences.projection(sample.direction);
    } else {
      summarizeRow(kind, outputs, 0, ok ? outputs.length : 0, sample);
      if (ok && kind === 'vector') this.#projector.project(outputs, 0, outputs.length, sample);
    }
    sample.hash = this.#hash(outputs);
    sample.input = inputs === undefined ? (line.input ?? 0) : this.#hash(inputs) || 1;
    sample.outcome = outcomeOf(line);
    return sample;
  }

  #hash(numbers: readonly number[]): number {
    let hash = HASH_SEED;
    for (let at = 0; at < numbers.length; at += 1) {
      this.#double[0] = numbers[at]!;
      hash = Math.imul(hash ^ this.#words[0]!, HASH_FACTOR);
      hash = Math.imul(hash ^ this.#words[1]!, HASH_FACTOR);
    }
    return hash;
  }
}

function outcomeOf({ ok, outputs, inputs = [], nonfinite_input: isInput = !isBounded(inputs) }: SampleLine): Outcome {
  if (!ok) return Outcome.modelFailure;
  if (isFinite(outputs)) return Outcome.ok;
  return isInput ? Outcome.nonFiniteInput : Outcome.nonFinite;
}

function isFinite(numbers: readonly number[]): boolean {
  for (let at = 0; at < numbers.length; at += 1) if (!Number.isFinite(numbers[at])) return false;
  return true;
}

// As of served requests: see hasBoundless.
const isBounded = (numbers: readonly number[]): boolean => numbers.every((one) => Math.abs(one) <= SQUARABLE_MAX);
