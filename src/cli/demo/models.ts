// Brings the demo models that come with the package into an empty data directory: versions 1 and 2 of each, with
// baseline and golden answers, version 1 active, so that there is something to promote at once.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Actor, ControlPlane } from '../../admin/commands.ts';
import { packageRoot } from '../../base/package-root.ts';
import { RegistryReader } from '../../registry/reader.ts';
import { openStore } from '../../registry/opening/open-store.ts';

/** Answers POST /predict while nobody names another one: its rows are short enough to type. */
const DEMO_DEFAULT = 'housing';
const ACTIVE = '1';
const VERSIONS = [ACTIVE, '2'];
const ACTOR: Actor = { by: 'cli:demo-models' };

interface Manifest {
  readonly models: readonly {
    readonly name: string;
    readonly versions: readonly {
      readonly version: string; readonly file: string; readonly baseline: string; readonly golden: string;
    }[];
  }[];
}

/** The default model of a server with demo models, or undefined when the directory holds other models instead. */
export async function demoDefaultModel(dataDir: string): Promise<string | undefined> {
  if (!existsSync(join(dataDir, 'registry'))) return DEMO_DEFAULT;
  const store = openStore({ dataDir, readOnly: true });
  const names = new RegistryReader(store).models().map(({ model }) => model);
  await store.close();
  return names.length === 0 || names.includes(DEMO_DEFAULT) ? DEMO_DEFAULT : undefined;
}

/** Registers the demo models, one after the other; `report` is told before each. */
export async function registerDemoModels(control: ControlPlane, report: (line: string) => void): Promise<void> {
  const folder = join(packageRoot(), 'models');
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  for (const { name, versions } of manifest.models) {
    for (const { version, file, baseline, golden } of versions) {
      if (!VERSIONS.includes(version)) continue;
      const promote = version === ACTIVE;
      report(`demo models: registering ${promote ? 'and promoting ' : ''}version ${version} of ${name}`);
      const files = { file: join(folder, file), baseline: join(folder, baseline), golden: join(folder, golden) };
      await control.register({ model: name, version, ...files, promote }, ACTOR);
    }
  }
}
