// What samples, monitor and judge cost: the same engine with them and without, taking turns.
import { Name, openField } from '../contenders/field.ts';
import type { Field } from '../contenders/contender.ts';
import { column, interleave, medianOf } from '../measure/rounds.ts';
import { lostPercent } from '../measure/statistics.ts';
import { TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const CONNECTIONS = 64;
/** More rounds than elsewhere: what is looked for is a few percent. */
const ROUNDS_FACTOR = 2;

export async function judge(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const open = (lastgoodArgs: readonly string[]): Promise<Field> => openField({
    workload: TINY, folder, settings: { ...settings, others: [] }, names: [Name.json], lastgoodArgs,
  });
  const on = await open([]);
  const off = await open(['--samples', 'off']);
  const stop = async (): Promise<void> => {
    await on.stop();
    await off.stop();
  };
  const contenders = [
    ...on.contenders.map((contender) => ({ ...contender, name: 'judge on' })),
    ...off.contenders.map((contender) => ({ ...contender, name: 'judge off' })),
  ];
  const both: Field = { contenders, servers: [...on.servers, ...off.servers], notes: [], stop };
  try {
    await warmUp(context, both, CONNECTIONS);
    const { rounds, seconds } = settings.size;
    const measured = await interleave(
      both, contenders, rounds === 1 ? 1 : rounds * ROUNDS_FACTOR,
      (contender) => closedHttpLoad(context, contender, CONNECTIONS, seconds), progress);
    const [withJudge, without] = measured;
    const { lost, agreement } = lostPercent(
      column(withJudge, (turn) => turn.requestsPerSecond), column(without, (turn) => turn.requestsPerSecond));
    return {
      name: 'judge',
      tables: [{
        title: `tiny, /predict, ${CONNECTIONS} connections`,
        columns: ['engine', 'req/s', 'CPU µs/req'],
        rows: measured.map((one) => [
          one.contender.name, Math.round(medianOf(one, (turn) => turn.requestsPerSecond)),
          rounded(medianOf(one, (turn) => turn.cpuUs)),
        ]),
      }],
      goals: [atMost('samples, monitor and judge: throughput lost', 3, ' %', rounded(lost) ?? NaN)],
      notes: [agreement],
    };
  } finally {
    await stop();
  }
}
