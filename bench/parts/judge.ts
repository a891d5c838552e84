// What samples, monitor and judge cost: the same engine with them and without, taking turns.
import { Name, openField } from '../contenders/field.ts';
import type { Contender, Field } from '../contenders/contender.ts';
import { interleave, medianOf } from '../measure/rounds.ts';
import { TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded, throughputLost, warmUp } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const CONNECTIONS = 64;
/** Two processes of one build differ by more than what is looked for, so there are several of each, a round less. */
const PAIRS = 3;

export async function judge(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { rounds, seconds } = settings.size;
  const fields: Field[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(fields.map((field) => field.stop()));
  };
  const open = async (name: string, lastgoodArgs: readonly string[]): Promise<Contender[]> => {
    const field = await openField({
      workload: TINY, folder, settings: { ...settings, others: [] }, names: [Name.json], lastgoodArgs,
    });
    fields.push(field);
    return field.contenders.map((contender) => ({ ...contender, name }));
  };
  try {
    const contenders: Contender[] = [];
    const withJudge = new Set<Contender>();
    for (let pair = 1; pair <= Math.min(PAIRS, rounds); pair += 1) {
      const on = await open(`judge on, ${pair}`, []);
      for (const contender of on) withJudge.add(contender);
      contenders.push(...on, ...await open(`judge off, ${pair}`, ['--samples', 'off']));
    }
    const all: Field = { contenders, servers: fields.flatMap(({ servers }) => servers), notes: [], stop };
    await warmUp(context, all, CONNECTIONS);
    const measured = await interleave(all, contenders, Math.max(1, rounds - 1),
      (contender) => closedHttpLoad(context, contender, CONNECTIONS, seconds), progress);
    const { lost, agreement } = throughputLost(
      measured.filter(({ contender }) => withJudge.has(contender)),
      measured.filter(({ contender }) => !withJudge.has(contender)));
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
