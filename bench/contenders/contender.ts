// What a measurement needs to know of a server under test: where it listens, what to send, whose CPU time counts.
import type { RequestText } from '../workloads.ts';

export interface Contender {
  readonly name: string;
  /** `http` requests, or frames of a WebSocket subprotocol. */
  readonly transport: 'http' | 'f32';
  readonly host: string;
  readonly port: number;
  /** The HTTP request, or the frame's payload as its body. */
  readonly request: RequestText;
  /** The process whose CPU time is counted, or null when nobody knows. */
  readonly pid: number | null;
  /** Rows that one request carries. */
  readonly rows: number;
}

/** A process that answers for one or several contenders. */
export interface RunningServer {
  readonly pid: number;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Contenders of one workload with the processes behind them, in the order in which they take turns. */
export interface Field {
  readonly contenders: readonly Contender[];
  readonly servers: readonly RunningServer[];
  /** Why a contender is missing. */
  readonly notes: readonly string[];
  stop(): Promise<void>;
}

/** Lets only the process behind `contender` run. */
export function giveTurn(field: Field, contender: Contender): void {
  for (const server of field.servers) {
    if (server.pid === contender.pid) server.resume();
    else server.pause();
  }
}
