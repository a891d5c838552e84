// Which execution providers the runtime of this host has, and which of them a model can run on here: each is tried in a
// process of its own.
import { fileURLToPath } from 'node:url';
import { decodeError, type FailedTask, reasonOf } from '../base/errors.ts';
import { ManagedChild } from '../base/managed-child.ts';
import type { ProviderView } from './findings.ts';
import type { RuntimeAnswer, RuntimeQuestion } from './runtime-probe.ts';

const PROBE = fileURLToPath(new URL('./runtime-probe.js', import.meta.url));
const PROBE_MS_MAX = 20_000;
const REASON_CHARACTERS_MAX = 200;

/** In the runtime's order; empty when it does not load. */
export async function providersHere(): Promise<ProviderView[]> {
  const listed = await ask(null);
  const names = typeof listed === 'object' && listed.kind === 'names' ? listed.names : [];
  return Promise.all(names.map(async (name) => {
    const answer = await ask(name);
    return { name, unusable: typeof answer === 'object' ? null : shortened(answer) };
  }));
}

const shortened = (reason: string): string => reason.replace(/\s+/g, ' ').slice(0, REASON_CHARACTERS_MAX);

// Says what failed, or how the process ended when it gave no answer.
async function ask(question: RuntimeQuestion): Promise<RuntimeAnswer | string> {
  const answers: (RuntimeAnswer | FailedTask)[] = [];
  const child = new ManagedChild<RuntimeQuestion, RuntimeAnswer | FailedTask>({
    entry: PROBE, stderr: 'ignore', onReport: (answer) => answers.push(answer),
  });
  child.post(question);
  const { how, isOverdue } = await child.endWithin(PROBE_MS_MAX);
  const [answer] = answers;
  if (answer !== undefined) return answer.kind === 'failed' ? reasonOf(decodeError(answer.error)) : answer;
  return isOverdue ? `no answer within ${PROBE_MS_MAX} ms` : `trying it ended the process with ${how}`;
}
