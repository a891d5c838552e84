// Who asks: what is told apart, and what is not known.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { Sources } from '../../src/batch/sources.ts';
import { LIBRARY_SOURCE, UNKNOWN_SOURCE } from '../../src/shared-memory/source-ids.ts';

/** An address as the front end hands it over: an IPv4 address also as it comes from a socket for both. */
const v4 = (...bytes: number[]): ArrayBuffer => Uint8Array.from(bytes).buffer;
const mapped = (...bytes: number[]): ArrayBuffer =>
  Uint8Array.from([...Array.from({ length: 10 }, () => 0), 255, 255, ...bytes]).buffer;
const v6 = (hex: string): ArrayBuffer => Uint8Array.from(Buffer.from(hex, 'hex')).buffer;

suite('Sources', () => {
  test('tell addresses apart, IPv6 ones by their /64, and an IPv4 one is the same in either form', () => {
    const sources = new Sources();
    const one = sources.of(v4(10, 0, 0, 1), '');
    assert.ok(one > LIBRARY_SOURCE);
    assert.equal(sources.of(mapped(10, 0, 0, 1), ''), one);
    assert.notEqual(sources.of(v4(10, 0, 0, 2), ''), one);
    const host = sources.of(v6('20010db8000000010000000000000001'), '');
    assert.equal(sources.of(v6('20010db80000000100000000ffff0002'), ''), host, 'of one /64');
    assert.notEqual(sources.of(v6('20010db8000000020000000000000001'), ''), host);
  });

  test('know nobody at a loopback address, or at one that is gone', () => {
    const sources = new Sources();
    for (const address of [v4(127, 0, 0, 1), v4(127, 9, 9, 9), mapped(127, 0, 0, 1),
      v6('00000000000000000000000000000001'), v4()]) assert.equal(sources.of(address, ''), UNKNOWN_SOURCE);
    assert.notEqual(sources.of(v6('7f010db8000000010000000000000001'), ''), UNKNOWN_SOURCE);
  });

  test('take a header from a trusted proxy alone, which is nobody without it', () => {
    const sources = new Sources({ header: 'X-Client-Id', trustedProxy: '10.0.0.9, ::1,2001:DB8::1:0:0:7' });
    assert.equal(sources.header, 'x-client-id');
    const [proxy, stranger] = [v4(10, 0, 0, 9), v4(10, 0, 0, 8)];
    const anna = sources.of(proxy, 'anna');
    assert.ok(anna > LIBRARY_SOURCE);
    assert.equal(sources.of(v6('00000000000000000000000000000001'), 'anna'), anna);
    assert.equal(sources.of(v6('20010db8000000000001000000000007'), 'anna'), anna);
    assert.notEqual(sources.of(proxy, 'bert'), anna);
    assert.equal(sources.of(proxy, ''), UNKNOWN_SOURCE);
    assert.equal(sources.of(stranger, 'anna'), sources.of(stranger, 'bert'), 'anybody could write that');
    assert.notEqual(sources.of(stranger, 'anna'), anna);
  });

  test('are salted: another process gives the same address another hash', () => {
    const hashes = new Set(Array.from({ length: 8 }, () => new Sources().of(v4(10, 0, 0, 1), '')));
    assert.equal(hashes.size, 8);
  });

  test('refuse what is no address, and a header without a proxy', () => {
    const refuses = (trustedProxy: string, header: string, reason: RegExp): void => {
      assert.throws(() => new Sources({ header, trustedProxy }), (error) =>
        isLastgoodError(error) && error.code === 'INVALID_OPTION' && reason.test(error.message));
    };
    refuses('10.0.0', '', /"10\.0\.0" is no IP address/);
    refuses('proxy.example', 'x', /is no IP address/);
    refuses('', 'x-client-id', /sourceHeader: anybody could send it/);
  });

  test('stay few in memory whoever asks, and equal', () => {
    const sources = new Sources({ header: 'x', trustedProxy: '10.0.0.9' });
    const first = sources.of(v4(10, 0, 0, 9), 'first');
    for (let at = 0; at < 10_000; at += 1) sources.of(v4(10, 0, 0, 9), String(at));
    assert.equal(sources.of(v4(10, 0, 0, 9), 'first'), first);
  });
});
