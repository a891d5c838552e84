// The figures of the weights benchmark as docs/memory.md. Pure.

export interface SessionsResult {
  readonly anonymousMib: number;
  readonly loadMs: readonly number[];
  /** By rows. */
  readonly runCpuMs: Readonly<Record<string, number>>;
}
interface EngineResult {
  readonly anonymousMib: number;
  readonly mappedMib: number;
}
export interface MemoryResult {
  readonly date: string;
  readonly processor: string;
  readonly node: string;
  readonly kinds: {
    readonly name: string;
    /** Why it is not prepared. */
    readonly refused: string | null;
    readonly plain: SessionsResult;
    readonly prepared: SessionsResult | null;
    readonly withThreshold: SessionsResult | null;
  }[];
  /** Prepared, of the first kind. */
  readonly thresholds: readonly (SessionsResult & { readonly bytes: number })[];
  /** Four workers of the first kind, above an engine without a model. */
  readonly engine: { readonly plain: EngineResult; readonly prepared: EngineResult };
  /** Anonymous MiB after each swap. */
  readonly swaps: readonly number[];
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const loads = ({ loadMs }: SessionsResult): string => `${loadMs[0]}, then ${Math.max(...loadMs.slice(1))}`;
const cpu = ({ runCpuMs }: SessionsResult): string => `${runCpuMs['4']} / ${runCpuMs['64']}`;

function kindRow({ name, refused, plain, prepared, withThreshold }: MemoryResult['kinds'][number]): string {
  const cells = prepared === null || withThreshold === null
    ? [`not prepared: ${refused}`, '', '', '']
    : [prepared.anonymousMib, withThreshold.anonymousMib, loads(prepared), cpu(prepared)];
  const all = [name, plain.anonymousMib, ...cells.slice(0, 2), loads(plain), cells[2], cpu(plain), cells[3]];
  return `| ${all.join(' | ')} |`;
}

export function memoryPage({ date, processor, node, kinds, thresholds, engine, swaps }: MemoryResult): string {
  const total = ({ anonymousMib, mappedMib }: EngineResult): number => Math.round(anonymousMib + mappedMib);
  const later = swaps.slice(2);
  const [least, most] = [Math.min(...later), Math.max(...later)];
  return `# Memory

Written by \`node dist/bench/weights/main.js\` on ${date} (${processor}, 2 cores shared with other work, Node ${node});
the figures are in \`bench/results/memory.json\`. MiB are anonymous memory; CPU is of a run of 4 and of 64 rows; the
threshold is \`MALLOC_MMAP_THRESHOLD_=1048576\`.

## Four sessions on one model

| model | as it is, MiB | prepared | and the threshold | loads, ms | prepared | CPU ms, 4 / 64 rows | prepared |
|---|---|---|---|---|---|---|---|
${kinds.map(kindRow).join('\n')}

## The allocator's threshold, prepared, ${kinds[0]?.name ?? ''}

| bytes | MiB | CPU ms, 4 / 64 rows |
|---|---|---|
${thresholds.map((one) => `| ${one.bytes} | ${one.anonymousMib} | ${cpu(one)} |`).join('\n')}

## An engine with four workers, above one without a model, ${kinds[0]?.name ?? ''}

| | anonymous MiB | mapped MiB | in all |
|---|---|---|---|
| as it is | ${engine.plain.anonymousMib} | ${engine.plain.mappedMib} | ${total(engine.plain)} |
| prepared | ${engine.prepared.anonymousMib} | ${engine.prepared.mappedMib} | ${total(engine.prepared)} |

## ${swaps.length} swaps between two models of 32 MiB

Median of the first ten ${median(swaps.slice(0, 10))} MiB, of the last ten ${median(swaps.slice(-10))}; \
after the second swap between ${least} and ${most}.
`;
}
