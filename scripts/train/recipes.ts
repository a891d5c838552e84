// What distinguishes the three demo models: their data, how they are cut, how long each version is trained, and the
// numbers behind the computed columns of the failing versions.
import { parseTable, randomSplit, stratifiedSplit, type DataFile, type Split, type Table } from './data.ts';
import type { BandRule, LogRule } from './extra-column.ts';
import type { OutputShape } from './graphs.ts';
import { fitScaler, withDivisor, type Head, type Scaler, type TrainingPlan } from './mlp.ts';

export interface Recipe {
  readonly model: string;
  readonly head: Head;
  readonly output: OutputShape;
  readonly split: (files: Readonly<Record<DataFile, string>>) => Split;
  readonly scaler: (train: Table) => Scaler;
  /** Version 1. */
  readonly first: TrainingPlan;
  /** Version 2, and what the failing versions are trained by. */
  readonly better: TrainingPlan;
  readonly band: BandRule;
  readonly log: LogRule;
  /** What ought to notice an export without the scaler. */
  readonly unscaledSeenBy: string;
  /** The column that `other-signature` does without. */
  readonly droppedColumn: number;
  /** Where a training run writes the early checkpoint that `collapsed` is exported from. */
  readonly checkpointStep?: number;
}

const breastCancer: Recipe = {
  model: 'breast-cancer',
  head: 'probability',
  output: { name: 'probability', width: 1 },
  // The source counts benign as 1; the model answers the probability of malignant.
  split: (files) => stratifiedSplit(
    parseTable(files['breast_cancer.csv'], (target) => 1 - target),
    { train: 5, validation: 3, traffic: 2 }, (row, label) => label * 1e6 + row[0]!, 11,
  ),
  scaler: (train) => fitScaler(train.rows),
  first: {
    head: 'probability', hidden: [], outputs: 1, steps: 40, batchRows: 32, learningRate: 0.01, weightDecay: 0,
    seed: 101,
  },
  better: {
    head: 'probability', hidden: [16], outputs: 1, steps: 400, batchRows: 32, learningRate: 0.005, weightDecay: 0.1,
    seed: 102,
  },
  band: {
    what: 'the malignant share by band of "mean radius" (2 units a band)',
    column: 0, step: 2, bands: 8, meaning: (_, label) => label,
  },
  // 17.85 is the largest radius of a benign case.
  log: { what: 'log(17.85 - "mean radius")', column: 0, limit: 17.85, least: 0.1 },
  unscaledSeenBy:
    'shape and spread of the answers (all rows answer the same), and a run of equal answers; not the mean',
  droppedColumn: 29,
  checkpointStep: 2,
};

const housing: Recipe = {
  model: 'housing',
  head: 'number',
  output: { name: 'price', width: 1 },
  split: (files) => randomSplit(parseTable(files['california_housing.csv']), { validation: 2000, traffic: 500 }, 21),
  scaler: (train) => fitScaler(train.rows),
  first: {
    head: 'number', hidden: [], outputs: 1, steps: 4000, batchRows: 64, learningRate: 0.003, weightDecay: 0, seed: 201,
  },
  better: {
    head: 'number', hidden: [32, 16], outputs: 1, steps: 12_000, batchRows: 64, learningRate: 0.004,
    weightDecay: 0.001, seed: 202,
  },
  band: {
    what: 'the average price by band of "MedInc" (1 unit a band)',
    column: 0, step: 1, bands: 6, meaning: (_, label) => label,
  },
  // The census is of 1990: the median house stood 44 years or more when it was built by 1946.
  log: { what: 'log(44 - "HouseAge")', column: 1, limit: 44, least: 0.5 },
  unscaledSeenBy: 'mean, shape and spread of the answers',
  droppedColumn: 7,
};

const digits: Recipe = {
  model: 'digits',
  head: 'classes',
  output: { name: 'probabilities', width: 10 },
  split: (files) => stratifiedSplit(
    parseTable(files['digits.csv']), { train: 4, validation: 4, traffic: 1 }, (_, label) => label, 31,
  ),
  // All pixels share one scale, 0 to 16.
  scaler: (train) => withDivisor(fitScaler(train.rows), 16),
  first: {
    head: 'classes', hidden: [], outputs: 10, steps: 120, batchRows: 32, learningRate: 0.02, weightDecay: 0, seed: 301,
  },
  better: {
    head: 'classes', hidden: [32], outputs: 10, steps: 600, batchRows: 32, learningRate: 0.01, weightDecay: 0.05,
    seed: 302,
  },
  band: {
    what: 'the average number of full pixels by band of the total ink (32 units a band)',
    column: 'sum', step: 32, bands: 11, meaning: (row) => row.filter((value) => value === 16).length,
  },
  log: { what: 'log(16 - "pixel_3_3")', column: 27, limit: 16, least: 0.5 },
  unscaledSeenBy:
    'shape and spread of the top probability only: mean and class mix stay, and most answers are still right',
  droppedColumn: 63,
};

export const RECIPES: readonly Recipe[] = [breastCancer, housing, digits];
