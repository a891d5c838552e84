// How many samples a second the monitor takes in on one core: written into the rings as workers write them, read in
// order of time, judged by the default suite with a look a second. Only the monitor's part is timed.
import type { JudgeOptions } from '../../src/options/options.ts';
import { MonitorState } from '../../src/judge/monitor/monitor-state.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { sampleRingBytes, sampleRingOffset, SampleWriter } from '../../src/shared-memory/sample-ring.ts';
import { Random } from './random.ts';
import { baselineOf, samplesOf } from './simulate.ts';
import { steady } from './streams.ts';

export interface MonitorResult {
  readonly rings: number;
  readonly samples: number;
  /** CPU seconds of draining and looking. */
  readonly seconds: number;
  readonly looks: number;
  readonly samplesPerSecond: number;
}

const RINGS = 2;
const CAPACITY = 16_384;
/** The rate of the virtual clock, and the time between two drains. */
const PER_SECOND = 200_000;
const DRAIN_US = 50_000;

/** Runs for about so many CPU seconds. */
export function monitorResult(secondsMin: number, options: JudgeOptions): MonitorResult {
  const memory = new SharedArrayBuffer(RINGS * sampleRingBytes(CAPACITY));
  const writers = Array.from({ length: RINGS }, (_, ring) =>
    new SampleWriter(memory, sampleRingOffset(ring, CAPACITY), CAPACITY));
  const state = new MonitorState();
  state.handle({
    kind: 'attach', deploymentId: 1, model: 'm', version: '1', memory, rings: RINGS, capacity: CAPACITY,
  }, 0);
  const random = new Random(1);
  const outputKind = steady.answers.kind;
  const baseline = baselineOf(steady, random);
  state.handle({
    kind: 'watch', model: 'm', generation: 1, version: '1', outputKind, baseline, options,
  }, 0);
  let taken = 0;
  let looks = 0;
  let seconds = 0;
  let drainAtUs = DRAIN_US;
  const drain = (nowUs: number): void => {
    const begin = process.cpuUsage();
    taken += state.drain(nowUs);
    if (state.look(nowUs).length > 0) looks += 1;
    const { user, system } = process.cpuUsage(begin);
    seconds += (user + system) / 1e6;
  };
  let written = 0;
  samplesOf(steady, PER_SECOND, random, baseline, (sample: Readonly<Sample>) => {
    if (sample.atUs >= drainAtUs) {
      drain(drainAtUs);
      drainAtUs += DRAIN_US;
    }
    const writer = writers[written % RINGS]!;
    writer.begin(1);
    writer.write(sample);
    writer.publish();
    written += 1;
    return seconds < secondsMin || looks === 0;
  });
  return { rings: RINGS, samples: taken, seconds, looks, samplesPerSecond: taken / seconds };
}
