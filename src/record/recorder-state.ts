// What is recorded: takes the monitor's commands, drains the rings of whole rows (and those of requests that no worker
// answered), and makes lines of them in the order of time. Recorder thread; time is an argument everywhere. Rows of a
// generation that is not announced yet wait for it, up to a limit, so that its promote line stands before them.
import type { AttachRings, MonitorCommand, WatchGeneration } from '../judge/types/messages.ts';
import { RowReader, rowRingOffset } from '../shared-memory/row-ring.ts';
import type { RingRow } from '../shared-memory/row-ring.ts';
import { SampleKind, SampleReader, sampleRingOffset, Outcome } from '../shared-memory/sample-ring.ts';
import { promoteText, sampleText } from './line-text.ts';

/** Rows that wait for the announcement of their generation. */
const HELD_ROWS_MAX = 16_384;
/** Rows of one ring that are taken at a time. */
const DRAIN_ROWS = 8_192;

type Row = Pick<RingRow, 'generation' | 'outcome' | 'row' | 'latencyUs' | 'input' | 'atUs' | 'outputs' | 'inputs'>;

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
  held: { readonly row: Row; readonly group: Group }[];
}

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
  handle(command: MonitorCommand, nowUs: number): string {
    switch (command.kind) {
      case 'attach': {
        const { groups } = this.#model(command.model);
        if (!groups.has(command.deploymentId)) groups.set(command.deploymentId, groupOf(command));
        return '';
      }
      case 'detach': {
        const { groups } = this.#model(command.model);
        const lines = this.drain();
        const group = groups.get(command.deploymentId);
        if (group !== undefined) this.#lappedBefore += lostBy(group);
        groups.delete(command.deploymentId);
        return lines;
      }
      case 'watch':
        return this.#watch(command, nowUs);
      case 'unwatch':
        return this.drain();
      default:
        return '';
    }
  }

  #watch(command: WatchGeneration, nowUs: number): string {
    const model = this.#model(command.model);
    // A monitor that was started again is told everything anew.
    if (model.watched !== null && model.watched.generation >= command.generation) return '';
    const before = this.drain();
    model.watched = command;
    model.versions.set(command.generation, command.version);
    const ready = model.held.filter(({ row }) => row.generation <= command.generation);
    model.held = model.held.filter(({ row }) => row.generation > command.generation);
    const atUs = Math.min(nowUs, ready[0]?.row.atUs ?? nowUs);
    this.#lastUs = Math.max(this.#lastUs, atUs, ready.at(-1)?.row.atUs ?? 0);
    const promote = promoteText(
      { model: command.model, version: command.version, tMs: this.#wallMs(atUs) }, command.baseline, false);
    return before + promote + ready.map(({ row, group }) => this.#text(model, group, row)).join('');
  }

  /**
   * The lines that a new file begins with, for when the lines that were made last do not fit into the old one any more:
   * what answered before them, so a promote line among them still comes.
   */
  head(): string {
    let lines = '';
    for (const { watchedBefore } of this.#models.values()) {
      if (watchedBefore === null) continue;
      const { model, version, baseline } = watchedBefore;
      lines += promoteText({ model, version, tMs: this.#wallMs(this.#beforeUs) }, baseline, true);
    }
    return lines;
  }

  /** Takes in what the rings hold and returns its lines. */
  drain(): string {
    const found: { readonly row: Row; readonly group: Group; readonly model: Model }[] = [];
    for (const model of this.#models.values()) {
      model.watchedBefore = model.watched;
      for (const group of model.groups.values()) drainGroup(group, (row) => found.push({ row, group, model }));
    }
    found.sort((a, b) => a.row.atUs - b.row.atUs);
    this.#beforeUs = this.#lastUs;
    let lines = '';
    for (const { row, group, model } of found) {
      if (row.generation <= (model.watched?.generation ?? 0)) {
        lines += this.#text(model, group, row);
        this.#lastUs = Math.max(this.#lastUs, row.atUs);
      } else if (model.held.length < HELD_ROWS_MAX) model.held.push({ row: copyOf(row), group });
      else this.#lost += 1;
    }
    return lines;
  }

  #text({ versions }: Model, { command }: Group, row: Row): string {
    const version = command.version ?? versions.get(row.generation);
    if (version === undefined) return '';
    const about = { model: command.model, version, tMs: this.#wallMs(row.atUs) };
    return sampleText(about, row, command.records?.signature ?? null);
  }

  #wallMs(atUs: number): number {
    return this.#wallAtZeroMs + atUs / 1_000;
  }

  #model(name: string): Model {
    let model = this.#models.get(name);
    if (model === undefined) {
      model = { groups: new Map(), versions: new Map(), watched: null, watchedBefore: null, held: [] };
      this.#models.set(name, model);
    }
    return model;
  }
}

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
      visit({ generation, outcome, row: 0, latencyUs, input, atUs, outputs: NO_NUMBERS, inputs: NO_BYTES });
    });
  }
}

const copyOf = (row: Row): Row => ({ ...row, outputs: row.outputs.slice(), inputs: row.inputs.slice() });
