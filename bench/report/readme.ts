// The README's figures, and those of a page: what the committed results say, between two marks. Nothing is typed by
// hand, so a new run only replaces figures.
// Run: npm run bench:readme
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/base/package-root.ts';
import type { Origin } from '../measure/machine.ts';
import type { Cell, Goal, PartResult } from '../parts/part.ts';
import type { JudgeResult } from '../judge/report.ts';
import { JUDGE_MARKS, judgeSection } from './judge-figures.ts';
import { JUDGE_PAGE_MARKS, judgePageSection } from './judge-page.ts';
import type { PeersResult } from './judge-page.ts';
import { markdown } from './markdown.ts';
import { STACKING_MARKS, stackingSection } from './stacking-figures.ts';
import { figureText } from './table.ts';

/** What result.json holds. */
export interface RunResult {
  readonly origin: Origin;
  readonly goals: readonly Goal[];
  readonly parts: readonly PartResult[];
}

/** What a section of the README begins and ends with. */
export interface Marks {
  readonly begin: string;
  readonly end: string;
}

const MARKS: Marks = {
  begin: '<!-- figures of a whole run: npm run bench && npm run bench:readme -->', end: '<!-- end of the figures -->',
};
const RESULTS = 'bench/results';
/** The rows of the first throughput table that are shown: those of this many connections. */
const CONNECTIONS = 64;
const COLUMNS = ['contender', 'req/s', 'of ceiling', 'CPU µs/req', 'p50 µs', 'lastgood is'];

const cellText = (cell: Cell | undefined): string =>
  typeof cell === 'number' && Number.isInteger(cell) ? cell.toLocaleString('en-US') : String(cell ?? '');

function throughputText(parts: readonly PartResult[]): string | null {
  const table = parts.find(({ name }) => name === 'throughput')?.tables[0];
  if (table === undefined) return null;
  const at = new Map(table.columns.map((name, column) => [name, column]));
  const rows = table.rows.filter((row) => row[at.get('connections') ?? -1] === CONNECTIONS);
  if (rows.length === 0) return null;
  const text = markdown(COLUMNS, rows.map((row) => COLUMNS.map((name) => cellText(row[at.get(name) ?? -1]))));
  return `${table.title}, ${CONNECTIONS} connections:\n\n${text}`;
}

// Results from before they were kept apart do not say.
function placement(cpus: Origin['cpus'] | undefined): string {
  if (cpus === undefined || cpus.generator === null || cpus.server === null) return '';
  return `The generator has CPU ${cpus.generator} to itself, the servers CPU ${cpus.server}; ` +
    'with two, the servers of compute, overload, idle, fair and restart have both. ';
}

/** The section for a result, marks included. */
export function figuresSection({ origin, goals, parts }: RunResult): string {
  const { processor, cores, memoryGib, system, node, generator, commit, command, startedAt, cpus } = origin;
  const goalRows = goals.map((goal) => [goal.measure, goal.goal, figureText(goal), goal.isMet ? 'met' : 'missed']);
  return [
    MARKS.begin,
    `\`${command}\` on ${startedAt.slice(0, 10)}: ${processor}, ${cores} cores shared with the load generator ` +
      `(${generator}), ${memoryGib} GiB, ${system}, Node ${node}, commit ${commit}. ` +
      `${placement(cpus)}Medians of interleaved rounds; read the ratios, the absolute figures are this machine’s.`,
    `![Requests a second by contender](${RESULTS}/chart.svg)`,
    ...[throughputText(parts)].filter((text) => text !== null),
    'Goals, and what this run measured:',
    markdown(['measure', 'goal', 'measured', ''], goalRows),
    `Everything else is in [result.json](${RESULTS}/result.json).`,
    MARKS.end,
  ].join('\n\n');
}

/** The README with the section in place of the one between its marks; throws when the marks are missing. */
export function withFigures(readme: string, section: string, { begin, end }: Marks = MARKS): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`write the figures: README.md has no "${begin}" … "${end}"`);
  return readme.slice(0, from) + section + readme.slice(to + end.length);
}

const readResult = (name: string): unknown =>
  JSON.parse(readFileSync(join(packageRoot(), RESULTS, name), 'utf8'));

/** The README with all figures of the committed results. */
export function readmeWithFigures(readme: string): string {
  const measured = withFigures(readme, figuresSection(readResult('result.json') as RunResult));
  return withFigures(measured, judgeSection(readResult('judge.json') as JudgeResult), JUDGE_MARKS);
}

/** The page of the models with the figures of the committed result. */
export const modelsPageWithFigures = (page: string): string =>
  withFigures(page, stackingSection(readResult('stacking/result.json') as RunResult), STACKING_MARKS);

/** The page of the judge with the figures of the committed results. */
export const judgePageWithFigures = (page: string): string => withFigures(
  page, judgePageSection(readResult('judge-pairs.json') as JudgeResult, readResult('judge-peers.json') as PeersResult),
  JUDGE_PAGE_MARKS);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pages = [['README.md', readmeWithFigures], ['docs/models.md', modelsPageWithFigures],
    ['docs/judge.md', judgePageWithFigures]] as const;
  for (const [name, written] of pages) {
    const file = join(packageRoot(), name);
    writeFileSync(file, written(readFileSync(file, 'utf8')));
  }
  console.log(`README.md, docs/models.md and docs/judge.md: the figures of ${RESULTS}`);
}
