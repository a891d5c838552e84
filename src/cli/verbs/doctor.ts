// lastgood doctor: what is wrong with a data directory and what can be done about it.
import type { Command } from 'commander';
import type { Diagnosis, ProviderView, ReportedFinding } from '../../doctor/findings.ts';
import { bytesText, paint, printResult } from '../views/output.ts';
import { withProgress } from '../views/progress.ts';
import { resolveSettings } from '../settings/settings.ts';
import { verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

interface DoctorFlags extends CommonFlags {
  readonly repair?: boolean;
}

export function doctorCommand(): Command {
  return verb({
    name: 'doctor',
    summary: 'find out what is wrong with a data directory, and repair it',
    purpose:
      'Reads the whole registry in a process of its own and hashes every artefact: missing and changed files, files ' +
      'that nobody uses, stale sockets and locks, a torn or foreign registry, versions that cannot be loaded, and ' +
      'what the next start would do about them. Changes nothing without --repair, and with it only what is no good ' +
      'data; for that no engine may run. Exit code 1 when something is broken and was not repaired.',
    examples: [
      ['lastgood doctor', 'what is wrong, and what to do about it'],
      ['lastgood doctor --repair', 'the same, and remove what nobody needs'],
    ],
  })
    .option('--repair', 'repair what can be repaired')
    .action(async (flags: DoctorFlags) => {
      const { options } = resolveSettings({ data: flags.data }, process.env);
      const { diagnose } = await import('../../doctor/diagnose.ts');
      const result = await withProgress('examining the data directory',
        diagnose(options.dataDir, { repair: flags.repair === true }));
      printResult(flags, result, doctorText);
      if (!result.isSound) process.exitCode = 1;
    });
}

/** What a person reads. */
function doctorText(diagnosis: Diagnosis): string {
  const { dataDir, isServed, models, versions, artifacts, artifactBytes, providers, findings } = diagnosis;
  const head = `${dataDir}: ${models} models, ${versions} versions, ` +
    `${artifacts} artefacts (${bytesText(artifactBytes)}), ` + (isServed ? 'an engine runs' : 'no engine runs');
  const runtime = `execution providers: ${providers.map(providerText).join(', ') || 'none, the runtime does not load'}`;
  const about = `${head}\n${runtime}`;
  if (findings.length === 0) return `${about}\n${paint('green', 'sound')}: nothing to repair`;
  const isLeft = findings.some(({ isRepairable, isRepaired }) => isRepairable && !isRepaired);
  return [about, ...findings.map(findingText), ...(isLeft ? ['repair: lastgood doctor --repair'] : [])].join('\n');
}

const providerText = ({ name, unusable }: ProviderView): string =>
  unusable === null ? name : `${name} (not here: ${unusable})`;

function findingText({ level, about, text, remedy, isRepairable, isRepaired }: ReportedFinding): string {
  const mark = isRepaired ? paint('green', 'repaired') : paint(level === 'broken' ? 'red' : 'yellow', level);
  if (isRepaired) return `${mark}  ${about}: ${text}`;
  return `${mark}  ${about}: ${text}\n  ${isRepairable ? '--repair will' : 'to do:'} ${remedy}`;
}
