// The demo's load process: a fixed number of clients that ask over kept-alive connections, each waiting for its answer
// before it asks again. Invariant: every request that is sent ends up either in a report or in `unanswered`.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { withTimeout } from '../../base/clock.ts';
import { tellParent } from '../../base/managed-child.ts';
import type { SeenAnswer, LoadCommand, LoadReport, StartLoad } from './messages.ts';

const REPORT_MS = 100;
/** After a stop an answer is waited for this long and then counts as missing. */
const LAST_ANSWER_MS_MAX = 10_000;
/** The demo's ledger keeps every answer, so there is an end to them. */
const REQUESTS_MAX = 1_000_000;

interface Question {
  readonly body: Buffer;
  readonly rightAnswer: number;
}

function questionsOf(trafficFile: string): Question[] {
  const { rows, labels } = JSON.parse(readFileSync(trafficFile, 'utf8')) as { rows: number[][]; labels: number[] };
  return rows.map((features, index) => ({
    body: Buffer.from(JSON.stringify({ features })),
    rightAnswer: labels[index] ?? NaN,
  }));
}

// Nobody is left to hear of a demo that has gone.
const tell = (report: LoadReport): Promise<void> => tellParent(report).catch(() => undefined);

class Load {
  readonly #options: StartLoad;
  readonly #questions: readonly Question[];
  readonly #agent: Agent;
  readonly #clients: Promise<void>[];
  readonly #timer: NodeJS.Timeout;
  readonly #unanswered = new Map<string, number>();
  #answers: SeenAnswer[] = [];
  #sent = 0;
  #pending = 0;
  #stopping = false;

  constructor(options: StartLoad) {
    const { connections, trafficFile } = options;
    this.#options = options;
    this.#questions = questionsOf(trafficFile);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#clients = Array.from({ length: connections }, (_, first) => this.#client(first));
    this.#timer = setInterval(() => void this.#report(), REPORT_MS);
  }

  async #client(first: number): Promise<void> {
    const { connections, thinkMs } = this.#options;
    for (let index = first; !this.#stopping && this.#sent < REQUESTS_MAX; index += connections) {
      await this.#ask(this.#questions[index % this.#questions.length]!);
      await sleep(thinkMs);
    }
  }

  async #ask({ body, rightAnswer }: Question): Promise<void> {
    const sentUs = hostUs();
    this.#sent += 1;
    this.#pending += 1;
    try {
      const { status, text } = await this.#post(body);
      this.#answers.push({ sentUs, answeredUs: hostUs(), status, ...whatItSays(text, rightAnswer) });
    } catch (error) {
      this.#missing(error instanceof Error && 'code' in error ? String(error.code) : String(error), 1);
    } finally {
      this.#pending -= 1;
    }
  }

  #post(body: Buffer): Promise<{ status: number; text: string }> {
    const { port, path } = this.#options;
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
    return new Promise((resolve, reject) => {
      const posted = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: this.#agent });
      posted.on('error', reject);
      posted.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      posted.end(body);
    });
  }

  #missing(reason: string, count: number): void {
    if (count > 0) this.#unanswered.set(reason, (this.#unanswered.get(reason) ?? 0) + count);
  }

  async #report(): Promise<void> {
    const answers = this.#answers;
    this.#answers = [];
    if (answers.length > 0) await tell({ kind: 'answers', answers });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await withTimeout(LAST_ANSWER_MS_MAX, Promise.all(this.#clients));
    clearInterval(this.#timer);
    this.#missing(`no answer within ${LAST_ANSWER_MS_MAX / 1_000} s`, this.#pending);
    await this.#report();
    await tell({ kind: 'done', sent: this.#sent, unanswered: Object.fromEntries(this.#unanswered) });
    this.#agent.destroy();
    process.disconnect();
  }
}

// Read directly: the comparison with the demo's own times must not depend on when each process took its offset.
function hostUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function whatItSays(text: string, rightAnswer: number): Pick<SeenAnswer, 'version' | 'deviation'> {
  const body = JSON.parse(text) as { prediction?: unknown; model_version?: string; error?: string };
  const { prediction } = body;
  // An error names the version that failed in its sentence.
  const version = body.model_version ?? / version "([^"]+)"/.exec(body.error ?? '')?.[1] ?? '';
  return { version, deviation: typeof prediction === 'number' ? prediction - rightAnswer : null };
}

let load: Load | null = null;
process.on('message', (command: LoadCommand) => {
  if (command.kind === 'start') load ??= new Load(command);
  else void load?.stop();
});
// Ctrl-C reaches the whole process group: the demo decides when the load ends, and without the demo there is none.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
