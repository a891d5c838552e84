// What a person sees of the demo: a timeline with relative times, a live line on terminals, the counts at the end.
// Main thread. Invariant: what is piped holds no live lines, and no colours without a terminal that wants them.
import { styleText } from 'node:util';
import { failedOf, totalOf } from './ledger.ts';
import type { Counts, VersionCounts } from './ledger.ts';
import type { DemoReport } from './outcome.ts';

const COLUMNS_MAX = 104;
const COLUMNS_MIN = 40;
/** Room for "  12.3 s  ". */
const INDENT = 11;

type Tone = 'plain' | 'step' | 'good' | 'bad' | 'detail' | 'strong';
const STYLES: Readonly<Record<Exclude<Tone, 'plain'>, Parameters<typeof styleText>[0]>> = {
  step: 'cyan', good: 'green', bad: 'yellow', detail: 'dim', strong: 'bold',
};

interface ScreenOptions {
  readonly write: (text: string) => void;
  /** Lines may be overwritten. */
  readonly live: boolean;
  readonly colours: boolean;
  readonly columns: number;
  readonly nowMs: () => number;
}

/** The options for a stream such as stdout; times count from now. */
export function screenOf(stream: NodeJS.WriteStream, beganMs: number): ScreenOptions {
  const isTerminal = stream.isTTY;
  return {
    write: (text) => stream.write(text),
    live: isTerminal,
    colours: isTerminal && (process.env['NO_COLOR'] ?? '') === '',
    // Some terminals say that they have none.
    columns: isTerminal && stream.columns >= COLUMNS_MIN ? Math.min(stream.columns, COLUMNS_MAX) : COLUMNS_MAX,
    nowMs: () => performance.now() - beganMs,
  };
}

export class Screen {
  readonly #options: ScreenOptions;
  #isLiveShown = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /** A paragraph without a time. */
  text(text: string, tone: Tone = 'plain'): void {
    this.#lines(text, tone, '  ', '  ');
  }

  /** Something happened now, or at `atMs`. */
  event(text: string, tone: Tone = 'plain', atMs = this.#options.nowMs()): void {
    const time = `${(atMs / 1_000).toFixed(1)} s`.padStart(INDENT - 2) + '  ';
    this.#lines(grouped(text), tone, time, ' '.repeat(INDENT));
  }

  /** More about the last event. */
  detail(text: string, tone: Tone = 'detail'): void {
    this.#lines(grouped(text), tone, ' '.repeat(INDENT), ' '.repeat(INDENT + 2));
  }

  blank(): void {
    this.#clearLive();
    this.#options.write('\n');
  }

  /** The state of this second, overwritten by the next line; nothing when the output is no terminal. */
  live(text: string): void {
    if (!this.#options.live) return;
    this.#clearLive();
    const fitting = `${' '.repeat(INDENT)}${text}`.slice(0, this.#options.columns - 1);
    this.#options.write(this.#styled(fitting, 'detail'));
    this.#isLiveShown = true;
  }

  /** The counts, what went wrong, and what to do next. */
  summary({ ok, problems, counts, tookMs }: DemoReport): void {
    const { sent, answered, dropped, byVersion, rollbacks } = counts;
    const number = (value: number): string => value.toLocaleString('en-US');
    this.blank();
    const sums = `sent ${number(sent)}   answered ${number(answered)}   dropped ${number(dropped)}`;
    this.text(sums, dropped === 0 ? 'strong' : 'bad');
    for (const [version, entry] of Object.entries(byVersion)) {
      const errors = failedOf(entry) === 0 ? '' : `   of them errors: ${errorsText(entry)}`;
      this.text(`   ${nameOf(version).padEnd(16)}${number(totalOf(entry)).padStart(9)} answers${errors}`, 'detail');
    }
    const took = `(the demo took ${(tookMs / 1_000).toFixed(0)} s)`;
    this.text(
      `rollbacks by the monitor: ${rollbacks.happened} of ${rollbacks.wanted}   ${took}`,
      rollbacks.happened === rollbacks.wanted ? 'strong' : 'bad',
    );
    for (const problem of problems) this.text(`PROBLEM: ${problem}`, 'bad');
    if (ok) this.text('Every answer came from a version that was active while its request was pending.', 'good');
    this.blank();
    this.text('Next: "npm start" serves the demo models on 127.0.0.1:8080 and prints requests to try.');
  }

  /** Leaves no half-written line behind. */
  end(): void {
    this.#clearLive();
  }

  #lines(text: string, tone: Tone, first: string, next: string): void {
    this.#clearLive();
    wrapped(text, this.#options.columns - next.length).forEach((line, index) => {
      this.#options.write(`${index === 0 ? this.#styled(first, 'detail') : next}${this.#styled(line, tone)}\n`);
    });
  }

  #clearLive(): void {
    if (this.#isLiveShown) this.#options.write('\r\x1b[2K');
    this.#isLiveShown = false;
  }

  #styled(text: string, tone: Tone): string {
    return this.#options.colours && tone !== 'plain' ? styleText(STYLES[tone], text) : text;
  }
}

/** "version 2", or who answers when no version does. */
export function nameOf(version: string): string {
  return version === '' ? 'no version' : `version ${version}`;
}

/** "1364 from version fragile (of them 150 answered with 500), 12 from version 2". */
export function countsText(counts: Counts): string {
  const parts = Object.entries(counts).map(([version, entry]) => {
    const errors = failedOf(entry) === 0 ? '' : ` (of them ${errorsText(entry)})`;
    return `${totalOf(entry)} from ${nameOf(version)}${errors}`;
  });
  return parts.join(', ') || 'none';
}

const errorsText = ({ failed }: VersionCounts): string =>
  Object.entries(failed).map(([status, count]) => `${count} answered with ${status}`).join(', ');

// 206855 is read as 206,855; decimals and ids in words stay as they are.
function grouped(text: string): string {
  return text.replace(/(?<![\w.-])\d{4,}(?![\w-])/g, (digits) => Number(digits).toLocaleString('en-US'));
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const word of text.split(' ')) {
    const longer: string = line === null ? word : `${line} ${word}`;
    if (line !== null && longer.length > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line ?? ''];
}
