// The report of the memory attacks as text for people.
import { decisionText } from './director.ts';
import type { MemoryReport } from './director.ts';

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts).sort(([, a], [, b]) => b - a).map(([name, times]) => `${times} × ${name}`).join(', ') ||
  'none';

export function memoryText(report: MemoryReport): string {
  const { bystanders } = report;
  const rows: [string, string][] = [
    ['seed', String(report.seed)],
    ['took', `${Math.round(report.tookMs / 60_000)} min`],
    ['limit', `${megabytes(report.limitBytes)}${report.isLimited ? '' : ', kept by nobody: no control group here'}`],
    ['killed by the kernel', String(report.kernelKills)],
    ['starts of the engine', String(report.engineStarts)],
    ['most anonymous memory', megabytes(report.peakAnonymousBytes)],
    ...Object.entries(report.attacks).map(([name, answers]): [string, string] => [`  ${name}`, listed(answers)]),
    ['bystanders', `${bystanders.sent} questions, ${bystanders.answered} answered`],
    ['  slowest', `${bystanders.slowestMs} ms`],
    ['  closed, too many connections', String(bystanders.closedInCrowd)],
    ['  not answered', listed(bystanders.others)],
    ...bystanders.told.map((text): [string, string] => ['  ', text]),
    ...report.decisions.map((decision): [string, string] => ['decided', decisionText(decision)]),
    ['exit code', String(report.exitCode)],
    ...report.offences.map((text): [string, string] => ['OFFENCE', text]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join('');
}
