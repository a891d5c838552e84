// Recording one latency, as the monitor does for each sample.
import { build } from 'hdr-histogram-js';
import { timed } from './bench.ts';
import type { MicroResult } from './bench.ts';

const VALUES = 1_024;

export function histograms(spellMs: number): MicroResult[] {
  const histogram = build({
    lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3,
  });
  return [
    timed('histogram: one value recorded', spellMs, VALUES, () => {
      for (let value = 1; value <= VALUES; value += 1) histogram.recordValue(value * 37);
      return histogram.totalCount;
    }),
    timed('histogram: p99 read', spellMs, 1, () => histogram.getValueAtPercentile(99)),
  ];
}
