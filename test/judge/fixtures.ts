// Rings, samples and commands as the engine makes them, for the judge's tests.
import type {
  AttachRings, HealthReport, MonitorReport, Verdict, WatchGeneration,
} from '../../src/judge/types/messages.ts';
import { resolveOptions, type JudgeOptions } from '../../src/options/options.ts';
import type { Baseline } from '../../src/domain/records.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { emptySample, sampleRingBytes, sampleRingOffset, SampleWriter } from '../../src/shared-memory/sample-ring.ts';

export const MODEL = 'digits';

/** The rings of one deployment with a writer for each. */
export class TestRings {
  readonly memory: SharedArrayBuffer;
  readonly capacity: number;
  readonly writers: readonly SampleWriter[];

  constructor(rings: number, capacity: number) {
    this.capacity = capacity;
    this.memory = new SharedArrayBuffer(rings * sampleRingBytes(capacity));
    this.writers = Array.from({ length: rings }, (_, ring) =>
      new SampleWriter(this.memory, sampleRingOffset(ring, capacity), capacity));
  }

  write(ring: number, ...samples: readonly Partial<Sample>[]): void {
    const writer = this.writers[ring]!;
    writer.begin(samples.length);
    for (const sample of samples) writer.write({ ...emptySample(), ...sample });
    writer.publish();
  }

  attach(deploymentId: number): AttachRings {
    const { memory, capacity } = this;
    return { kind: 'attach', deploymentId, model: MODEL, version: '1', memory, rings: this.writers.length, capacity };
  }
}

export function judgeOptions(overrides: Partial<JudgeOptions> = {}): JudgeOptions {
  return { ...resolveOptions({}).judge, mode: 'compat', ...overrides };
}

export function baselineOf(mean: number, standardDeviation: number): Baseline {
  return {
    source: 'validation', output: 'y', kind: 'scalar', rows: 100, mean, standardDeviation,
    min: mean - standardDeviation, max: mean + standardDeviation, values: [mean], createdAtMs: 1,
  };
}

export function watch(generation: number, more: Partial<WatchGeneration> = {}): WatchGeneration {
  return {
    kind: 'watch', model: MODEL, generation, version: `v${generation}`, outputKind: 'scalar', baseline: null,
    options: judgeOptions(), ...more,
  };
}

export function healthOf(reports: readonly MonitorReport[]): HealthReport {
  const health = reports.find((report) => report.kind === 'health');
  if (health === undefined) throw new Error('no health report was given');
  return health;
}

export function verdictIn(reports: readonly MonitorReport[]): Verdict | undefined {
  return reports.find((report) => report.kind === 'verdict');
}

/** A seeded stream of numbers in 0…1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
