// Three bad releases one after the other on the real executable with its default settings: each goes back, and what was
// taken back is neither chosen nor promoted again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { Rollback } from '../../src/rollout/events.ts';
import type { EventRecord } from '../../src/domain/records.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { untilResolved } from '../support/poll.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const BAD: Readonly<Record<string, number>> = { 'no-number': NaN, 'too-large': Infinity, 'too-small': -Infinity };
const TOKEN = 'a token of a test';

function fileOf(name: string, shift: number): string {
  const path = join(temporaryDirectory(), `${name}.onnx`);
  writeFileSync(path, linear(shift));
  return path;
}

describe('lastgood serve and bad releases in a row', () => {
  const dataDir = temporaryDirectory();
  const data = ['--data', dataDir];
  let server: Server;
  let admin: AdminClient;

  before(async () => {
    server = await Server.start(dataDir, ['--workers', '1', '--admin-token', TOKEN]);
    admin = (await connectAdmin(dataDir))!;
    await admin.register({ model: 'm', version: 'good', file: fileOf('good', 1), promote: true }, actor);
    await admin.confirm({ model: 'm' }, actor);
  });
  after(() => server.stop());

  const ask = (value: number): Promise<unknown> => http(server.port, '/predict', {
    body: JSON.stringify({ features: [value, 2, 3] }), headers: { 'content-type': 'application/json' },
  });

  test('each of three that were promoted at once after another goes back, by the default settings', async () => {
    let question = 0;
    for (const [version, shift] of Object.entries(BAD)) {
      await admin.register({ model: 'm', version, file: fileOf(version, shift), promote: true }, actor);
      await untilResolved(`${version} is taken back`, async () => {
        await ask((question += 1));
        return (await admin.status({ model: 'm' })).models[0]?.model.activeVersion === 'good';
      }, 60_000);
    }
    const events = await lastgoodJson<EventRecord[]>(['history', 'm', ...data]);
    const taken = events.filter(({ kind, by }) => kind === 'rollback' && by === 'monitor').map(({ from }) => from);
    assert.deepEqual(taken.reverse(), Object.keys(BAD));
  });

  test('a rollback now gets the answer of the last one on every surface, and changes nothing', async () => {
    const { generation } = (await admin.status({ model: 'm' })).models[0]!.model;
    const byVerb = await lastgoodJson<Rollback>(['rollback', 'm', ...data]);
    const bySocket = await admin.rollback({ model: 'm' }, actor);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { json: byHttp } = await http(server.port, '/rollback', { method: 'POST', headers });
    assert.deepEqual([byVerb.rolledBackTo, byVerb.from, byVerb.trust], ['good', 'too-small', 'confirmed']);
    assert.deepEqual(bySocket, byVerb);
    const { path } = byVerb;
    assert.deepEqual(byHttp, { rolled_back_to: 'good', path, generation, trust: 'confirmed', saved: true });
    assert.equal((await admin.status({ model: 'm' })).models[0]!.model.generation, generation);
  });

  test('with none to go back to a named one is refused by name on every surface', async () => {
    const { code, stderr } = await lastgood(['rollback', 'm', '--to', 'too-large', ...data]);
    assert.equal(code, 1);
    assert.match(stderr, /"good" is active, "too-small" is in quarantine \(.*"no-number" is in quarantine/);
    await assert.rejects(admin.rollback({ model: 'm', to: 'none' }, actor), (error) => {
      const { details } = error as { details?: { versions: { version: string }[] } };
      const names = details?.versions.map(({ version }) => version);
      assert.deepEqual(names, ['good', 'too-small', 'too-large', 'no-number']);
      return true;
    });
    const { json } = await http(server.port, '/health', { method: 'GET' });
    assert.deepEqual([json['last_good'], json['last_good_trust']], [null, null]);
  });

  test('the file of one that was taken back is refused under another name, unless somebody forces it', async () => {
    const file = fileOf('renamed', NaN);
    const registered = await lastgood(['register', 'm', file, '--version', 'renamed', ...data]);
    assert.match(registered.stdout, /warning: its file is in quarantine as version "no-number"/);
    const refused = await lastgood(['promote', 'm', 'renamed', ...data]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /its file is that of version "no-number", which is quarantined .*--force/);
    const forced = await lastgood(['promote', 'm', 'renamed', '--force', ...data]);
    assert.equal(forced.code, 0, forced.stderr);
    const [event] = await lastgoodJson<EventRecord[]>(['history', 'm', '--limit', '1', ...data]);
    assert.match(event!.reason, /^forced by cli:\S+, although/);
    assert.deepEqual(event!.lastGood, { version: 'good', trust: 'confirmed' });
  });
});
