// Any HTTP server as a contender, given by its URL and a template of its request's body:
//   $ROW    the numbers of the first row, with commas     $ROWS   all rows: [[…],[…]]
//   $FLAT   all numbers in one list, with commas          $COUNT, $WIDTH   how many rows, how many numbers in each
import { readFileSync } from 'node:fs';
import type { OtherServer } from '../settings.ts';
import { rowsOf } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import type { Contender } from './contender.ts';

const HTTP_PORT = 80;

/** Fills the template with the workload's rows. */
export function fillTemplate(template: string, workload: Workload): string {
  const rows = rowsOf(workload);
  const values: Readonly<Record<string, string>> = {
    ROWS: JSON.stringify(rows),
    ROW: (rows[0] ?? []).join(','),
    FLAT: rows.flat().join(','),
    COUNT: String(rows.length),
    WIDTH: String(workload.layers[0] ?? 0),
  };
  return template.replace(/\$(ROWS|ROW|FLAT|COUNT|WIDTH)\b/g, (_, name: string) => values[name] ?? '');
}

/** The contender for one workload; it must already be serving that workload's model. */
export function otherContender({ name, url, bodyFile, headers, pid }: OtherServer, workload: Workload): Contender {
  const body = Buffer.from(fillTemplate(readFileSync(bodyFile, 'utf8'), workload));
  return {
    name, transport: 'http', host: url.hostname, port: Number(url.port) || HTTP_PORT,
    request: { path: `${url.pathname}${url.search}`, headers, body }, pid, rows: workload.rows,
  };
}
