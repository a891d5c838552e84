// Data directories that are filled once, without an engine, and copied for every test that starts from them: a trial
// takes a second or more, and a copy takes none.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from '../../src/admin/commands.ts';
import { openOffline } from '../../src/admin/offline.ts';
import { systemClock } from '../../src/base/clock.ts';
import { temporaryDirectory } from './temporary.ts';

const TRIAL_MS = 120_000;

/** Adds to a data directory what `fill` does with the operator's verbs, and returns the directory. */
export async function preparedDirectory(
  fill: (control: ControlPlane) => Promise<unknown>, dataDir = temporaryDirectory(),
): Promise<string> {
  const options = { dataDir, trialMs: TRIAL_MS, intraOpThreads: 1 };
  const control = openOffline(options, systemClock, { create: true });
  try {
    await fill(control);
  } finally {
    await control.close();
  }
  return dataDir;
}

/** A copy that a test may change; nobody has the directory open meanwhile. */
export function copyOf(dataDir: string): string {
  const copy = join(temporaryDirectory(), 'data');
  cpSync(dataDir, copy, { recursive: true });
  return copy;
}
