// Where a verb goes: to the engine that owns the data directory, through its admin socket, or with none running to the
// directory itself. A verb does not know which of them it talks to.
import { userInfo } from 'node:os';
import type { Answer, Given, Verb } from '../admin/commands.ts';
import { systemClock } from '../base/clock.ts';
import { resolveSettings } from './settings/settings.ts';
import type { CommonFlags } from './verb.ts';
import { plainText } from '../base/plain-text.ts';
import { withProgress } from './views/progress.ts';

/**
 * Has a verb carried out by the engine or on the data directory; with `doing`, a terminal shows what takes its time.
 * Throws INVALID_OPTION for arguments that do not fit, ENGINE_NEEDED when an engine is needed and none runs,
 * DATA_UNUSABLE when there is neither an engine nor a registry.
 */
export async function ask<V extends Verb>(
  flags: CommonFlags, verb: V, given: Given<V>, doing: string | null = null,
): Promise<Answer<V>> {
  const { options } = resolveSettings({ data: flags.data }, process.env);
  const { dataDir } = options;
  const actor = { by: `cli:${userName()}` };
  // Loaded when needed: help and usage errors must not wait for native modules.
  const { carryOut, checkedArguments, COMMANDS, refuseWithoutEngine } = await import('../admin/commands.ts');
  const args = checkedArguments(verb, given);
  const shown = <T>(work: Promise<T>): Promise<T> => (doing === null ? work : withProgress(doing, work));
  const { connectAdmin } = await import('../admin/client.ts');
  const client = await connectAdmin(dataDir);
  if (client !== null) return shown(carryOut(client, verb, args, actor));
  refuseWithoutEngine(verb, args, dataDir);
  const { openOffline } = await import('../admin/offline.ts');
  // A mistyped directory must not come into being because somebody asked for its status.
  const offline = openOffline(options, systemClock, {
    create: 'makesDirectory' in COMMANDS[verb], changes: COMMANDS[verb].method === 'POST',
    onUpgrade: noteUpgrade, onOlder: noteOlder,
  });
  try {
    const result = await shown(carryOut(offline, verb, args, actor));
    // Only now: a verb that fails says one line, and that is what failed.
    if (flags.json !== true) note(`no engine runs on "${dataDir}": worked on the data directory itself`);
    return result;
  } finally {
    await offline.close();
  }
}

function noteUpgrade(from: number, copy: string | null): void {
  note(`the registry was upgraded from format ${from}${copy === null ? '' : `; as it was before it lies in ${copy}`}`);
}

function noteOlder(format: number): void {
  note(`the registry has format ${format} and is read as it is; the next change, or start of the engine, upgrades it`);
}

/** Writes a remark that is no result to stderr. */
export function note(text: string): void {
  process.stderr.write(`lastgood: ${plainText(text)}\n`);
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
