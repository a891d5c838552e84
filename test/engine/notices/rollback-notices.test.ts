// Telling somebody outside of a rollback, with real commands and a real listener: what fails, hangs, floods or refuses.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine, type Engine } from '../../../src/engine/engine.ts';
import { type NoticeLimits, RollbackNotices } from '../../../src/engine/notices/rollback-notices.ts';
import type { RollbackMessage } from '../../../src/engine/notices/rollback-message.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import type { DecisionRecord } from '../../../src/domain/records.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { linear } from '../../worker/onnx.ts';

const QUICK: NoticeLimits = { attempts: 3, limitMs: 20_000, pauseMs: 10, closeMs: 100 };

describe('RollbackNotices', () => {
  const folder = temporaryDirectory();
  let engine: Engine;
  let decision: DecisionRecord;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, logLevel: 'silent' });
    const path = join(folder, 'model.onnx');
    for (const version of ['1', '2']) {
      writeFileSync(path, linear(Number(version)));
      await engine.register('m', path, { version, promote: true });
    }
    await engine.rollback('m', { reason: 'too "blue" $(touch evil)' });
    decision = engine.context.registry.decisions('m')[0]!;
  });
  after(() => engine.close());

  let number = 0;
  // A decision of its own each time, so that what becomes of it stands alone in the history.
  function told(onRollback: string, limits: Partial<NoticeLimits> = {}): {
    readonly notices: RollbackNotices; readonly id: string; readonly event: () => string | undefined;
  } {
    const options = resolveOptions({ dataDir: engine.context.options.dataDir, onRollback });
    const notices = new RollbackNotices({ ...engine.context, options }, { ...QUICK, ...limits });
    number += 1;
    const id = `${decision.id}-${number}`;
    notices.tell({ ...decision, id });
    const event = (): string | undefined => {
      const found = engine.context.registry.history('m').find((one) => one.decision === id);
      return found && `${found.kind}: ${found.reason}`;
    };
    return { notices, id, event };
  }
  const ended = async ({ event }: { readonly event: () => string | undefined }): Promise<string> => {
    await until('it is written down what became of it', () => event() !== undefined);
    return event()!;
  };

  test('a command is told on its standard input, and what others wrote is read by no shell', async () => {
    const [file, evil] = [join(folder, 'told.json'), join(folder, 'evil')];
    const told1 = told(`cd ${folder} && cat > ${file}`);
    assert.equal(await ended(told1), 'rollback_told: the command ended well, at attempt 1 of 3');
    const message = JSON.parse(readFileSync(file, 'utf8')) as RollbackMessage;
    const { model, from, to, generation, by, actor, trigger, reason, attempt } = message;
    assert.deepEqual({ model, from, to, generation, by, actor, trigger, reason, attempt }, {
      model: 'm', from: '2', to: '1', generation: 3, by: 'person', actor: 'library', trigger: 'operator',
      reason: 'too "blue" $(touch evil)', attempt: 1,
    });
    assert.ok(!existsSync(evil));
  });

  test('a command is handed on no setting of the engine', async () => {
    process.env['LASTGOOD_ADMIN_TOKEN'] = 'secret-of-the-engine';
    const file = join(folder, 'environment');
    await ended(told(`env > ${file}`)).finally(() => delete process.env['LASTGOOD_ADMIN_TOKEN']);
    assert.match(readFileSync(file, 'utf8'), /^PATH=/m);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /LASTGOOD/);
  });

  test('a command that fails is tried again, a bounded number of times, and its last words are kept', async () => {
    const file = join(folder, 'attempts');
    const command = `echo x >> ${file}; yes no | head -c 10000000 >&2; printf "\\nno route\\n" >&2; exit 7`;
    const failing = await ended(told(command));
    assert.equal(failing, 'rollback_untold: the command ended with code 7: no route, at attempt 3 of 3');
    assert.equal(readFileSync(file, 'utf8'), 'x\nx\nx\n');
  });

  test('a command that does not end is killed with all that it started', async () => {
    const file = join(folder, 'pid');
    const hanging = told(`sleep 600 & echo $! > ${file}; wait`, { attempts: 1, limitMs: 1_500 });
    assert.match(await ended(hanging), /^rollback_untold: the command did not end within 1500 ms and was killed/);
    const pid = readFileSync(file, 'utf8').trim();
    await until('the process is gone', () => isGone(pid));
  });

  test('the end of the engine cuts an attempt short and leaves the rollback to the next engine', async () => {
    const file = join(folder, 'pid-at-end');
    const hanging = told(`echo $$ > ${file}; sleep 600`);
    await until('the command runs', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
    await hanging.notices.close();
    await until('the process is gone', () => isGone(readFileSync(file, 'utf8').trim()));
    assert.equal(hanging.event(), undefined);
  });

  test('what is on record and was told to nobody is told, once', async () => {
    const file = join(folder, 'caught-up');
    const options = resolveOptions({ dataDir: engine.context.options.dataDir, onRollback: `cat >> ${file}` });
    const eventsOf = (): number =>
      engine.context.registry.history('m')
        .filter((one) => one.decision === decision.id && one.kind === 'rollback_told').length;
    for (let start = 0; start < 2; start += 1) {
      const notices = new RollbackNotices({ ...engine.context, options }, QUICK);
      notices.catchUp('m');
      notices.catchUp('m');
      await until('it was told', () => eventsOf() === 1);
      await notices.close();
    }
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as RollbackMessage);
    assert.deepEqual(lines.map(({ id }) => id), [decision.id]);
  });

  test('an address gets a POST, again after an error of the server, and never after a refusal', async () => {
    const bodies: string[] = [];
    const answers = [500, 503, 204, 404];
    const listener = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes: Buffer) => (body += bytes.toString()));
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(answers[bodies.length - 1]!).end();
      });
    }).listen(0, '127.0.0.1');
    await until('it listens', () => listener.listening);
    const address = `http://someone:pass-word@127.0.0.1:${(listener.address() as AddressInfo).port}/hook?token=t0ken`;
    assert.equal(await ended(told(address)), 'rollback_told: the address answered 204, at attempt 3 of 3');
    assert.equal(await ended(told(address)), 'rollback_untold: the address answered 404, at attempt 1 of 3');
    const attempts = bodies.map((body) => (JSON.parse(body) as RollbackMessage).attempt);
    assert.deepEqual(attempts, [1, 2, 3, 1]);
    await new Promise((resolve) => listener.close(resolve));
    const refused = await ended(told(address));
    assert.match(refused, /^rollback_untold: the address could not be asked: .*ECONNREFUSED.*, at attempt 3 of 3$/);
    assert.doesNotMatch(JSON.stringify(engine.context.registry.history('m')), /pass-word|t0ken/);
  });

  test('an address that never answers, or answers without an end, is left', async () => {
    const listener = createServer((request, response) => {
      if (request.url === '/silent') return;
      response.writeHead(200);
      const flood = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', flood);
      flood();
    }).listen(0, '127.0.0.1');
    await until('it listens', () => listener.listening);
    const base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const silent = await ended(told(`${base}/silent`, { attempts: 1, limitMs: 300 }));
    assert.equal(silent, 'rollback_untold: the address gave no answer within 300 ms, at attempt 1 of 1');
    assert.match(await ended(told(`${base}/flood`)), /^rollback_told: the address answered 200/);
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  });

  test('of more rollbacks than may wait nobody is told, and that is written down', async () => {
    const gate = join(folder, 'gate');
    const first = told(`until [ -e ${gate} ]; do sleep 0.05; done`);
    const more = Array.from({ length: 20 }, (_, index) => `${decision.id}-more-${index}`);
    for (const id of more) first.notices.tell({ ...decision, id });
    const results = (): string[] => engine.context.registry.history('m')
      .filter((one) => more.includes(one.decision ?? '')).map(({ kind }) => kind);
    await until('some were dropped', () => results().length === 5);
    assert.deepEqual(new Set(results()), new Set(['rollback_untold']));
    writeFileSync(gate, '');
    await until('the others were told', () => results().length === 20);
    assert.equal(results().filter((kind) => kind === 'rollback_told').length, 15);
    assert.ok(engine.context.meters.of('m').notices.get('dropped') === 5);
  });

  test('what looks like an address has to be one that can be told', () => {
    for (const onRollback of ['ftp://host/x', 'http://', 'https://a b/', '']) {
      assert.throws(() => resolveOptions({ onRollback }), /onRollback/);
    }
    for (const onRollback of ['notify-send hello', 'https://host/x', 'off']) {
      assert.equal(resolveOptions({ onRollback }).onRollback, onRollback);
    }
  });
});

function isGone(pid: string): boolean {
  try {
    // A zombie that nobody has waited for yet is dead as well.
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
