// The demo as a user runs it, and the rules by which it says that it failed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ACTS } from '../../../src/cli/demo/acts.ts';
import { Ledger } from '../../../src/cli/demo/ledger.ts';
import { LoadProcess } from '../../../src/cli/demo/load-process.ts';
import type { SeenAnswer } from '../../../src/cli/demo/messages.ts';
import { outcomeOf } from '../../../src/cli/demo/outcome.ts';
import type { ActReport, DemoReport, Findings, RollbackSeen } from '../../../src/cli/demo/outcome.ts';
import { Screen } from '../../../src/cli/demo/screen.ts';
import { packageRoot } from '../../../src/base/package-root.ts';
import { until } from '../../support/poll.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

/** Runs the demo in a process whose temporary files go into a folder of the test. */
async function runDemo(
  args: readonly string[],
  onStdout: (text: string, stop: () => void) => void = () => undefined,
): Promise<{ code: number | null; stdout: string; stderr: string; left: string[] }> {
  const temporary = mkdtempSync(join(tmpdir(), 'lastgood-demo-test-'));
  const child = spawn(process.execPath, [MAIN, 'demo', ...args], {
    env: { ...process.env, TMPDIR: temporary },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
    onStdout(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const left = readdirSync(temporary).filter((name) => name.startsWith('lastgood-'));
  rmSync(temporary, { recursive: true });
  return { code, stdout, stderr, left };
}

const act = (version: string, from: string | null, more: Partial<ActReport> = {}): ActReport => ({
  kind: ACTS.find((one) => one.version === version)?.kind ?? 'first', version, from,
  generation: 1, promotedAtMs: 0, checks: [], confirmed: version === '2',
  rollback: null, meanwhile: null, failure: null, ...more,
});
const rolledBack = (trigger: string, more: Partial<RollbackSeen> = {}): Partial<ActReport> => ({
  rollback: {
    trigger, by: 'monitor', reason: '', rolledBackTo: '2', generation: 2, quarantined: true, decision: '', afterMs: 1,
    ...more,
  },
});
const GOOD: Findings = {
  planned: ACTS,
  acts: [
    act('1', null), act('2', '1'),
    act('dollars', '2', rolledBack('mean_drift')),
    act('slow', '2', rolledBack('p95_latency')),
    act('fragile', '2', rolledBack('error_rate')),
  ],
  sent: 100, answered: 100, unanswered: {},
  byVersion: { '1': { ok: 50, failed: {} }, fragile: { ok: 50, failed: {} } },
  misplaced: [],
};
const withAct = (report: ActReport): Findings => ({
  ...GOOD, acts: GOOD.acts.map((one) => (one.version === report.version ? report : one)),
});
const answer = (version: string, sentUs: number, answeredUs: number, status = 200): SeenAnswer => ({
  version, sentUs, answeredUs, status, deviation: null,
});

describe('lastgood demo', () => {
  test('rolls back three times by the monitor, drops nothing, deletes its data and exits 0', async () => {
    const { code, stdout, stderr, left } = await runDemo(['--json', '--seconds-per-act', '1']);
    assert.equal(code, 0, `${stderr}${stdout}`);
    const { ok, problems, acts, counts } = JSON.parse(stdout) as DemoReport;
    assert.deepEqual({ ok, problems }, { ok: true, problems: [] });
    assert.deepEqual(acts.map(({ version }) => version), ['1', '2', 'dollars', 'slow', 'fragile']);
    const rollbacks = acts.flatMap(({ rollback }) => (rollback === null ? [] : [rollback]));
    assert.deepEqual(
      rollbacks.map(({ trigger, by, rolledBackTo }) => [trigger, by, rolledBackTo]),
      [['mean_drift', 'monitor', '2'], ['p95_latency', 'monitor', '2'], ['error_rate', 'monitor', '2']],
    );
    assert.equal(counts.dropped, 0);
    assert.equal(counts.answered, counts.sent);
    assert.deepEqual(counts.rollbacks, { wanted: 3, happened: 3 });
    for (const { failed } of Object.values(counts.byVersion)) assert.deepEqual(failed, {}, 'no client sees an error');
    const meanwhile = acts.find(({ version }) => version === 'fragile')?.meanwhile;
    assert.ok((meanwhile?.['2']?.ok ?? 0) > 0, 'the standby answered what the failing version could not');
    assert.deepEqual(left, []);
  });

  test('exits 130 on Ctrl-C and leaves neither data nor processes behind', async () => {
    let stopped = false;
    // `close` only comes when the load process has let go of the shared stderr too.
    const { code, stdout, left } = await runDemo(['--seconds-per-act', '60'], (text, stop) => {
      if (stopped || !text.includes('finds nothing wrong')) return;
      stopped = true;
      stop();
    });
    assert.equal(code, 130);
    assert.deepEqual(left, []);
    assert.doesNotMatch(stdout, /\x1b|dropped/);
  });
});

describe('LoadProcess', () => {
  test('accounts for every request, also those whose connection is cut', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      if (asked % 10 === 0) request.socket.destroy();
      else if (asked % 10 === 1) response.writeHead(500).end('{"error":"run model \\"m\\" version \\"x\\": no"}');
      else response.end('{"prediction":1,"model_version":"1"}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const ledger = new Ledger();
    const trafficFile = join(packageRoot(), 'models', 'housing', 'traffic.json');
    const load = new LoadProcess(ledger, { port, path: '/', trafficFile, connections: 4, thinkMs: 1 });
    await until('the load has asked often', () => ledger.answered > 200);
    const { sent, unanswered } = await load.stop();
    server.close();
    const missing = Object.values(unanswered).reduce((sum, count) => sum + count, 0);
    assert.ok(missing > 0);
    assert.equal(ledger.answered + missing, sent);
    assert.equal(sent, asked);
    const { '1': good, x: failing } = ledger.counts();
    assert.equal((good?.ok ?? 0) + (failing?.failed['500'] ?? 0), ledger.answered);
    assert.ok((failing?.failed['500'] ?? 0) > 0);
  });
});

describe('outcomeOf', () => {
  test('finds nothing wrong with a demo that kept the promise', () => {
    const { ok, problems, counts } = outcomeOf(GOOD);
    assert.deepEqual({ ok, problems }, { ok: true, problems: [] });
    assert.equal(counts.dropped, 0);
    assert.deepEqual(counts.rollbacks, { wanted: 3, happened: 3 });
  });

  const bad: readonly [string, Findings, RegExp][] = [
    ['a request without an answer', { ...GOOD, sent: 102, unanswered: { ECONNRESET: 2 } },
      /^2 of 102 requests got no answer: 2 times ECONNRESET$/],
    ['no requests at all', { ...GOOD, sent: 0, answered: 0, byVersion: {} }, /^no request was sent$/],
    ['an error of a version that should not fail', { ...GOOD, byVersion: { '2': { ok: 1, failed: { '504': 3 } } } },
      /^3 requests .* answered by version 2: 3 with 504$/],
    ['a refusal', { ...GOOD, byVersion: { '': { ok: 0, failed: { '429': 3 } } } },
      /answered by no version: 3 with 429$/],
    ['an answer of an unknown version', { ...GOOD, byVersion: { '9': { ok: 1, failed: {} } } },
      /version 9, which was never promoted$/],
    ['an answer of a version that was not active', { ...GOOD, misplaced: [answer('slow', 1, 2)] },
      /^1 answers came from a version that was not active and did not stand by: slow$/],
    ['a rollback that did not happen', withAct(act('slow', '2', { failure: 'no rollback within 20 s' })),
      /^the rollback of version slow did not happen: no rollback within 20 s$/],
    ['a rollback by a script', withAct(act('slow', '2', rolledBack('p95_latency', { by: 'library' }))),
      /slow was done by library, not by the monitor$/],
    ['a rollback for another reason', withAct(act('slow', '2', rolledBack('error_rate'))),
      /slow was triggered by error_rate; wanted p95_latency$/],
    ['a rollback to another version', withAct(act('slow', '2', rolledBack('p95_latency', { rolledBackTo: '1' }))),
      /slow went to version 1; wanted 2$/],
    ['a failing version that may come back',
      withAct(act('slow', '2', rolledBack('p95_latency', { quarantined: false }))),
      /slow left it out of quarantine$/],
    ['a good version that was not confirmed', withAct(act('2', '1', { confirmed: false })),
      /^version 2 was not confirmed$/],
    ['a good version that was taken back', withAct(act('2', '1', { failure: 'version 2 was taken back: x' })),
      /^version 2 was taken back: x$/],
    ['an act that was not played', { ...GOOD, acts: GOOD.acts.slice(0, 4) },
      /^the act of version fragile was not played$/],
  ];
  for (const [what, findings, problem] of bad) {
    test(`fails for ${what}`, () => {
      const { ok, problems } = outcomeOf(findings);
      assert.equal(ok, false);
      assert.equal(problems.length, 1, problems.join('; '));
      assert.match(problems[0] ?? '', problem);
    });
  }

  test('counts only rollbacks that went as promised', () => {
    const { counts } = outcomeOf(withAct(act('slow', '2', rolledBack('p95_latency', { by: 'library' }))));
    assert.deepEqual(counts.rollbacks, { wanted: 3, happened: 2 });
  });
});

describe('Ledger', () => {
  test('misplaced accepts a version that was active or stood by while the request was pending, and no other', () => {
    const ledger = new Ledger();
    ledger.activate('1', 100);
    ledger.activate('2', 200);
    ledger.activate('1', 300);
    ledger.activate('4', 500, '1');
    ledger.add([
      answer('1', 150, 190), answer('1', 199, 210), answer('2', 199, 210), answer('2', 250, 310), answer('1', 290, 310),
      answer('1', 510, 520), answer('4', 510, 520), answer('', 250, 260, 503),
    ]);
    assert.deepEqual(ledger.misplaced(), []);
    const wrong = [
      answer('1', 210, 290), answer('2', 150, 190), answer('2', 310, 320), answer('3', 100, 400), answer('2', 510, 520),
    ];
    ledger.add(wrong);
    assert.deepEqual(ledger.misplaced(), wrong);
  });

  test('counts takes what came from one moment on and before another, by version and status', () => {
    const ledger = new Ledger();
    ledger.add([answer('1', 0, 10), answer('1', 0, 20), answer('2', 0, 20, 500)]);
    ledger.add([answer('2', 0, 29), answer('2', 0, 30)]);
    assert.deepEqual(ledger.counts(20, 30), { '1': { ok: 1, failed: {} }, '2': { ok: 1, failed: { '500': 1 } } });
  });
});

describe('Screen', () => {
  const linesOf = (draw: (screen: Screen) => void, live: boolean, colours: boolean): string => {
    let text = '';
    draw(new Screen({ write: (piece) => (text += piece), live, colours, columns: 40, nowMs: () => 1_234 }));
    return text;
  };

  test('writes times, groups large numbers and wraps under the text', () => {
    const sentence = 'mean prediction 206855 is far from 2.07123, see housing-g3';
    const text = linesOf((screen) => screen.event(sentence, 'bad'), false, false);
    const indent = ' '.repeat(11);
    const rest = `${indent}far from 2.07123, see\n${indent}housing-g3\n`;
    assert.equal(text, `    1.2 s  mean prediction 206,855 is\n${rest}`);
  });

  test('shows live lines only where they can be overwritten', () => {
    const draw = (screen: Screen): void => {
      screen.live('now');
      screen.text('then');
    };
    assert.equal(linesOf(draw, false, false), '  then\n');
    assert.equal(linesOf(draw, true, false), '           now\r\x1b[2K  then\n');
  });
});
