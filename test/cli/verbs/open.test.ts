// lastgood open: it leads to the page of the engine that runs, and says why there is none.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import { pageAddress } from '../../../src/cli/desktop.ts';
import { lastgood } from '../../support/binary.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const TOKEN = 'a token of the tests';
/** Nothing opens a browser while this is set. */
const REMOTE = { SSH_CONNECTION: 'a test' };

interface Opened {
  readonly mode: string;
  readonly port: number;
  readonly told: string;
}

async function opened(options: Partial<Parameters<typeof createEngine>[0]>): Promise<Opened> {
  const dataDir = join(temporaryDirectory(), 'data');
  const engine = await createEngine({ dataDir, workers: 1, ...options });
  try {
    const { port } = await engine.listen({ port: 0 });
    const { stdout, stderr } = await lastgood(['open', '--data', dataDir, '--json'], REMOTE);
    const page = await fetch(`http://127.0.0.1:${port}/ui`);
    await page.arrayBuffer();
    return { mode: page.ok ? (JSON.parse(stdout) as { ui: string }).ui : 'off', port, told: stdout + stderr };
  } finally {
    await engine.close();
  }
}

describe('lastgood open', () => {
  test('prints the address of the page, which everybody on this host may read by default', async () => {
    const { mode, port, told } = await opened({});
    assert.equal(mode, 'read');
    assert.deepEqual(JSON.parse(told), { url: `http://127.0.0.1:${port}/ui`, ui: 'read' });
  });

  test('says that there is no page where others could look who have no token', async () => {
    const { mode, told } = await opened({ host: '0.0.0.0' });
    assert.equal(mode, 'off');
    assert.match(told, /the page is off; start the engine with --ui read or --ui full/);
    assert.equal((await opened({ host: '0.0.0.0', adminToken: TOKEN })).mode, 'read');
  });

  test('fails with 3 where no engine runs', async () => {
    const dataDir = temporaryDirectory();
    await (await createEngine({ dataDir, workers: 1 })).close();
    assert.equal((await lastgood(['open', '--data', dataDir], REMOTE)).code, 3);
  });

  test('has an address that this host reaches, whatever the engine listens on', () => {
    assert.equal(pageAddress('0.0.0.0:80', false), 'http://127.0.0.1:80/ui');
    assert.equal(pageAddress('[::]:8443', true), 'https://127.0.0.1:8443/ui');
    assert.equal(pageAddress('10.0.0.7:80', false), 'http://10.0.0.7:80/ui');
  });
});
