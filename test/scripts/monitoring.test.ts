// The dashboard and the alert rules that ship with lastgood speak of metrics that it publishes, and of phases that
// there are.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { exposition } from '../../src/metrics/exposition.ts';
import { PHASES } from '../../src/rollout/phases.ts';

const folder = join(packageRoot(), 'scripts', 'monitoring');
const rules = join(folder, 'alerts.yml');
/** Prometheus makes this one itself. */
const OF_PROMETHEUS = ['up'];

/** Every family; a histogram has some names more. */
function published(): Set<string> {
  const text = exposition({
    models: [], phases: PHASES, refusals: new Map(), inFlight: 0, monitorRestarts: 0, restarts: 0, stalls: 0,
    held: { connections: 0, refusedConnections: 0, sockets: 0, unreadBytes: 0 }, isDraining: false,
    tls: { cert: '', subject: '', notAfterMs: 0, renewals: 0, refusals: 0, problem: null }, isDiskWritable: true,
    process: {
      version: '', node: '', startSeconds: 0, cpuSeconds: 0, residentBytes: 0, memoryBytes: 0, memoryMax: null,
    },
  }).toString();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(names.flatMap(([, name, type]) =>
    (type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => `${name}${end}`) : [name!])));
}

describe('what monitors lastgood', () => {
  const texts = {
    'alerts.yml': readFileSync(rules, 'utf8'), 'dashboard.json': readFileSync(join(folder, 'dashboard.json'), 'utf8'),
  };

  for (const [file, text] of Object.entries(texts)) {
    test(`names no metric in ${file} that is not published`, () => {
      const known = published();
      const named = new Set([...text.matchAll(/\b(?:lastgood|process)_[a-z0-9_]+/g)].map(([name]) => name));
      assert.ok(named.size > 8);
      assert.deepEqual([...named].filter((name) => !known.has(name) && !OF_PROMETHEUS.includes(name)), []);
    });
  }

  test('asks for phases that there are, of each model once it has them', () => {
    const asked = [...texts['alerts.yml'].matchAll(/phase="(\w+)"/g)].map(([, phase]) => phase!);
    assert.ok(asked.length > 0);
    assert.deepEqual(asked.filter((phase) => !(PHASES as readonly string[]).includes(phase)), []);
  });

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
  test('is taken by promtool', { skip: hasPromtool ? false : 'promtool is not installed' }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', rules], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  });

  test('is a dashboard whose panels have a place of their own', () => {
    const { panels } = JSON.parse(texts['dashboard.json']) as { panels: { id: number; gridPos: object }[] };
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.equal(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size, panels.length);
  });
});
