// A strict reader of the Prometheus text format, for tests: it throws on whatever the format does not allow, and checks
// that every histogram agrees with itself.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = new Set(['counter', 'gauge', 'histogram']);
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y;

/** All families of a text, by name. */
export function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the text does not end with a line break');
  const families = new Map<string, Family>();
  const lines = text.slice(0, -1).split('\n');
  let family: Family | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    if (help !== null) {
      const type = /^# TYPE (\S+) (\S+)$/.exec(lines[(at += 1)] ?? '');
      const name = help[1]!;
      if (type?.[1] !== name || !TYPES.has(type[2]!) || !NAME.test(name)) throw new Error(`bad head of ${name}`);
      if (families.has(name)) throw new Error(`family ${name} comes twice`);
      if (type[2] === 'counter' && !/_total$|^nv_/.test(name)) throw new Error(`counter ${name} is no _total`);
      families.set(name, (family = { name, type: type[2]!, help: help[2]!, samples: [] }));
      continue;
    }
    if (family === undefined) throw new Error(`"${line}" belongs to no family`);
    family.samples.push(parseSample(line, family));
  }
  for (const one of families.values()) check(one);
  return families;
}

function parseSample(line: string, family: Family): Sample {
  const [, name = '', labelText = '', number = ''] = SAMPLE.exec(line) ?? [];
  const suffix = family.type === 'histogram' ? name.slice(family.name.length) : '';
  if (name !== family.name + suffix) throw new Error(`"${line}" is no sample of ${family.name}`);
  if (family.type === 'histogram' && !['_bucket', '_sum', '_count'].includes(suffix)) throw new Error(`bad "${line}"`);
  const value = number === '+Inf' ? Infinity : number === '-Inf' ? -Infinity : Number(number);
  if (number === '' || (Number.isNaN(value) && number !== 'NaN')) throw new Error(`"${line}" has no number`);
  if (family.type !== 'gauge' && !(value >= 0)) throw new Error(`"${line}" counts below 0`);
  return { name, labels: parseLabels(labelText), value };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`labels {${text}} cannot be read from "${text.slice(at)}" on`);
    const label = match[1]!;
    if (label in labels) throw new Error(`label ${label} comes twice`);
    labels[label] = match[2]!.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
  }
  return labels;
}

function check({ name, type, samples }: Family): void {
  const seen = new Set<string>();
  for (const { name: of, labels } of samples) {
    const key = of + JSON.stringify(Object.entries(labels).sort());
    if (seen.has(key)) throw new Error(`${key} comes twice`);
    seen.add(key);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const bySeries = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify({ ...sample.labels, le: '' });
    bySeries.set(key, [...(bySeries.get(key) ?? []), sample]);
  }
  for (const [key, series] of bySeries) {
    const buckets = series.filter((one) => one.name === `${name}_bucket`);
    const sums = series.filter((one) => one.name === `${name}_sum`);
    const counts = series.filter((one) => one.name === `${name}_count`);
    if (sums.length !== 1 || counts.length !== 1) throw new Error(`${name}${key} lacks its sum or count`);
    const bounds = buckets.map(({ labels }) => (labels['le'] === '+Inf' ? Infinity : Number(labels['le'])));
    const isAscending = bounds.every((bound, at) => at === 0 || bound > bounds[at - 1]!);
    const isCumulative = buckets.every(({ value }, at) => at === 0 || value >= buckets[at - 1]!.value);
    if (!isAscending || !isCumulative || bounds.at(-1) !== Infinity) throw new Error(`bad buckets: ${name}${key}`);
    if (buckets.at(-1)!.value !== counts[0]!.value) throw new Error(`bad count: ${name}${key}`);
  }
}

/** The sum of all samples of `name` whose labels include `labels`. */
export function total(
  families: ReadonlyMap<string, Family>, name: string, labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  if (family === undefined) throw new Error(`there is no family ${name}`);
  return family.samples
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
