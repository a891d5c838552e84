// Entry of the load generator's own process: reads its orders as JSON from its argument, prints its result as JSON.
import { HttpClient, requestBytes } from './http-client.ts';
import type { LoadClient, OnAnswer } from './http-client.ts';
import { closedLoop, openLoop } from './loops.ts';
import { SocketClient } from './socket-client.ts';

/** What the generator is to do; bodies travel as base64. */
export interface LoadOrder {
  readonly transport: 'http' | 'f32';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  /** Frames that one WebSocket may have in flight; HTTP has one request. */
  readonly inFlight: number;
  readonly seconds: number;
  /** Requests a second, or null for a closed loop. */
  readonly rate: number | null;
  /** Load before the seconds that count. */
  readonly warmSeconds: number;
}

export interface LoadReport {
  readonly seconds: number;
  readonly answered: number;
  readonly allAnswered: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly cpuSeconds: number;
  /** Share of the core that the generator's loop was not waiting. */
  readonly loopShare: number;
}

async function run(order: LoadOrder): Promise<LoadReport> {
  const { transport, host, port, path, headers, connections, inFlight, seconds, rate, warmSeconds } = order;
  const body = Buffer.from(order.body, 'base64');
  const request = requestBytes(host, { path, headers, body });
  const open = (onAnswer: OnAnswer): Promise<LoadClient[]> => Promise.all(
    Array.from({ length: connections }, () => transport === 'http'
      ? HttpClient.open(host, port, request, onAnswer)
      : SocketClient.open(host, port, path, body, inFlight, onAnswer)));
  const before = process.cpuUsage();
  const { histogram, ...counts } = rate === null
    ? await closedLoop(open, seconds, warmSeconds)
    : await openLoop(open, rate, seconds, { warmSeconds });
  const { user, system } = process.cpuUsage(before);
  return {
    ...counts,
    p50Us: histogram.getValueAtPercentile(50),
    p99Us: histogram.getValueAtPercentile(99),
    p999Us: histogram.getValueAtPercentile(99.9),
    cpuSeconds: (user + system) / 1e6,
    loopShare: performance.eventLoopUtilization().utilization,
  };
}

const report = await run(JSON.parse(process.argv[2] ?? '{}') as LoadOrder);
process.stdout.write(`${JSON.stringify(report)}\n`);
