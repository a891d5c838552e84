// The trial process: loads one artefact for the first time, warms it and checks its golden vectors; then finds out
// whether its rows may share a run. Whatever the model does to this process (crash, hang, memory) the engine only sees
// a refusal, and in the last part, where the rows are nobody's, a version that is not stacked.
import '../../base/telemetry-off.ts';
import { writeFileSync } from 'node:fs';
import { monotonicUs } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { tellParent } from '../../base/managed-child.ts';
import { compareGolden } from '../../worker/session/golden.ts';
import { Session } from '../../worker/session/session.ts';
import { decideStacking } from '../../worker/session/stack-probe.ts';
import type { TrialFindings, TrialMessage, TrialRequest } from './trial.ts';

/** Rows of the largest warm-up run, as one full batch would have. */
const WARM_ROWS = 64;

async function tryArtifact({ file, intraOpThreads, golden }: TrialRequest): Promise<TrialMessage> {
  await tellParent({ kind: 'stage', stage: 'load' } satisfies TrialMessage);
  const before = process.memoryUsage.rss();
  const beginUs = monotonicUs();
  const session = await Session.open({ ...file, intraOpThreads, rowsMax: WARM_ROWS });
  const loadMs = (monotonicUs() - beginUs) / 1e3;
  try {
    await tellParent({ kind: 'stage', stage: 'warm up' } satisfies TrialMessage);
    const { runMs, rowMs, warnings } = await session.warmUp();
    await tellParent({ kind: 'stage', stage: 'golden check' } satisfies TrialMessage);
    const mismatches = golden === null ? [] : await compareGolden(golden, session);
    if (mismatches.length > 0) {
      const first = mismatches[0]!;
      const where = first.output === '' ? '' : ` output "${first.output}"`;
      throw new Error(`${mismatches.length} golden answers differ; case ${first.case}${where}: ${first.reason}`);
    }
    const residentBytes = Math.max(0, process.memoryUsage.rss() - before);
    const report = { loadMs, runMs, rowMs, goldenCases: golden?.cases.length ?? 0, residentBytes };
    const findings: TrialFindings = { signature: session.signature, report, warnings };
    await tellParent({ kind: 'passed', findings } satisfies TrialMessage);
    await tellParent({ kind: 'stage', stage: 'stacking probe' } satisfies TrialMessage);
    return { kind: 'done', stacking: await decideStacking(session, file.path, 'bold') };
  } finally {
    await session.release();
  }
}

/** When the host runs out of memory, the kernel shall choose this process before any that serves. */
function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not on this system.
  }
}

offerToOutOfMemoryKiller();
process.once('message', (request: TrialRequest) => {
  void tryArtifact(request)
    .catch((error: unknown): TrialMessage => ({ kind: 'failed', reason: reasonOf(error) }))
    .then(tellParent)
    .finally(() => process.disconnect());
});
