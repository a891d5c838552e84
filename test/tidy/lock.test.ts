// What is installed is exactly what was looked at: the lock file names one version of everything, with its digest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(packageRoot(), name), 'utf8'));

type Packages = Readonly<Record<string, LockedPackage>>;

/** One line for each package that could be another one tomorrow, or that is not the one that was asked for. */
function lockOffences(packages: Packages, asked: Readonly<Record<string, string>>): string[] {
  const installed = Object.entries(packages).filter(([place]) => place !== '');
  const loose = installed.flatMap(([place, { version, integrity, link }]) => {
    if (link === true) return [`${place}: is a link`];
    if (!/^\d+\.\d+\.\d+/.test(version ?? '')) return [`${place}: has no exact version`];
    return /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') ? [] : [`${place}: has no SHA-512 digest`];
  });
  const other = Object.entries(asked).flatMap(([name, wanted]) => {
    const version = packages[`node_modules/${name}`]?.version;
    return version !== undefined && wanted.split('@').at(-1) === version ? [] : [`${name}: ${wanted} was asked for`];
  });
  return [...loose, ...other];
}

describe('The lock file', () => {
  const { packages } = read('package-lock.json') as { readonly packages: Packages };
  const { dependencies, devDependencies } = read('package.json') as LockedPackage;

  test('has the exact version and the SHA-512 digest of every package', () => {
    assert.ok(Object.keys(packages).length > 50);
    assert.deepEqual(lockOffences(packages, { ...dependencies, ...devDependencies }), []);
  });

  test('is not taken for good without them', () => {
    const integrity = `sha512-${'A'.repeat(86)}==`;
    const good = { 'node_modules/a': { version: '1.2.3', integrity } };
    assert.deepEqual(lockOffences(good, { a: '1.2.3' }), []);
    assert.equal(lockOffences(good, { a: 'npm:b@1.2.3' }).length, 0);
    assert.equal(lockOffences(good, { a: '^1.2.3' }).length, 1);
    assert.equal(lockOffences(good, { b: '1.2.3' }).length, 1);
    assert.equal(lockOffences({ 'node_modules/a': { version: '1.2.3' } }, {}).length, 1);
    assert.equal(lockOffences({ 'node_modules/a': { version: '1.2.3', integrity: 'sha1-x' } }, {}).length, 1);
    assert.equal(lockOffences({ 'node_modules/a': { version: 'latest', integrity } }, {}).length, 1);
    assert.equal(lockOffences({ 'node_modules/a': { link: true } }, {}).length, 1);
  });
});
