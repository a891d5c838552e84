// Who may change something through the public port: nobody without the token, nothing by a path, and the token shows up
// nowhere.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { COMMANDS } from '../../src/admin/commands.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const TOKEN = 'the-token-of-this-test';
const GUESS = 'a-guess-of-somebody';
const JSON_TYPE = { 'content-type': 'application/json' };

describe('the admin token', () => {
  test('is compared in a time that does not depend on it', () => {
    // Time cannot be tested on a machine that does other things; what compares can.
    const source = readFileSync(join(packageRoot(), 'src', 'api', 'admin-check.ts'), 'utf8');
    assert.match(source, /timingSafeEqual\(sha256\(token\), wanted\)/);
    assert.doesNotMatch(source, /(token|wanted) *[!=]==? *(token|wanted|sha256|adminToken\b(?!.*''))/);
  });

  test('is in no line of the log, and neither is a wrong one', async () => {
    const args = ['--admin-token', TOKEN, '--log-level', 'trace', '--no-supervisor'];
    const server = await Server.start(temporaryDirectory(), args);
    for (const [token, wanted] of [[TOKEN, 404], [GUESS, 401]] as const) {
      const headers = { ...JSON_TYPE, authorization: `Bearer ${token}` };
      const { status, text } = await http(server.port, '/models/m/rollback', { body: '{}', headers });
      assert.equal(status, wanted);
      assert.doesNotMatch(text, new RegExp(token));
    }
    assert.doesNotMatch((await http(server.port, '/')).text, new RegExp(TOKEN));
    assert.equal(await server.stop(), 0);
    assert.ok(server.log.length > 0);
    for (const token of [TOKEN, GUESS]) assert.ok(!server.log.includes(token), server.log);
  });
});

describe('the public port', () => {
  test('has none of the admin verbs, so nobody brings in a file of this host by its path', async () => {
    const file = join(temporaryDirectory(), 'm.onnx');
    writeFileSync(file, linear());
    const server = await Server.start(temporaryDirectory(), ['--admin-token', TOKEN, '--no-supervisor']);
    const headers = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}` };
    const body = JSON.stringify({ model: 'm', file, promote: true });
    for (const [verb, { method }] of Object.entries(COMMANDS)) {
      const sent = { method, headers, ...(method === 'POST' && { body }) };
      const { status } = await http(server.port, `/v1/${verb}`, sent);
      assert.equal(status, 404, verb);
    }
    // Its one way in takes the bytes, never a name of a file.
    const load = JSON.stringify({ parameters: { 'file:1/model.onnx': file } });
    const { status } = await http(server.port, '/v2/repository/models/m/load', { headers, body: load });
    assert.equal(status, 400);
    assert.equal((await http(server.port, '/models/m/health')).status, 404);
    assert.equal(await server.stop(), 0);
  });
});
