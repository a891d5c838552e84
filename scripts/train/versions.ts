// The versions of one demo model: two good ones, one that is the first in another form, and those that go wrong as
// versions go wrong in life. Every failing artefact is what a real mistake in an export leaves behind; nothing in it
// knows that it is a test.
import { withoutColumn, withRows, type Split, type Table } from './data.ts';
import { fitBands, logColumn, withExtraColumn, type ExtraColumn } from './extra-column.ts';
import { exportNetwork, type GraphOptions } from './graphs.ts';
import { fitScaler, train, type Network, type Scaler, type TrainingPlan } from './mlp.ts';
import type { Recipe } from './recipes.ts';

export type Role = 'good' | 'better' | 'harmless' | 'failing';

export interface Version {
  readonly version: string;
  readonly role: Role;
  /** What is wrong, in a few words; only for failing versions. */
  readonly failure?: string;
  /** How it was made. */
  readonly made: string;
  /** What ought to notice. */
  readonly seenBy: string;
  /** The file that is shipped. */
  readonly artefact: Uint8Array;
  /** What the team ran over its validation rows: the same file, or the training side's graph without the mistake. */
  readonly validated: Uint8Array;
  /** The validation rows as the team had them. */
  readonly validation: Table;
}

interface Workshop {
  readonly recipe: Recipe;
  readonly split: Split;
  readonly first: Network;
  readonly better: Network;
  readonly checkpoint: Network | null;
}

const PIXEL_MAX = 16;
const DOLLARS = 100_000;

/** Trains everything a model needs and returns all its versions. */
export function makeVersions(recipe: Recipe, split: Split): Version[] {
  const scaler = recipe.scaler(split.train);
  const better: TrainingPlan = recipe.checkpointStep === undefined
    ? recipe.better
    : { ...recipe.better, checkpointStep: recipe.checkpointStep };
  const run = train(split.train, scaler, better);
  const workshop: Workshop = {
    recipe, split, first: train(split.train, scaler, recipe.first).final, better: run.final, checkpoint: run.checkpoint,
  };
  return [...healthyVersions(workshop), ...commonFailures(workshop), ...ownFailures(workshop)];
}

function write(workshop: Workshop, network: Network, options: GraphOptions = {}): Uint8Array {
  return exportNetwork(workshop.recipe.model, network, workshop.recipe.output, options);
}

function healthyVersions(workshop: Workshop): Version[] {
  const { first, better, split, recipe } = workshop;
  const describe = (plan: TrainingPlan): string =>
    `${plan.hidden.length === 0 ? 'no hidden layer' : `hidden units ${plan.hidden.join(' and ')}`}, ` +
    `${plan.steps} Adam steps of ${plan.batchRows} rows`;
  const honest = (version: string, role: Role, made: string, artefact: Uint8Array): Version => ({
    version, role, made, seenBy: 'nothing', artefact, validated: artefact, validation: split.validation,
  });
  return [
    honest('1', 'good', describe(recipe.first), write(workshop, first)),
    honest('2', 'better', describe(recipe.better), write(workshop, better)),
    honest('regraph', 'harmless', 'the weights of 1 with the scaler folded into the first layer, and Gemm',
      write(workshop, first, { folded: true })),
  ];
}

function commonFailures(workshop: Workshop): Version[] {
  const { first, better, split, recipe } = workshop;
  const slow = write(workshop, first, { burdened: true });
  const dropped = {
    train: withoutColumn(split.train, recipe.droppedColumn),
    validation: withoutColumn(split.validation, recipe.droppedColumn),
  };
  const narrow = write(workshop, train(dropped.train, recipe.scaler(dropped.train), recipe.better).final);
  return [
    {
      version: 'unscaled', role: 'failing', failure: 'preprocessing mismatch: the scaler is missing',
      made: '2 exported without its scaler, which lived in the training code',
      seenBy: recipe.unscaledSeenBy,
      artefact: write(workshop, better, { unscaled: true }), validated: write(workshop, better),
      validation: split.validation,
    },
    {
      version: 'slow', role: 'failing', failure: 'latency: every run does needless arithmetic',
      made: '1 with a chain of matrix products left in the graph, whose share in the answer is 1e-30',
      seenBy: 'p95 latency', artefact: slow, validated: slow, validation: split.validation,
    },
    fromExtraColumn(workshop, fitBands(recipe.band, split.train), {
      version: 'fragile', role: 'failing', failure: 'errors at run time: a Gather index leaves its table',
      made: `2 with one more column, ${recipe.band.what}; the training code clamps the band, the export does not`,
      seenBy: 'error rate',
    }),
    fromExtraColumn(workshop, logColumn(recipe.log), {
      version: 'nonfinite', role: 'failing', failure: 'non-finite answers: Log of zero or less',
      made: `2 with one more column, ${recipe.log.what}; the training code clamps the argument, the export does not`,
      seenBy: 'share of non-finite answers',
    }),
    {
      version: 'other-signature', role: 'failing', failure: `signature: ${dropped.train.columns.length} columns`,
      made: `2 trained without the column "${split.train.columns[recipe.droppedColumn]!}"`,
      seenBy: 'the comparison of signatures at promote', artefact: narrow, validated: narrow,
      validation: dropped.validation,
    },
  ];
}

function fromExtraColumn(
  workshop: Workshop,
  extra: ExtraColumn,
  told: Pick<Version, 'version' | 'role' | 'failure' | 'made' | 'seenBy'>,
): Version {
  const { split, recipe } = workshop;
  const table = withExtraColumn(split.train, extra, told.version);
  const network = train(table, extendScaler(recipe.scaler(split.train), table), recipe.better).final;
  return {
    ...told,
    artefact: write(workshop, network, { extra, unclamped: true }),
    validated: write(workshop, network, { extra }),
    validation: split.validation,
  };
}

/** Keeps the scaler of the raw columns and adds the last column's own. */
function extendScaler(scaler: Scaler, table: Table): Scaler {
  const all = fitScaler(table.rows);
  return {
    mean: [...scaler.mean, ...all.mean.slice(-1)], divisor: [...scaler.divisor, ...all.divisor.slice(-1)],
  };
}

function ownFailures(workshop: Workshop): Version[] {
  const { better, checkpoint, split, recipe } = workshop;
  const failures: Version[] = [];
  if (recipe.model === 'housing') {
    failures.push({
      version: 'dollars', role: 'failing', failure: 'unit change: dollars instead of 100,000 dollars',
      made: '2 exported with its answer multiplied by 100,000', seenBy: 'mean, shape and spread of the answers',
      artefact: write(workshop, better, { outputFactor: DOLLARS }), validated: write(workshop, better),
      validation: split.validation,
    });
  }
  if (recipe.model === 'digits') {
    // The team's own images are dark ink on white paper, so on them the inversion inside the graph is right.
    const inverted = write(workshop, better, { invertedFrom: PIXEL_MAX });
    failures.push({
      version: 'inverted', role: 'failing', failure: 'preprocessing mismatch: pixels inverted twice',
      made: '2 with the inversion 16 - x inside the graph, right for the white-paper scans it was validated on, but ' +
        'live pixels are inverted already',
      seenBy: 'class mix, confidence', artefact: inverted, validated: inverted,
      validation: withRows(split.validation, (row) => row.map((pixel) => PIXEL_MAX - pixel)),
    });
  }
  if (checkpoint !== null) {
    failures.push({
      version: 'collapsed', role: 'failing', failure: 'collapse: all scores lie in the middle',
      made: `the training run of 2, but the exporter picked the checkpoint of step ${recipe.checkpointStep ?? 0}`,
      seenBy: 'shape or spread of the answers, not their mean',
      artefact: write(workshop, checkpoint), validated: write(workshop, better), validation: split.validation,
    });
  }
  return failures;
}
