// What every model's samples add up to between two times that somebody asks. Monitor thread. What a model left behind
// is kept until it was asked for, also when nothing of the model is watched any more.
import { SampleMeter } from '../../metrics/sample-meter.ts';
import type { MeasuredModel } from '../types/messages.ts';

/** Samples that a model has lost so far. */
interface SampleLoss {
  readonly lapped: number;
  readonly lateSamples: number;
}

interface Entry {
  readonly meter: SampleMeter;
  /** What was told already. */
  lapped: number;
  late: number;
  /** The last of a model that is gone. */
  final: SampleLoss | null;
}

export class ModelMeters {
  readonly #entries = new Map<string, Entry>();

  /** The meter of a model that begins, or that comes again. */
  of(model: string): SampleMeter {
    const known = this.#entries.get(model);
    const meter = known?.meter ?? new SampleMeter();
    const untold = known === undefined ? { lapped: 0, late: 0 } : untoldOf(known, known.final);
    // The model counts its losses from 0 again: what was not told yet is owed beside that.
    this.#entries.set(model, { meter, lapped: -untold.lapped, late: -untold.late, final: null });
    return meter;
  }

  /** The model is gone. */
  keepLoss(model: string, { lapped, lateSamples }: SampleLoss): void {
    const entry = this.#entries.get(model);
    if (entry !== undefined) entry.final = { lapped, lateSamples };
  }

  /** Hands over what has come in since the last time; `models` are those that are there now. */
  take(models: ReadonlyMap<string, SampleLoss>): MeasuredModel[] {
    return [...this.#entries].map(([model, entry]) => {
      const loss = models.get(model) ?? entry.final;
      const { lapped, late } = untoldOf(entry, loss);
      entry.lapped += lapped;
      entry.late += late;
      if (!models.has(model)) this.#entries.delete(model);
      return { model, samples: entry.meter.take(), lapped, late };
    });
  }
}

function untoldOf(
  { lapped, late }: Entry, loss: SampleLoss | null,
): { readonly lapped: number; readonly late: number } {
  return loss === null ? { lapped: 0, late: 0 } : { lapped: loss.lapped - lapped, late: loss.lateSamples - late };
}
