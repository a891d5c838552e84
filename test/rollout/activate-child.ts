// Another process that makes a version active in a data directory, as a CLI without an engine does.
// Arguments: data directory, version. Exit code 1 when the registry refuses.
import { systemClock } from '../../src/base/clock.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';

const [dataDir, version] = process.argv.slice(2) as [string, string];
const store = openStore({ dataDir });
const registry = new Registry(store, systemClock);
const expectedGeneration = registry.generationOf('m');
registry.activate({ model: 'm', version, expectedGeneration, by: 'cli:other', reason: '' });
await store.close();
