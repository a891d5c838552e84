// What it costs that rows do not share a run, on the page of the models: what the committed result says. Nothing is
// typed by hand.
import type { Origin } from '../measure/machine.ts';
import type { PartResult } from '../parts/part.ts';
import { markdown } from './markdown.ts';

export const STACKING_MARKS = {
  begin: '<!-- figures: npm run bench -- stacking --out bench/results/stacking && npm run bench:readme -->',
  end: '<!-- end of the figures of stacking -->',
} as const;

interface Measured {
  readonly origin: Origin;
  readonly parts: readonly PartResult[];
}

/** The section for a result, marks included. */
export function stackingSection({ origin, parts }: Measured): string {
  const { processor, cores, system, node, command, startedAt } = origin;
  const table = parts.find(({ name }) => name === 'stacking')?.tables[0];
  if (table === undefined) throw new Error('write the figures of stacking: the result has no such part');
  return [
    STACKING_MARKS.begin,
    `\`${command}\` on ${startedAt.slice(0, 10)}: ${processor}, ${cores} cores, ${system}, Node ${node}. ` +
      `${table.title}; medians of interleaved rounds, read the ratios.`,
    markdown([...table.columns], table.rows.map((row) => row.map((cell) =>
      (typeof cell === 'number' && Number.isInteger(cell) ? cell.toLocaleString('en-US') : String(cell ?? ''))))),
    STACKING_MARKS.end,
  ].join('\n\n');
}
