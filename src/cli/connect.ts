// Where a verb goes: to the engine that owns the data directory, through its admin socket, or with none running to the
// directory itself. A verb does not know which of them it talks to.
import { userInfo } from 'node:os';
import type { Actor, ControlPlane } from '../admin/control-plane.ts';
import { systemClock } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { oneLine } from './views/output.ts';
import { resolveSettings } from './settings/settings.ts';
import type { CommonFlags } from './verb.ts';

/** The engine or its directory will do; fresh: a new directory too; engine: nothing but a running engine. */
export type Needs = 'data' | 'fresh' | { readonly engine: string };

export type Act<T> = (control: ControlPlane, actor: Actor) => Promise<T>;

/**
 * Runs `act` on the engine or on the data directory. Throws ENGINE_NEEDED when an engine is needed and none runs,
 * DATA_UNUSABLE when there is neither an engine nor a registry.
 */
export async function withControl<T>(flags: CommonFlags, needs: Needs, act: Act<T>): Promise<T> {
  const { options } = resolveSettings({ data: flags.data }, process.env);
  const { dataDir } = options;
  const engineVerb = typeof needs === 'string' ? null : needs.engine;
  const actor = { by: `cli:${userName()}` };
  // Loaded when needed: help and usage errors must not wait for native modules.
  const { connectAdmin } = await import('../admin/client.ts');
  const client = await connectAdmin(dataDir);
  if (client !== null) return act(client, actor);
  if (engineVerb !== null) throw lastgoodError('ENGINE_NEEDED', { verb: engineVerb, dataDir });
  const { openOffline } = await import('../admin/offline.ts');
  // A mistyped directory must not come into being because somebody asked for its status.
  const offline = openOffline(options, systemClock, { create: needs === 'fresh' });
  try {
    const result = await act(offline, actor);
    // Only now: a verb that fails says one line, and that is what failed.
    if (flags.json !== true) note(`no engine runs on "${dataDir}": worked on the data directory itself`);
    return result;
  } finally {
    await offline.close();
  }
}

/** Writes a remark that is no result to stderr. */
export function note(text: string): void {
  process.stderr.write(`lastgood: ${oneLine(text)}\n`);
}

// The admin socket takes up to 64 visible characters for who asks.
const USER_CHARACTERS_MAX = 40;

function userName(): string {
  try {
    return userInfo().username.replace(/[^\x21-\x7e]/g, '_').slice(0, USER_CHARACTERS_MAX);
  } catch {
    // Containers run under user ids without a name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
