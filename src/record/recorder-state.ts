// What is recorded: takes the monitor's commands, drains the rings of whole rows (and those of requests that no worker
// answered), and makes lines of them in the order of time. Recorder thread; time is an argument everywhere. Rows of a
// generation that is not announced yet wait for it, up to a limit, so that its promote line stands before them.
import type { AttachRings, WatchGeneration } from '../judge/types/messages.ts';
import { RowReader, rowRingOffset } from '../shared-memory/row-ring.ts';
import type { RingRow } from '../shared-memory/row-ring.ts';
import { SampleKind, SampleReader, sampleRingOffset, Outcome } from '../shared-memory/sample-ring.ts';
import { NOT_ASKED } from '../shared-memory/source-ids.ts';
import type { KnownChange } from './line-text.ts';
import { gapText, promoteText, repeatText, sampleText } from './line-text.ts';
import type { RecorderCommand } from './twin-answers.ts';
import { TwinAnswers } from './twin-answers.ts';

/** Rows that wait for the announcement of their generation. */
const HELD_ROWS_MAX = 16_384;
/** How long a row waits for what the version before answers to it, and how much may wait so. */
const TWIN_WAIT_US = 3e6;
const WAITING_ROWS_MAX = 16_384;
const WAITING_NUMBERS_MAX = 2_097_152;
/** Rows of one ring that are taken at a time. */
const DRAIN_ROWS = 8_192;

type Row = Pick<RingRow, 'generation' | 'outcome' | 'row' | 'latencyUs' | 'input' | 'source' | 'atUs' |
  'outputs' | 'inputs'>;

interface Group {
  readonly command: AttachRings;
  readonly readers: readonly RowReader[];
  /** The main thread's ring. */
  readonly samples: readonly SampleReader[];
}
interface Model {
  readonly groups: Map<number, Group>;
  readonly versions: Map<number, string>;
  watched: WatchGeneration | null;
  /** What was watched before the lines that were made last. */
  watchedBefore: WatchGeneration | null;
  /** Samples whose lines were made, and those before the lines that were made last. */
  samples: number;
  samplesBefore: number;
  held: HeldRow[];
  /** Of the generation that is watched, in the order of time, and the numbers in them. */
  waiting: HeldRow[];
  waitingNumbers: number;
  readonly twins: TwinAnswers;
  known: { readonly generation: number; readonly change: KnownChange } | null;
}
interface HeldRow {
  readonly row: Row;
  readonly group: Group;
}

type RepeatedCommand = Extract<RecorderCommand, { kind: 'repeated' }>;

const NO_NUMBERS = new Float64Array(0);
const NO_BYTES = new Uint8Array(0);

export class RecorderState {
  /** Wall-clock milliseconds at monotonic 0. */
  readonly #wallAtZeroMs: number;
  readonly #models = new Map<string, Model>();
  #lost = 0;
  #lappedBefore = 0;
  /** The newest time before the lines that were made last, and that of all lines. */
  #beforeUs = 0;
  #lastUs = 0;
  /** Since when lines are not written, and how many samples of each model had been before. */
  #gap: { readonly sinceMs: number; readonly samples: ReadonlyMap<string, number> } | null = null;

  constructor(wallMs: number, nowUs: number) {
    this.#wallAtZeroMs = wallMs - nowUs / 1_000;
  }

  /** Rows that were overwritten before they were recorded, or too large, or waited in vain. */
  get lost(): number {
    let lost = this.#lost + this.#lappedBefore;
    for (const { groups } of this.#models.values()) for (const group of groups.values()) lost += lostBy(group);
    return lost;
  }

  /** Carries out a command and returns the lines that it brings. */
  handle(command: RecorderCommand, nowUs: number): string {
    switch (command.kind) {
      case 'attach': {
        const { groups } = this.#model(command.model);
        if (!groups.has(command.deploymentId)) groups.set(command.deploymentId, groupOf(command));
        return '';
      }
      case 'detach': {
        const { groups } = this.#model(command.model);
        const lines = this.drain(nowUs);
        const group = groups.get(command.deploymentId);
        if (group !== undefined) this.#lappedBefore += lostBy(group);
        groups.delete(command.deploymentId);
        return lines;
      }
      case 'watch':
        return this.#watch(command, nowUs);
      case 'unwatch':
        return this.drain(nowUs) + this.#release(this.#model(command.model), Infinity);
      case 'known': {
        const { generation, model, expect, expected, pairs } = command;
        const change = { ...(expect !== undefined && { expect }), ...(expected !== undefined && { expected }), pairs };
        this.#model(model).known = { generation, change };
        return '';
      }
      case 'twin':
        this.#model(command.model).twins.add(command);
        return '';
      case 'repeated':
        return this.#repeated(command, nowUs);
      default:
        return '';
    }
  }

  #watch(command: WatchGeneration, nowUs: number): string {
    const model = this.#model(command.model);
    // A monitor that was started again is told everything anew.
    if (model.watched !== null && model.watched.generation >= command.generation) return '';
    const before = this.drain(nowUs) + this.#release(model, Infinity);
    model.twins.begin(command.generation);
    model.watched = command;
    model.versions.set(command.generation, command.version);
    const ready = model.held.filter(({ row }) => row.generation <= command.generation);
    model.held = model.held.filter(({ row }) => row.generation > command.generation);
    const atUs = Math.min(nowUs, ready[0]?.row.atUs ?? nowUs);
    this.#lastUs = Math.max(this.#lastUs, atUs, ready.at(-1)?.row.atUs ?? 0);
    const about = { model: command.model, version: command.version, tMs: this.#wallMs(atUs) };
    const promote = promoteText(about, command.baseline, false, knownOf(model, command));
    return before + promote + ready.map(({ row, group }) => this.#text(model, group, row)).join('');
  }

  /**
   * The lines that a new file begins with, for when the lines that were made last do not fit into the old one any more:
   * what answered before them, so a promote line among them still comes.
   */
  head(): string {
    let lines = '';
    for (const about of this.#models.values()) {
      const { watchedBefore } = about;
      if (watchedBefore === null) continue;
      const { model, version, baseline } = watchedBefore;
      const tMs = this.#wallMs(this.#beforeUs);
      lines += promoteText({ model, version, tMs }, baseline, true, knownOf(about, watchedBefore));
    }
    return lines;
  }

  /** The lines that were made last were not written, nor will those be that are made until `endGap`. */
  beginGap(): void {
    const samples = new Map([...this.#models].map(([name, { samplesBefore }]) => [name, samplesBefore]));
    this.#gap = { sinceMs: this.#wallMs(this.#beforeUs), samples };
  }

  /** The lines that tell of the gap before the lines that were made last, and what answers after it. */
  gap(): { readonly lines: string; readonly samples: number } {
    const { sinceMs, samples: written } = this.#gap ?? { sinceMs: 0, samples: new Map<string, number>() };
    let lines = this.head();
    let missing = 0;
    for (const [name, { watchedBefore, samplesBefore }] of this.#models) {
      if (watchedBefore === null) continue;
      const samples = samplesBefore - (written.get(name) ?? 0);
      missing += samples;
      const about = { model: name, version: watchedBefore.version, tMs: this.#wallMs(this.#beforeUs) };
      lines += gapText(about, { sinceMs, samples });
    }
    return { lines, samples: missing };
  }

  endGap(): void {
    this.#gap = null;
  }

  #repeated({ model: name, generation, own, shared, passed }: RepeatedCommand, nowUs: number): string {
    const model = this.#model(name);
    const version = model.versions.get(generation);
    if (version === undefined || generation !== model.watched?.generation) return '';
    // The requests came before they were asked again.
    const lines = this.drain(nowUs);
    const tMs = this.#wallMs(Math.max(this.#lastUs, this.#beforeUs));
    return lines + repeatText({ model: name, version, tMs }, { own, shared, passed });
  }

  /** Takes in what the rings hold and returns its lines, but for rows that wait at `nowUs`; Infinity: nothing waits. */
  drain(nowUs = Infinity): string {
    const found: { readonly row: Row; readonly group: Group; readonly model: Model }[] = [];
    for (const model of this.#models.values()) {
      model.watchedBefore = model.watched;
      model.samplesBefore = model.samples;
      for (const group of model.groups.values()) drainGroup(group, (row) => found.push({ row, group, model }));
    }
    found.sort((a, b) => a.row.atUs - b.row.atUs);
    this.#beforeUs = this.#lastUs;
    let lines = '';
    for (const { row, group, model } of found) {
      const watched = model.watched?.generation ?? 0;
      if (row.generation === watched && (row.generation === model.twins.generation || model.waiting.length > 0)) {
        model.waiting.push({ row: copyOf(row), group });
        model.waitingNumbers += row.outputs.length + row.inputs.length / 8;
      } else if (row.generation <= watched) lines += this.#written(model, { row, group });
      else if (model.held.length < HELD_ROWS_MAX) model.held.push({ row: copyOf(row), group });
      else this.#lost += 1;
    }
    for (const model of this.#models.values()) lines += this.#release(model, nowUs - TWIN_WAIT_US);
    return lines;
  }

  // The lines of rows up to `untilUs`, and of those for which there is no room.
  #release(model: Model, untilUs: number): string {
    let lines = '';
    let count = 0;
    for (const held of model.waiting) {
      const isOver = model.waiting.length - count > WAITING_ROWS_MAX || model.waitingNumbers > WAITING_NUMBERS_MAX;
      if (held.row.atUs > untilUs && !isOver) break;
      count += 1;
      model.waitingNumbers -= held.row.outputs.length + held.row.inputs.length / 8;
      lines += this.#written(model, held);
    }
    if (count > 0) model.waiting = model.waiting.slice(count);
    return lines;
  }

  #written(model: Model, { row, group }: HeldRow): string {
    this.#lastUs = Math.max(this.#lastUs, row.atUs);
    return this.#text(model, group, row);
  }

  #text(model: Model, { command }: Group, row: Row): string {
    const { versions, twins } = model;
    const version = command.version ?? versions.get(row.generation);
    if (version === undefined) return '';
    model.samples += 1;
    const about = { model: command.model, version, tMs: this.#wallMs(row.atUs) };
    const twin = row.generation === twins.generation ? twins.take(row) : null;
    return sampleText(about, row, command.records?.signature ?? null, twin);
  }

  #wallMs(atUs: number): number {
    return this.#wallAtZeroMs + atUs / 1_000;
  }

  #model(name: string): Model {
    let model = this.#models.get(name);
    if (model === undefined) {
      model = {
        groups: new Map(), versions: new Map(), watched: null, watchedBefore: null, samples: 0, samplesBefore: 0,
        held: [], waiting: [],
        waitingNumbers: 0, twins: new TwinAnswers(), known: null,
      };
      this.#models.set(name, model);
    }
    return model;
  }
}

// What was told of this very generation.
const knownOf = ({ known }: Model, { generation }: WatchGeneration): KnownChange | null =>
  (known?.generation === generation ? known.change : null);

function groupOf(command: AttachRings): Group {
  const { records, memory, rings, capacity, version } = command;
  return {
    command,
    readers: records === null || records === undefined ? [] : Array.from({ length: rings }, (_, ring) =>
      new RowReader(records.memory, rowRingOffset(ring, records.size), records.size)),
    samples: version !== null ? [] : Array.from({ length: rings }, (_, ring) =>
      new SampleReader(memory, sampleRingOffset(ring, capacity), capacity)),
  };
}

const lostBy = ({ readers, samples }: Group): number =>
  readers.reduce((sum, { lapped, skipped }) => sum + lapped + skipped, 0) +
  samples.reduce((sum, { lapped }) => sum + lapped, 0);

function drainGroup({ readers, samples }: Group, visit: (row: Row) => void): void {
  for (const reader of readers) reader.drain((row) => visit(copyOf(row)), DRAIN_ROWS);
  for (const reader of samples) {
    reader.drain(({ kind, outcome, generation, latencyUs, input, atUs }) => {
      if (kind !== SampleKind.request || outcome === Outcome.clientFault || outcome === Outcome.expired) return;
      const source = NOT_ASKED;
      visit({ generation, outcome, row: 0, latencyUs, input, source, atUs, outputs: NO_NUMBERS, inputs: NO_BYTES });
    });
  }
}

const copyOf = (row: Row): Row => ({ ...row, outputs: row.outputs.slice(), inputs: row.inputs.slice() });
