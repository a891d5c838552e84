// Interleaved rounds: A B C A B C …, each contender alone on the machine for its turn, so that what the machine does
// meanwhile meets all of them alike.
import { giveTurn } from '../contenders/contender.ts';
import type { Contender, Field } from '../contenders/contender.ts';
import type { LoadResult } from '../load/result.ts';
import { cpuSecondsOf } from './process.ts';
import { median } from './statistics.ts';

export interface Turn extends LoadResult {
  readonly requestsPerSecond: number;
  /** Microseconds of CPU, all threads of the server, per answered request; NaN when the process is not ours. */
  readonly cpuUs: number;
}

/** The turns of one contender, a turn for each round. */
export interface Measured {
  readonly contender: Contender;
  readonly turns: readonly Turn[];
}

export type Load = (contender: Contender) => Promise<LoadResult>;

/** Measures one turn. */
export async function takeTurn(contender: Contender, load: Load): Promise<Turn> {
  const before = contender.pid === null ? NaN : cpuSecondsOf(contender.pid);
  const result = await load(contender);
  const cpuSeconds = contender.pid === null ? NaN : cpuSecondsOf(contender.pid) - before;
  return {
    ...result,
    requestsPerSecond: result.answered / result.seconds,
    cpuUs: (cpuSeconds / Math.max(1, result.allAnswered)) * 1e6,
  };
}

/** Runs `rounds` rounds over the contenders of the field; `progress` is told what comes next. */
export async function interleave(
  field: Field, contenders: readonly Contender[], rounds: number, load: Load, progress: (what: string) => void,
): Promise<Measured[]> {
  const turns = new Map<Contender, Turn[]>(contenders.map((contender) => [contender, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      progress(`round ${round} of ${rounds}: ${contender.name}`);
      giveTurn(field, contender);
      turns.get(contender)?.push(await takeTurn(contender, load));
    }
  }
  for (const server of field.servers) server.resume();
  return contenders.map((contender) => ({ contender, turns: turns.get(contender) ?? [] }));
}

/** One column of a contender's turns. */
export function column(measured: Measured | undefined, of: (turn: Turn) => number): number[] {
  return (measured?.turns ?? []).map(of);
}

/** The median of one column. */
export function medianOf(measured: Measured | undefined, of: (turn: Turn) => number): number {
  return median(column(measured, of));
}
