// What a request will take of a worker, told from its length and a look at its bytes before anybody reads it. Main
// thread; one scale per version. It decides who shares a batch with whom and who is large, never what is answered.
//
//   weight   microseconds for the rows beyond the first one, at the speed of the trial, and for reading text
//
// A request of one row weighs nothing, whatever the row costs: that is what the model is there for. A body of no more
// than `lightBytes` weighs LIGHT_US at most, so it is not looked at: the common request costs one comparison.
import { elementBytes } from '../domain/datatype.ts';
import type { Signature, StackingDecision, TrialReport } from '../domain/records.ts';
import { rowLayout } from '../domain/row-layout.ts';
import { EntryKind } from '../protocols/protocol.ts';

/** Heavier requests are large: they wait, and run, apart from the others. */
export const LARGE_US = 5_000;
/** What the requests of one batch may weigh together: the least of them waits for no more rows than that. */
export const BATCH_US = 20_000;
/** Bodies of which even the worst weighs no more are not looked at. */
const LIGHT_US = 250;
/** Reading a number of two characters takes some ten nanoseconds. */
const TEXT_US_PER_BYTE = 0.004;
/** A value of JSON and what separates it from the next one: never fewer bytes. */
const VALUE_BYTES_MIN = 2;
/** Of a longer body its begin and its end are looked at, so many bytes each, and the denser one counts. */
const LOOK_BYTES = 8_192;
/** For a version whose trial could not measure a run. */
const ROW_US_UNMEASURED = 10;

const COMMA = 0x2c;
const QUOTE = 0x22;

/** What is known of a version. */
export interface WeighedVersion {
  readonly signature: Signature;
  readonly trial: Pick<TrialReport, 'rowMs' | 'runMs'>;
  readonly stacking?: Pick<StackingDecision, 'mode'>;
}

export class RequestScale {
  /** For a queue of which nobody knows what its requests take: none of them weighs anything. */
  static readonly none = new RequestScale(null);

  /** Bodies of up to so many bytes need no look. */
  readonly lightBytes: number;
  /** Microseconds of one row. */
  readonly rowUs: number = 0;
  /** Values of one row, at least 1; an open size counts as one, as in the runs that the trial measured. */
  readonly #rowValues: number = 1;
  /** Bytes of one row as raw numbers. */
  readonly #rowBytes: number = 1;
  readonly #hasTexts: boolean = false;

  constructor(version: WeighedVersion | null) {
    if (version === null) {
      this.lightBytes = Infinity;
      return;
    }
    const { signature, trial: { rowMs = 0, runMs }, stacking } = version;
    // Rows that must not share a run get one each.
    const msPerRow = stacking?.mode === 'none' ? runMs : rowMs || runMs;
    this.rowUs = msPerRow > 0 ? msPerRow * 1e3 : ROW_US_UNMEASURED;
    const { inputs } = rowLayout(signature, 1);
    const values = inputs.map(({ shape }) => shape.reduce((product, size) => product * Math.max(1, Math.abs(size)), 1));
    this.#rowValues = Math.max(1, values.reduce((sum, count) => sum + count, 0));
    this.#rowBytes = Math.max(1, inputs.reduce((sum, { datatype }, input) =>
      sum + values[input]! * elementBytes(datatype), 0));
    this.#hasTexts = inputs.some(({ datatype }) => datatype === 'BYTES');
    // Raw numbers of one byte are denser than any text.
    const textBytesMin = this.#rowValues * VALUE_BYTES_MIN;
    const bytesMin = this.#hasTexts ? textBytesMin : Math.min(textBytesMin, this.#rowBytes);
    this.lightBytes = (LIGHT_US + this.rowUs) / (this.rowUs / bytesMin + TEXT_US_PER_BYTE);
  }

  /** The weight of a request in microseconds; `headerBytes` as in EntryKind. */
  weightUs(kind: EntryKind, body: Uint8Array, headerBytes: number): number {
    const isRaw = kind === EntryKind.floatFrame
      || ((kind === EntryKind.oip || kind === EntryKind.oipFrame) && body.length - headerBytes > headerBytes);
    const rows = isRaw ? (body.length - headerBytes) / this.#rowBytes : this.#valuesIn(body) / this.#rowValues;
    return Math.max(0, rows - 1) * this.rowUs + (isRaw ? 0 : body.length * TEXT_US_PER_BYTE);
  }

  // As the commas of JSON tell, or for texts, which may hold some, the quotes.
  #valuesIn(body: Uint8Array): number {
    const { length } = body;
    if (length <= 2 * LOOK_BYTES) return this.#valuesFrom(body, 0, length);
    const begin = this.#valuesFrom(body, 0, LOOK_BYTES);
    const end = this.#valuesFrom(body, length - LOOK_BYTES, length);
    return Math.max(begin, end) * (length / LOOK_BYTES);
  }

  #valuesFrom(body: Uint8Array, from: number, to: number): number {
    const mark = this.#hasTexts ? QUOTE : COMMA;
    let marks = 0;
    for (let at = from; at < to; at += 1) if (body[at] === mark) marks += 1;
    return this.#hasTexts ? marks / 2 : marks + 1;
  }
}
