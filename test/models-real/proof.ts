// Proves a group of real models on the real executable: each is registered and asked over every protocol that fits,
// alone and among odd rows of other clients; then comes a second version, a rollback, a restart, and the library.
import type { Registration } from '../../src/admin/answers.ts';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { Signature, StackingDecision } from '../../src/domain/records.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { Server } from '../support/binary.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import type { Question, RealModel } from './collection.ts';
import { differenceOf } from './compare.ts';
import { askLibrary } from './library.ts';
import { Lines } from './lines.ts';
import { LIBRARY, WAYS } from './ways.ts';
import type { Asked, Reply, Way } from './ways.ts';

/** Odd rows in company for each honest one. */
const ODD_FOR_EACH = 3;
const ACTOR = { by: 'test' };
/** Ways in which the second version and the one gone back to are asked. */
const SHORT = ['/predict', 'OIP binary'];

/** What the run saw of a model. */
export interface Evidence {
  readonly model: RealModel;
  readonly signature: Signature;
  readonly stacking: StackingDecision['mode'];
  readonly stackingReason: string;
  readonly ways: readonly string[];
  /** Answers that were compared. */
  readonly answers: number;
  readonly worst: number;
  readonly wrong: readonly string[];
}

class Findings {
  readonly ways = new Set<string>();
  readonly wrong: string[] = [];
  answers = 0;
  worst = 0;

  add(model: RealModel, where: string, way: string, questions: readonly Question[], version: string,
    replies: readonly Reply[]): void {
    this.ways.add(way);
    questions.forEach(({ answers, form }, at) => {
      const found = differenceOf(replies[at]!, answers[version]!, model);
      this.answers += 1;
      if ('wrong' in found) this.wrong.push(`${model.name} over ${way}, ${where}, ${form} ${at}: ${found.wrong}`);
      else this.worst = Math.max(this.worst, found.worst);
    });
  }
}

interface Proven {
  readonly asked: Asked;
  readonly findings: Findings;
  /** What version 1 answered at first, by way. */
  readonly first: Map<string, readonly Reply[]>;
  readonly stacking: StackingDecision;
}

export class Proof {
  readonly #dataDir = temporaryDirectory();
  readonly #proven = new Map<string, Proven>();
  readonly #ways: readonly Way[];
  readonly #oddForEach: number;
  #server: Server | undefined;
  #lines: Lines | undefined;

  /** With fewer `ways`, or fewer odd rows for each honest one, than a small model is asked. */
  constructor(ways = WAYS, oddForEach = ODD_FOR_EACH) {
    this.#ways = ways;
    this.#oddForEach = oddForEach;
  }

  /** The process of the engine. */
  get pid(): number {
    return this.#server!.pid;
  }

  async start(): Promise<void> {
    // The odd rows would have any judge act, and a busy host is no wrong answer.
    const args = ['--workers', '1', '--judge-mode', 'observe', '--deadline-ms', '300000', '--log-level', 'error'];
    this.#server = await Server.start(this.#dataDir, args);
    this.#lines = new Lines(this.#server.port);
  }

  /** All that is asked of one model while the engine runs. */
  async prove(model: RealModel): Promise<Evidence> {
    const admin = await this.#admin();
    const register = (version: string): Promise<Registration> =>
      admin.register({ model: model.name, file: model.files[version]![0]!, promote: true }, ACTOR);
    const { version } = await register('1');
    const asked: Asked = { model, signature: version.signature };
    const stacking = version.stacking ?? { mode: 'rows', reason: 'unknown' };
    const proven: Proven = { asked, findings: new Findings(), first: new Map(), stacking };
    this.#proven.set(model.name, proven);
    proven.findings.wrong.push(...labelOffences(model, version.signature));
    for (const way of this.#ways) {
      await this.#alone(proven, way, '1', 'alone');
      await this.#inCompany(proven, way, '1');
    }
    if (model.files['2'] !== undefined) {
      await register('2');
      for (const way of this.#short) await this.#alone(proven, way, '2', 'version 2');
      await this.#inCompany(proven, this.#ways[0]!, '2');
      await admin.rollback({ model: model.name, to: '1' }, ACTOR);
      await this.#again(proven, 'after a rollback');
    }
    return this.evidenceOf(model);
  }

  evidenceOf(model: RealModel): Evidence {
    const proven = this.#proven.get(model.name);
    if (proven === undefined) throw new Error(`tell of model "${model.name}": it was not proven, see its own test`);
    const { asked: { signature }, findings: { ways, answers, worst, wrong }, stacking: { mode, reason } } = proven;
    return { model, signature, stacking: mode, stackingReason: reason, ways: [...ways], answers, worst, wrong };
  }

  /** Ends the engine, starts another one, and asks version 1 of all again. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.start();
    for (const proven of this.#proven.values()) await this.#again(proven, 'after a restart');
  }

  /** Ends the engine, and asks the library on the same directory. */
  async library(): Promise<void> {
    await this.#stop();
    const engine = await createEngine({ dataDir: this.#dataDir, workers: 1, judge: { mode: 'observe' } });
    try {
      for (const { asked, findings } of this.#proven.values()) {
        const { questions, replies } = await askLibrary(engine, asked);
        if (questions.length > 0) findings.add(asked.model, 'at once', LIBRARY, questions, '1', replies);
      }
    } finally {
      await engine.close();
    }
  }

  async close(): Promise<void> {
    await this.#stop();
  }

  get #short(): Way[] {
    return this.#ways.filter(({ name }) => SHORT.includes(name));
  }

  async #admin(): Promise<AdminClient> {
    const admin = await connectAdmin(this.#dataDir);
    if (admin === null) throw new Error('ask the engine of the real models: nobody listens at its admin socket');
    return admin;
  }

  async #stop(): Promise<void> {
    this.#lines?.close();
    const code = await this.#server?.stop();
    this.#server = undefined;
    if (code !== undefined && code !== 0) throw new Error(`stop the engine of the real models: exit code ${code}`);
  }

  async #alone({ asked, findings, first }: Proven, way: Way, version: string, where: string): Promise<void> {
    const questions = asked.model.questions.filter((question) => way.fits(asked, question));
    const replies: Reply[] = [];
    for (const question of questions) replies.push(...(await way.ask(this.#lines!, asked, [question])));
    if (version === '1' && !first.has(way.name)) first.set(way.name, replies);
    if (questions.length > 0) findings.add(asked.model, where, way.name, questions, version, replies);
  }

  // Each honest client among several odd ones of its own protocol, and more of another.
  async #inCompany({ asked, findings }: Proven, way: Way, version: string): Promise<void> {
    const { model } = asked;
    const questions = model.questions.filter((question) => way.fits(asked, question));
    if (questions.length === 0) return;
    const odd = model.wild.filter((question) => way.fits(asked, question));
    const other = this.#ways[(this.#ways.indexOf(way) + 1) % this.#ways.length]!;
    const beside = model.wild.filter((question) => other.fits(asked, question));
    const all = questions.flatMap((question, at) => [
      ...Array.from({ length: odd.length === 0 ? 0 : this.#oddForEach }, (_, more) =>
        odd[(at * this.#oddForEach + more) % odd.length]!),
      question,
    ]);
    const [replies] = await Promise.all([
      way.ask(this.#lines!, asked, all), other.ask(this.#lines!, asked, beside)]);
    findings.add(model, 'in company', way.name, questions, version,
      questions.map((question) => replies[all.indexOf(question)]!));
  }

  // Version 1 has to answer as it did at first, to the last bit.
  async #again(proven: Proven, where: string): Promise<void> {
    const { asked: { model }, findings, first } = proven;
    for (const way of this.#short) {
      const before = first.get(way.name) ?? [];
      first.delete(way.name);
      await this.#alone(proven, way, '1', where);
      const now = first.get(way.name) ?? [];
      now.forEach((reply, at) => {
        if (written(reply) !== written(before[at])) {
          findings.wrong.push(`${model.name} over ${way.name}, ${where}, ${at}: other bits than at first`);
        }
      });
    }
  }
}

const written = (reply: Reply | undefined): string => JSON.stringify(reply, (_, value: unknown) =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value);

/** What a sequence of maps had for keys has to be the names of the classes. */
function labelOffences({ name, outputs: wanted }: RealModel, { outputs }: Signature): string[] {
  return wanted.flatMap(({ labels }, at) => {
    const said = outputs[at]?.labels?.map(String);
    return labels === undefined || labels.join() === said?.join() ? [] :
      [`${name}: the classes of output ${at} are called ${String(said)}; wanted ${labels.join()}`];
  });
}
