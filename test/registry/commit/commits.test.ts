// Changes that the writer thread commits, on real files: the same as those that are committed at once, one after the
// other, never half, and never over another process's.
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AsyncCommits, CHANGES_WAITING_MAX } from '../../../src/registry/commit/commits.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { openStore } from '../../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../../src/registry/store/store.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const by = 'test';
const clock = { monotonicUs: () => 0, wallMs: () => 1_000 };

interface Opened {
  readonly store: RegistryStore;
  readonly commits: AsyncCommits;
  readonly registry: Registry;
  readonly dataDir: string;
}

async function opened(use: (opened: Opened) => Promise<void>): Promise<void> {
  const dataDir = temporaryDirectory();
  const store = openStore({ dataDir });
  const commits = new AsyncCommits(store, dataDir);
  try {
    await use({ store, commits, registry: new Registry(store, clock, commits.run), dataDir });
  } finally {
    await commits.close();
    await store.close();
  }
}

const create = (registry: Registry, version: string): unknown => registry.createVersion({
  model: 'm', version, sha256: version.repeat(64), artifactBytes: 1, signature: { inputs: [], outputs: [] },
  outputKind: 'scalar', baseline: null, golden: null, warnings: [],
  trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 },
}, by);
const activate = (registry: Registry, version: string): unknown => registry.activate({
  model: 'm', version, expectedGeneration: registry.generationOf('m'), by, reason: '',
});
const rollBack = (registry: Registry): unknown => registry.rollback({
  model: 'm', expectedGeneration: registry.generationOf('m'), by, reason: 'bad',
  decide: (to) => ({
    id: `d-${registry.generationOf('m')}`, model: 'm', version: '2', generation: 2, atMs: 0, trigger: 'operator',
    action: 'rollback', suppressedBy: null, rolledBackTo: to, reason: 'bad', evidence: {},
  }),
});

/** Every kind of change, each reading what those before it wrote. */
const COURSE: readonly ((registry: Registry) => unknown)[] = [
  (registry) => create(registry, '1'), (registry) => create(registry, '2'), (registry) => create(registry, '3'),
  (registry) => activate(registry, '1'), (registry) => registry.confirm({ model: 'm', by }),
  (registry) => activate(registry, '2'), (registry) => rollBack(registry),
  (registry) => registry.release({ model: 'm', version: '2', by }),
  (registry) => registry.setPin('m', { by, reason: '' }, by), (registry) => registry.setPin('m', null, by),
  (registry) => registry.quarantine({ model: 'm', version: '3', by, reason: '' }),
  (registry) => registry.remove({ model: 'm', version: '3', by }),
  (registry) => activate(registry, '2'), (registry) => rollBack(registry),
];

describe('Registry.commit', () => {
  test('writes what a change that is committed at once writes, in the order of the calls', async () => {
    const direct = openStore({ dataDir: temporaryDirectory() });
    const directly = new Registry(direct, clock);
    for (const change of COURSE) change(directly);
    const whole = (registry: Registry): unknown => registry.remove({ model: 'm', by });
    await opened(async ({ store, registry }) => {
      await Promise.all(COURSE.map((change) => registry.commit(() => change(registry))));
      assert.deepEqual(store.dump(), direct.dump());
      assert.throws(() => whole(directly));
      await assert.rejects(registry.commit(() => whole(registry)));
      assert.deepEqual(store.dump(), direct.dump());
    });
    await direct.close();
  });

  test('a change that is refused writes nothing, and those after it go on', async () => {
    await opened(async ({ store, registry }) => {
      await registry.commit(() => create(registry, '1'));
      const before = store.dump();
      const refused = registry.commit(() => {
        create(registry, '2');
        throw new Error('no');
      });
      const next = registry.commit(() => registry.versions('m').map(({ version }) => version));
      await assert.rejects(refused, /^Error: no$/);
      assert.deepEqual([await next, store.dump()], [['1'], before]);
    });
  });

  test('a change that another process was ahead of is staged again', async () => {
    await opened(async ({ dataDir, registry }) => {
      await registry.commit(() => create(registry, '1'));
      const other = openStore({ dataDir });
      const others = new Registry(other, clock);
      let runs = 0;
      await registry.commit(() => {
        runs += 1;
        create(registry, '4');
        if (runs === 1) create(others, '5');
      });
      assert.equal(runs, 2);
      const versions = registry.versions('m').map(({ version }) => version);
      assert.deepEqual(versions, ['1', '4', '5']);
      assert.equal(registry.history('m').length, 3);
      await other.close();
    });
  });

  test('no more changes wait than may, and those that were taken are all made', async () => {
    await opened(async ({ registry }) => {
      await registry.commit(() => create(registry, '1'));
      await registry.commit(() => activate(registry, '1'));
      const added = 2;
      const outcomes = await Promise.allSettled(Array.from({ length: CHANGES_WAITING_MAX + added }, (_, index) =>
        registry.commit(() => registry.setPin('m', { by, reason: String(index) }, by))));
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
      assert.equal(refused.length, added);
      for (const { message } of refused) assert.match(message, /256 changes wait for the disk already/);
      assert.equal(registry.model('m').pin?.reason, String(CHANGES_WAITING_MAX - 1));
      await registry.commit(() => registry.setPin('m', null, by));
      assert.equal(registry.model('m').pin, null);
    });
  });

  test('a refusal of the disk comes from the writer thread as it is, and the next change is made', async () => {
    await opened(async ({ store, registry }) => {
      await registry.commit(() => create(registry, '1'));
      // Where the writer asks for room, which nothing but a commit does.
      const room = join(store.path, 'room');
      rmSync(room);
      mkdirSync(room);
      const before = store.dump();
      await assert.rejects(registry.commit(() => create(registry, '2')), {
        code: 'DISK_REFUSED', status: 507,
        message: /^write the registry "[^"]+": (?!write).*[^;]; nothing was changed$/,
      });
      assert.deepEqual(store.dump(), before);
      rmdirSync(room);
      await registry.commit(() => create(registry, '2'));
      assert.equal(registry.versions('m').length, 2);
    });
  });

  test('a registry that is open for reading only refuses', async () => {
    await opened(async ({ dataDir, registry }) => {
      await registry.commit(() => create(registry, '1'));
      const store = openStore({ dataDir, readOnly: true });
      const commits = new AsyncCommits(store, dataDir);
      const reader = new Registry(store, clock, commits.run);
      await assert.rejects(reader.commit(() => create(reader, '2')), {
        code: 'DISK_REFUSED', message: /reading only; nothing was changed$/,
      });
      await commits.close();
      await store.close();
    });
  });
});
