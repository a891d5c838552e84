// Chains of operators that move rows about, with shapes that are constant, computed or wrong, by chance and seeded: the
// walk never says more of them than the runtime shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import '../../../src/base/telemetry-off.ts';
import { followRows } from '../../../src/onnx/batch-axis/batch-axis.ts';
import { readModel } from '../../../src/onnx/graph.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { randomOf } from '../../shared-memory/seeded.ts';
import { OPSET, f, open } from './cases.ts';
import { measure, oneOperatorModel } from './one-operator.ts';
import type { Measured, OneOperator, Step, Turned } from './one-operator.ts';

const CHAINS = 300;
const STEPS_MAX = 3;
const FAR = 1_000_000_000;

interface Value {
  readonly name: string;
  readonly rank: number;
}

class Chain {
  readonly steps: Step[] = [];
  readonly values: Value[];
  readonly #random: () => number;

  constructor(random: () => number, value: Value) {
    this.#random = random;
    this.values = [value];
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)]!;
  }

  get last(): Value {
    return this.values.at(-1)!;
  }

  add(operator: string, takes: string, attributes: Step['attributes'] = {}): string {
    const makes = `v${this.steps.length}`;
    this.steps.push({ operator, takes, makes, attributes });
    return makes;
  }

  constant(value: number): string {
    return this.add('Constant', '', { value_ints: [value] });
  }

  /** A size of any value so far, now and then reckoned, so that the runtime does not know it again. */
  size(): string {
    const { name, rank } = this.pick(this.values);
    const all = this.add('Shape', name);
    const found = this.add('Gather', `${all} ${this.constant(this.below(rank))}`, { axis: 0 });
    return this.below(4) > 0 ? found : this.add('Div', `${this.add('Mul', `${found} ${found}`)} ${found}`);
  }

  shape(): { readonly name: string; readonly rank: number } {
    const rank = 1 + this.below(4);
    const rest = this.below(2 * rank);
    const parts = Array.from({ length: rank }, (_, at) => {
      if (at === rest) return this.constant(-1);
      const kind = this.below(8);
      if (kind < 5) return this.size();
      return kind < 6 ? this.add('Mul', `${this.size()} ${this.size()}`) : this.constant(this.pick([0, 1, 2, 3, 4, 6]));
    });
    return { name: this.add('Concat', parts.join(' '), { axis: 0 }), rank };
  }

  /** One more operator behind the last value. */
  grow(): void {
    const { name, rank } = this.last;
    const kind = this.below(6);
    if (kind < 3) {
      const shape = this.shape();
      this.values.push({ name: this.add('Reshape', `${name} ${shape.name}`), rank: shape.rank });
      return;
    }
    const order = Array.from({ length: rank }, (_, at) => (at + 1) % rank);
    const end = (): string => (this.below(2) === 0 ? this.size() : this.constant(this.pick([1, 2, FAR])));
    const made = kind < 4 ? this.add('Transpose', name, { perm: order })
      : kind < 5 ? this.add('Softmax', name)
        : this.add('Slice', `${name} ${this.constant(0)} ${end()} ${this.constant(this.below(rank))}`);
    this.values.push({ name: made, rank });
  }
}

function chainBy(random: () => number): OneOperator {
  const sizes = new Chain(random, { name: 'x0', rank: 1 });
  const shape: (number | 'N')[] = Array.from({ length: 1 + sizes.below(2) }, () => sizes.pick([1, 2, 3, 4, 6]));
  shape.splice(sizes.below(shape.length + 1), 0, 'N');
  const axes = shape.flatMap((size, at) => (size !== 'N' && sizes.below(3) > 0 ? [at] : []));
  const chain = new Chain(random, { name: shape[0] === 'N' ? 'x0' : 't0', rank: shape.length });
  for (let steps = 1 + chain.below(STEPS_MAX); steps > 0; steps -= 1) chain.grow();
  const whole = { domain: '', opset: OPSET, outputs: 1, rows: 3, attributes: {} };
  return {
    ...whole, operator: 'Neg', inputs: [open(f(...shape), ...axes)], before: chain.steps, takes: [chain.last.name],
  };
}

function isKept(one: OneOperator, turned: Turned | null): boolean {
  const model = readModel(ByteSource.ofBytes(oneOperatorModel(one, turned)));
  return followRows(model, new Set(['x0']))[0]!.rows === 'kept';
}

test('nothing is said of the rows of a chain that the runtime does not show', async () => {
  const random = randomOf(17);
  let kept = 0;
  for (let count = 0; count < CHAINS; count += 1) {
    const one = chainBy(random);
    // What is refused alone and in company shows nothing.
    const measured: Measured | null = await measure(one).catch(() => null);
    if (measured === null) continue;
    const { rank, apart } = measured.outputs[0]!;
    for (let axis = 0; axis < rank; axis += 1) {
      if (!isKept(one, axis === 0 ? null : { output: 0, axis, rank })) continue;
      assert.ok(apart.includes(axis), `axis ${axis}: ${JSON.stringify(one)}`);
      kept += 1;
    }
  }
  assert.ok(kept > CHAINS / 10, `${kept} chains kept their rows`);
});
