import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { LoadClient } from '../../bench/load/http-client.ts';
import { HttpClient, requestBytes } from '../../bench/load/http-client.ts';
import { closedLoop, openLoop } from '../../bench/load/loops.ts';
import type { LoopResult, OpenClients } from '../../bench/load/loops.ts';

const STALL_MS = 1_000;
const RATE = 200;
const SECONDS = 2;
const CONNECTIONS = 4;

/** Runs `load` against a server that answers at once, but holds everything back for a second from answer 50 on. */
async function againstStallingServer(load: (open: OpenClients) => Promise<LoopResult>): Promise<LoopResult> {
  let answers = 0;
  let heldBack: Promise<void> | null = null;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      answers += 1;
      // Held back and not blocked: the generator runs in this process too.
      if (answers === 50) heldBack = new Promise((resolve) => setTimeout(resolve, STALL_MS));
      void (heldBack ?? Promise.resolve()).then(() => response.end('{}'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const request = requestBytes('127.0.0.1', { path: '/', headers: {}, body: Buffer.from('{}') });
  try {
    return await load((onAnswer): Promise<LoadClient[]> => Promise.all(
      Array.from({ length: CONNECTIONS }, () => HttpClient.open('127.0.0.1', port, request, onAnswer))));
  } finally {
    server.close();
  }
}

describe('The load generator', () => {
  test('openLoop times every request from when it was due, so a stall of the server shows in all that fell into it', async () => {
    const { answered, failed, histogram } = await againstStallingServer((open) => openLoop(open, RATE, SECONDS));
    assert.equal(answered, RATE * SECONDS);
    assert.equal(failed, 0);
    // Whatever was due in the first half of the stall waited for the other half at least: 100 of the 400.
    const atLeastHalf = (STALL_MS / 2) * 1e3;
    const slowShare = 1 - histogram.getValueAtPercentile(76) / atLeastHalf;
    assert.ok(slowShare <= 0, `p76 is ${histogram.getValueAtPercentile(76)} us; wanted ${atLeastHalf} at least`);
    assert.ok(histogram.maxValue >= STALL_MS * 1e3 * 0.95, `the slowest took ${histogram.maxValue} us`);
  });

  test('openLoop counts nothing of its warm-up, and all that is due behind it', async () => {
    let seen = 0;
    const { answered, failed, histogram } = await againstStallingServer((open) =>
      openLoop(open, RATE, 1, { warmSeconds: 1, spinMs: 0, observe: () => (seen += 1) }));
    assert.deepEqual([answered, failed, seen, histogram.totalCount], [RATE, 0, RATE, RATE]);
  });

  test('closedLoop sends no more than its connections hold, so it sees the same stall a few times only', async () => {
    const { histogram } = await againstStallingServer((open) => closedLoop(open, SECONDS));
    assert.ok(histogram.maxValue >= STALL_MS * 1e3 * 0.95, `the slowest took ${histogram.maxValue} us`);
    const share = (CONNECTIONS * 100) / histogram.totalCount;
    assert.ok(histogram.getValueAtPercentile(100 - 2 * share) < STALL_MS * 1e3, 'more than the connections stalled');
  });
});
