// What an engine was set to, as prints that a later start can compare: which settings changed is told, not to what.
// Pure. A print says nothing of a value that is secret: those have none.
import { createHash } from 'node:crypto';
import type { ResolvedOptions } from './options.ts';

/** A print for every setting, by its name with dots. */
export type SettingsPrint = Readonly<Record<string, string>>;

const PRINT_CHARACTERS = 8;
/** Secrets, and what another start may well have otherwise without anybody having set it. */
const UNPRINTED = /token|salt|password|^dataDir$/i;

/** The prints of all settings; objects are followed, lists are printed whole. */
export function settingsPrint(options: ResolvedOptions): SettingsPrint {
  const prints: Record<string, string> = {};
  const visit = (value: unknown, name: string): void => {
    if (value === undefined || UNPRINTED.test(name)) return;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, one] of Object.entries(value)) visit(one, name === '' ? key : `${name}.${key}`);
      return;
    }
    const text = JSON.stringify(value);
    prints[name] = createHash('sha256').update(text).digest('base64url').slice(0, PRINT_CHARACTERS);
  };
  visit(options, '');
  return prints;
}

/** The names of settings that are otherwise now, in the order of the alphabet. */
export function changedSettings(before: SettingsPrint, now: SettingsPrint): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => before[name] !== now[name]).sort();
}
