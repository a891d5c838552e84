// The figures of many models and many versions as docs/many.md. Pure.

export interface StartResult {
  readonly models: number;
  /** Of each start, from the first instruction of the command on. */
  readonly listeningMs: number[];
  readonly readyMs: number[];
}
export interface RollbackResult {
  readonly versions: number;
  readonly events: number;
  readonly tookMs: number;
  /** Records of the registry that were decoded on the main thread until the rollback was done. */
  readonly decodedValues: number;
  readonly decodedBytes: number;
  /** In the half second after it. */
  readonly decodedBytesAfter: number;
  /** The longest time for which the main thread's event loop did not turn, from the call on to half a second later. */
  readonly stallMs: number;
}
export interface ManyResult {
  readonly date: string;
  readonly processor: string;
  readonly node: string;
  /** At the end of the run. */
  readonly loadAverage: number;
  /** While the starts were measured: they wait for processors as long as others have them. */
  readonly startsLoadAverage: number;
  readonly starts: readonly StartResult[];
  readonly rollbacks: readonly RollbackResult[];
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const startRow = ({ models, listeningMs, readyMs }: StartResult): string =>
  `| ${models} | ${median(listeningMs)} (${Math.min(...listeningMs)} to ${Math.max(...listeningMs)}) | ` +
  `${median(readyMs)} (${Math.min(...readyMs)} to ${Math.max(...readyMs)}) |`;

const rollbackRow = (one: RollbackResult): string =>
  `| ${one.versions} | ${one.events} | ${one.tookMs} | ${one.decodedValues} | ${one.decodedBytes} | ` +
  `${one.decodedBytesAfter} | ${one.stallMs} |`;

export function manyPage(
  { date, processor, node, loadAverage, startsLoadAverage, starts, rollbacks }: ManyResult,
): string {
  return `# Many models, many versions

Written by \`node dist/bench/many/main.js\` on ${date} (${processor}, 2 cores shared with other work, load average
${loadAverage} at its end, Node ${node}); the figures are in \`bench/results/many.json\`.

## A start

With a load average of ${startsLoadAverage} on two cores, so that the two rows tell more than the numbers: from the
command to the port that listens, and to the last model that answers, milliseconds, the median of
${starts[0]?.listeningMs.length ?? 0} starts and their range. The models are as small as can be.

| models | listening | all ready |
|--:|--:|--:|
${starts.map(startRow).join('\n')}

## A rollback of a running engine

Each version has golden cases of 1 MiB. What is decoded are records of the registry on the main thread, until the
rollback was done, and in the half second after it; the stall is the longest time in which the event loop did not turn.

| versions | events | ms | records decoded | bytes | bytes after it | stall, ms |
|--:|--:|--:|--:|--:|--:|--:|
${rollbacks.map(rollbackRow).join('\n')}
`;
}
