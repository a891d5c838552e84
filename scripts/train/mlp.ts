// A small fully connected network and its training by Adam. With no hidden layer it is linear, logistic or softmax
// regression. Everything is float64 and sequential, so a seed fixes the weights to the last bit.
import { gaussian, seededRandom, shuffle, type Random } from './random.ts';
import type { Table } from './data.ts';

/** What the last layer answers: a number, the probability of label 1, or one probability per class. */
export type Head = 'number' | 'probability' | 'classes';

/** Standardises a column: (x - mean) / divisor. */
export interface Scaler {
  readonly mean: readonly number[];
  readonly divisor: readonly number[];
}

/** `weights[i * outputs + o]` leads from input i to output o. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

export interface Network {
  readonly head: Head;
  readonly scaler: Scaler;
  readonly layers: readonly Layer[];
}

export interface TrainingPlan {
  readonly head: Head;
  readonly hidden: readonly number[];
  readonly outputs: number;
  /** Stops after this many mini-batches; the learning rate falls along a cosine to nearly zero at the end. */
  readonly steps: number;
  readonly batchRows: number;
  readonly learningRate: number;
  /** Decoupled weight decay per step, as a share of the learning rate. */
  readonly weightDecay: number;
  readonly seed: number;
  /** Hands out the network after this many steps too, as a run that writes checkpoints would. */
  readonly checkpointStep?: number;
}

export interface TrainingResult {
  readonly final: Network;
  readonly checkpoint: Network | null;
}

const ADAM_BETA1 = 0.9;
const ADAM_BETA2 = 0.999;
const ADAM_EPSILON = 1e-8;

/** Measures mean and standard deviation of every column. */
export function fitScaler(rows: readonly (readonly number[])[]): Scaler {
  const width = rows[0]!.length;
  const mean = Array<number>(width).fill(0);
  const variance = Array<number>(width).fill(0);
  for (const row of rows) row.forEach((value, column) => (mean[column]! += value / rows.length));
  for (const row of rows) {
    row.forEach((value, column) => (variance[column]! += (value - mean[column]!) ** 2 / rows.length));
  }
  // A constant column divides by one: it is zero after the mean is taken off.
  return { mean, divisor: variance.map((value) => (value > 0 ? Math.sqrt(value) : 1)) };
}

/** Uses the same divisor for every column, for features that share one scale. */
export const withDivisor = (scaler: Scaler, divisor: number): Scaler => ({
  mean: scaler.mean, divisor: scaler.divisor.map(() => divisor),
});

function createLayers(widths: readonly number[], random: Random): Layer[] {
  return widths.slice(1).map((outputs, index) => {
    const inputs = widths[index]!;
    const isLast = index === widths.length - 2;
    const spread = Math.sqrt((isLast ? 0.1 : 2) / inputs);
    const weights = Float64Array.from({ length: inputs * outputs }, () => gaussian(random) * spread);
    return { inputs, outputs, weights, bias: new Float64Array(outputs) };
  });
}

function copyNetwork(network: Network): Network {
  const layers = network.layers.map((layer) => ({
    ...layer, weights: layer.weights.slice(), bias: layer.bias.slice(),
  }));
  return { ...network, layers };
}

function forward(layers: readonly Layer[], values: readonly Float64Array[]): void {
  layers.forEach((layer, index) => {
    const from = values[index]!;
    const to = values[index + 1]!;
    to.set(layer.bias);
    for (let input = 0; input < layer.inputs; input += 1) {
      const value = from[input]!;
      if (value === 0) continue;
      const base = input * layer.outputs;
      for (let output = 0; output < layer.outputs; output += 1) to[output]! += value * layer.weights[base + output]!;
    }
    if (index < layers.length - 1) for (let o = 0; o < to.length; o += 1) to[o] = Math.max(0, to[o]!);
  });
}

/** Turns the last layer's sums into the gradient of the loss (squared error, or cross-entropy) in place. */
function lossGradient(head: Head, sums: Float64Array, label: number): void {
  if (head === 'number') sums[0]! -= label;
  else if (head === 'probability') sums[0] = 1 / (1 + Math.exp(-sums[0]!)) - label;
  else {
    const top = Math.max(...sums);
    let total = 0;
    for (let c = 0; c < sums.length; c += 1) total += sums[c] = Math.exp(sums[c]! - top);
    for (let c = 0; c < sums.length; c += 1) sums[c] = sums[c]! / total - (c === label ? 1 : 0);
  }
}

interface Moments {
  readonly gradient: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

const createMoments = (length: number): Moments => ({
  gradient: new Float64Array(length), first: new Float64Array(length), second: new Float64Array(length),
});

/** `deltas[i]` holds the gradient at the output of layer i; adds to the gradients of all parameters. */
function backward(
  layers: readonly Layer[],
  values: readonly Float64Array[],
  deltas: readonly Float64Array[],
  moments: readonly { readonly weights: Moments; readonly bias: Moments }[],
): void {
  for (let index = layers.length - 1; index >= 0; index -= 1) {
    const layer = layers[index]!;
    const from = values[index]!;
    const delta = deltas[index]!;
    const { weights, bias } = moments[index]!;
    for (let output = 0; output < layer.outputs; output += 1) bias.gradient[output]! += delta[output]!;
    for (let input = 0; input < layer.inputs; input += 1) {
      const base = input * layer.outputs;
      const value = from[input]!;
      // A hidden unit at zero passes no gradient on, and adds none to its weights.
      if (value === 0) {
        if (index > 0) deltas[index - 1]![input] = 0;
        continue;
      }
      let back = 0;
      for (let output = 0; output < layer.outputs; output += 1) {
        back += delta[output]! * layer.weights[base + output]!;
        weights.gradient[base + output]! += delta[output]! * value;
      }
      if (index > 0) deltas[index - 1]![input] = back;
    }
  }
}

function adamStep(values: Float64Array, moments: Moments, rows: number, step: number, rate: number, decay: number) {
  const { gradient, first, second } = moments;
  const correction1 = 1 - ADAM_BETA1 ** step;
  const correction2 = 1 - ADAM_BETA2 ** step;
  for (let index = 0; index < values.length; index += 1) {
    const slope = gradient[index]! / rows;
    first[index] = ADAM_BETA1 * first[index]! + (1 - ADAM_BETA1) * slope;
    second[index] = ADAM_BETA2 * second[index]! + (1 - ADAM_BETA2) * slope * slope;
    const move = first[index]! / correction1 / (Math.sqrt(second[index]! / correction2) + ADAM_EPSILON);
    values[index]! -= rate * (move + decay * values[index]!);
  }
  gradient.fill(0);
}

/** The bias with which an untrained last layer already answers the average label. */
function startingBias(head: Head, labels: readonly number[]): number {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  if (head === 'number') return mean;
  return head === 'probability' ? Math.log(mean / (1 - mean)) : 0;
}

/** Trains a network on a table; the scaler is given so that its parameters can be part of the exported graph. */
export function train(table: Table, scaler: Scaler, plan: TrainingPlan): TrainingResult {
  const random = seededRandom(plan.seed);
  const inputs = scaler.mean.length;
  const widths = [inputs, ...plan.hidden, plan.outputs];
  const layers = createLayers(widths, random);
  layers.at(-1)!.bias.fill(startingBias(plan.head, table.labels));
  const network: Network = { head: plan.head, scaler, layers };
  const rows = table.rows.map((row) => Float64Array.from(row, (x, c) => (x - scaler.mean[c]!) / scaler.divisor[c]!));
  const values = widths.map((width) => new Float64Array(width));
  // The last layer's sums become its gradient where they stand.
  const deltas = [...plan.hidden.map((width) => new Float64Array(width)), values.at(-1)!];
  const moments = layers.map((layer) => ({
    weights: createMoments(layer.weights.length), bias: createMoments(layer.bias.length),
  }));
  const order = [...rows.keys()];
  let next = order.length;
  let checkpoint: Network | null = null;
  for (let step = 1; step <= plan.steps; step += 1) {
    for (let taken = 0; taken < plan.batchRows; taken += 1) {
      if (next >= order.length) {
        shuffle(order, random);
        next = 0;
      }
      const row = order[next]!;
      next += 1;
      values[0] = rows[row]!;
      forward(layers, values);
      lossGradient(plan.head, values.at(-1)!, table.labels[row]!);
      backward(layers, values, deltas, moments);
    }
    const rate = plan.learningRate * (0.01 + 0.99 * (1 + Math.cos((Math.PI * step) / plan.steps)) / 2);
    layers.forEach((layer, index) => {
      adamStep(layer.weights, moments[index]!.weights, plan.batchRows, step, rate, plan.weightDecay);
      adamStep(layer.bias, moments[index]!.bias, plan.batchRows, step, rate, 0);
    });
    if (step === plan.checkpointStep) checkpoint = copyNetwork(network);
  }
  return { final: network, checkpoint };
}
