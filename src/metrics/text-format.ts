// The Prometheus text format, version 0.0.4. Pure. Written here because the libraries that write it only publish
// histograms that they counted themselves, and these are counted in another thread.
import type { Bounds, Histogram } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelledValue = readonly [labels: Labels, value: number];
export type LabelledHistogram = readonly [labels: Labels, histogram: Histogram];

/** Collects families of metrics; each is written whole, with its help, also when it has no values yet. */
export class MetricText {
  #text = '';

  counter(name: string, help: string, values: Iterable<LabelledValue>): void {
    this.#family(name, 'counter', help, values);
  }

  gauge(name: string, help: string, values: Iterable<LabelledValue>): void {
    this.#family(name, 'gauge', help, values);
  }

  /** `perUnit` numbers of the histogram are one of the family's unit: 1e6 turns µs into seconds. */
  histogram(name: string, help: string, bounds: Bounds, perUnit: number, series: Iterable<LabelledHistogram>): void {
    this.#head(name, 'histogram', help);
    const les = bounds.map((bound) => `le="${bound / perUnit}"} `);
    for (const [labels, { counts, sum }] of series) {
      // A histogram has many lines: its labels are written once, or a scrape would hold the main thread up.
      const text = labelText(labels);
      const bucket = `${name}_bucket{${text}${text === '' ? '' : ','}`;
      let lines = '';
      let count = 0;
      for (let at = 0; at < counts.length; at += 1) {
        count += counts[at]!;
        lines += `${bucket}${les[at] ?? 'le="+Inf"} '}${count}\n`;
      }
      const braced = text === '' ? '' : `{${text}}`;
      this.#text += `${lines}${name}_sum${braced} ${sum / perUnit}\n${name}_count${braced} ${count}\n`;
    }
  }

  toString(): string {
    return this.#text;
  }

  #family(name: string, type: string, help: string, values: Iterable<LabelledValue>): void {
    this.#head(name, type, help);
    for (const [labels, value] of values) {
      const text = labelText(labels);
      this.#text += `${name}${text === '' ? '' : `{${text}}`} ${numberText(value)}\n`;
    }
  }

  #head(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n`;
  }
}

function labelText(labels: Labels): string {
  let text = '';
  for (const label in labels) {
    const value = labels[label]!;
    const safe = SPECIAL.test(value) ? value.replace(ALL_SPECIAL, escaped) : value;
    text += `${text === '' ? '' : ','}${label}="${safe}"`;
  }
  return text;
}

const SPECIAL = /["\\\n]/;
const ALL_SPECIAL = /["\\\n]/g;

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
