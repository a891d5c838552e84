// Entry of a process that tries one setting for `lastgood tune`: loads the version in a real pool behind a real queue,
// keeps more requests in flight than fill every worker's batch, and reports throughput, latencies and memory. A process
// of its own, so that memory is that of this setting alone and a model that crashes costs one row of the table.
import '../../base/telemetry-off.ts';
import { build } from 'hdr-histogram-js';
import { Batcher } from '../../batch/batcher.ts';
import { monotonicUs } from '../../base/clock.ts';
import { answerParent } from '../../base/managed-child.ts';
import { Deployment } from '../../rollout/deployment/deployment.ts';
import { EntryKind } from '../../protocols/protocol.ts';
import type { TuneFigures, TuneMessage, TuneOrder } from './plan.ts';

/** Batches in flight for each worker: one that runs and one that waits. */
const BATCHES_PER_WORKER = 2;
/** Share of the time under load that passes before anything counts. */
const WARM_SHARE = 0.3;
const LATENCY_US_MAX = 120_000_000;
const DIGITS = 3;
const HTTP_OK = 200;
const MIB = 1_048_576;
const SLAB_BYTES_MIN = 256 * 1_024;
const GENERATION = 1;
const DEPLOYMENT_ID = 1;
const REASON_CHARACTERS_MAX = 300;

async function tune({ dataDir, version, tuning, body, seconds, loadMs }: TuneOrder): Promise<TuneFigures> {
  const { workers, intraOpThreads, batchSizeMax } = tuning;
  const inFlight = workers * batchSizeMax * BATCHES_PER_WORKER;
  const bytes = Buffer.from(body);
  let deployment: Deployment | null = null;
  const batcher = new Batcher({
    model: version.model, batchSizeMax, batchDelayUs: 0, pendingMax: inFlight, deadlineMs: LATENCY_US_MAX / 1e3,
    slabBytes: Math.max(SLAB_BYTES_MIN, Math.min(4 * MIB, bytes.length * batchSizeMax * 2)), largeBytesMax: 256 * MIB,
    monotonicUs,
    dispatch: (slab, mayQueueBehind) => {
      if (deployment?.hasPlace('queue', mayQueueBehind) !== true) return undefined;
      slab.stamp(GENERATION, DEPLOYMENT_ID, monotonicUs());
      return deployment.run(slab, 'queue');
    },
  });
  deployment = await Deployment.load({
    id: DEPLOYMENT_ID, dataDir, version, workers, intraOpThreads, loadMs, arena: batcher.arena,
    onWorkerLost: () => undefined,
  });
  try {
    return await load(batcher, bytes, inFlight, seconds * 1e3);
  } finally {
    await batcher.drain();
    await deployment.close();
  }
}

// Keeps `inFlight` requests under way for `spellMs`.
function load(batcher: Batcher, body: Uint8Array, inFlight: number, spellMs: number): Promise<TuneFigures> {
  const histogram = build({
    lowestDiscernibleValue: 1, highestTrackableValue: LATENCY_US_MAX, numberOfSignificantValueDigits: DIGITS,
  });
  return new Promise((resolve, reject) => {
    const beginUs = monotonicUs();
    const warmUntilUs = beginUs + spellMs * 1e3 * WARM_SHARE;
    const endUs = beginUs + spellMs * 1e3;
    let free = inFlight;
    let isScheduled = false;
    let isOver = false;
    let firstUs = 0;
    const end = (): void => {
      isOver = true;
      const atMs = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1e3;
      const spanUs = monotonicUs() - firstUs;
      resolve({
        requestsPerSecond: (histogram.totalCount * 1e6) / spanUs, p50Ms: atMs(50), p99Ms: atMs(99),
        residentBytes: process.memoryUsage.rss(),
      });
    };
    const answered = (sentUs: number, status: number, bytes: Uint8Array): void => {
      free += 1;
      if (isOver) return;
      const nowUs = monotonicUs();
      if (status !== HTTP_OK) {
        isOver = true;
        reject(new Error(`it answered ${status}: ${Buffer.from(bytes).toString().slice(0, REASON_CHARACTERS_MAX)}`));
        return;
      }
      if (nowUs >= warmUntilUs) {
        if (firstUs === 0) firstUs = nowUs;
        else histogram.recordValue(Math.min(LATENCY_US_MAX, Math.max(1, Math.round(nowUs - sentUs))));
      }
      // One answer after the warm-up begins the count, so at least one more is needed, however slow the model is.
      if (nowUs >= endUs && histogram.totalCount > 0) end();
      else if (!isScheduled) {
        isScheduled = true;
        setImmediate(fill);
      }
    };
    const fill = (): void => {
      isScheduled = false;
      for (; free > 0 && !isOver; free -= 1) {
        const sentUs = monotonicUs();
        batcher.submit(
          EntryKind.predictJson, body, { answer: (status, bytes) => answered(sentUs, status, bytes) }, sentUs);
      }
    };
    fill();
  });
}

answerParent(async (order: TuneOrder): Promise<TuneMessage> => ({ kind: 'figures', figures: await tune(order) }));
